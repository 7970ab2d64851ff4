"""Cores and CPU time."""

import os
import subprocess
import sys

import pytest

from bench import cores

# A server whose children do the work: one that still runs, one that has ended.
SERVER = """
import subprocess, sys
work = "import time\\nwhile time.process_time() < 0.2: pass\\nprint(flush=True)\\n"
subprocess.run([sys.executable, "-c", work], stdout=subprocess.DEVNULL, check=True)
stays = [sys.executable, "-c", work + "input()"]
child = subprocess.Popen(stays, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(flush=True)
input()
child.communicate(b"\\n")
"""


def test_cpu_time_is_that_of_all_processes_below() -> None:
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        spent = cores.cpu_seconds({"server": server.pid, "nobody": 2**30})
        server.communicate(b"\n")
    assert spent["server"] >= 0.39  # two times 0.2, in ticks of 0.01
    assert spent["nobody"] == 0


def test_what_is_started_on_a_core_stays_there() -> None:
    before = os.sched_getaffinity(0)
    core = min(before)
    look = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    with cores.on(core):
        seen = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    assert seen.strip() == str({core})
    assert os.sched_getaffinity(0) == before


def test_one_core_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})
    with pytest.raises(cores.OneCore):
        cores.two()
