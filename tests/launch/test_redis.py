"""The embedded Redis server."""

import threading
from pathlib import Path

from launch.redis import RedisServer, answers


def test_of_two_that_start_at_once_one_serves_both_until_it_ends(tmp_path: Path) -> None:
    servers = [RedisServer(tmp_path / "redis.sock") for _ in range(2)]
    together, over = threading.Barrier(3), threading.Event()

    def start(server: RedisServer) -> None:
        together.wait(20)
        try:
            server.start()
        finally:
            together.wait(20)
            over.wait(60)  # it ends with the thread that started it

    threads = [threading.Thread(target=start, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        together.wait(20)
        together.wait(20)
        own, other = sorted(servers, key=lambda server: server.process is None)
        assert own.process is not None
        assert other.process is None
        other.stop()
        assert answers(own.address), "who brought none takes none away"
        own.stop()
        other.revive()
        assert answers(other.address), "whoever is left brings one"
    finally:
        over.set()
        for server in servers:
            server.stop()
        for thread in threads:
            thread.join()
