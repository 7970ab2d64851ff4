"""What a password costs here: ``make bench-hash``.

One line for one hash, one for as many at once as ``idp.signin.hashing`` allows on this machine.
"""

import os
import platform
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from idp.signin import hashing

ROUNDS = 20


def main() -> None:
    """Measure and print."""
    hasher = hashing.hasher
    known = hasher.hash("correct horse battery")

    def once(_: int = 0) -> float:
        start = time.perf_counter()
        hasher.verify(known, "correct horse battery")
        return (time.perf_counter() - start) * 1000

    once()
    cores = len(os.sched_getaffinity(0))
    at_once = hashing.HASHES_PER_CORE * cores
    print(
        f"Argon2id, {hasher.memory_cost // 1024} MiB, t={hasher.time_cost}, "
        f"p={hasher.parallelism}; {cores} cores, {platform.machine()}"
    )
    took = [once() for _ in range(ROUNDS)]
    print(f"one at a time: {statistics.median(took):.1f} ms (median of {ROUNDS})")
    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        took = list(pool.map(once, range(ROUNDS * at_once)))
    rate = len(took) / (time.perf_counter() - start)
    print(
        f"{at_once} at a time: {statistics.median(took):.1f} ms each, {rate:.0f} a second, "
        f"{at_once * hasher.memory_cost // 1024} MiB"
    )


if __name__ == "__main__":
    main()
