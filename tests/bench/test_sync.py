"""``make bench-sync`` at a tiny size, and what is said of it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import environment, sync, sync_report
from bench.sync_report import Measured
from bench.sync_work import Floor, Live, Sync

ROOT = Path(__file__).parents[2]
TINY = {"SIZES": "150", "SECONDS": "1", "EDITS": "20"}


@pytest.fixture
def folder() -> Iterator[Path]:
    # Short: the path of a Unix socket has a hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="tessera-") as name:
        yield Path(name)


def command(folder: Path, **given: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench.sync"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), **TINY, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_it_runs_as_a_whole_and_leaves_nothing(folder: Path, database: str) -> None:
    with command(folder, DATABASE=database) as process:
        said, problems = process.communicate(timeout=400)
    assert process.returncode == 0, problems
    for title in ("A first sync", "Two workers", "Everything compared", "Live changes", "20 edits"):
        assert f"## {title}" in said
    assert "| 0 requests, " in said, "nothing changed"
    assert "edits: 2 pushes | 1 | met" in said or "edits: 2 pushes | 2 | met" in said
    assert not [path for path in folder.iterdir() if path.is_dir()]


@pytest.mark.slow
def test_it_can_be_interrupted_and_leaves_nothing(folder: Path) -> None:
    with command(folder, DATABASE="sqlite", SIZES="2000", ONLY="live", SECONDS="600") as process:
        deadline = time.monotonic() + 300
        while not list(folder.glob("*/*/worker-0")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _said, problems = process.communicate(timeout=100)
    assert process.returncode == 130, problems
    assert not [path for path in folder.iterdir() if path.is_dir()]
    left = subprocess.run(
        ["pgrep", "-f", str(folder)], capture_output=True, check=False, text=True
    ).stdout
    assert not left.split()


def measured(size: int, *, quick: bool) -> Measured:
    slower = 1.0 if quick else 10.0
    sync_of = Sync(
        size, size // 100, size / 3000 * slower, {"workers": size / 4000 * slower}, [120.0] * 9
    )
    if not quick:
        sync_of.memory[-1] = 220.0
    unchanged = Sync(size, int(not quick), 1.0, {"workers": 1.0}, [])
    seconds = [0.02 * slower * slower] * 100
    return Measured(
        "postgres",
        size,
        Floor(30_000, 0.02),
        sync_of,
        {1: sync_of, 2: Sync(size, 1, sync_of.seconds / (1.9 if quick else 1.1), {}, [])},
        unchanged,
        Live(seconds, seconds, 50.0, 90),
        (1, 30) if quick else (3, 30),
    )


def test_targets_are_met_or_missed() -> None:
    assert {met for *_, met in sync_report.targets(measured(1000, quick=True))} == {True}
    assert {met for *_, met in sync_report.targets(measured(1000, quick=False))} == {False}


def test_the_cost_of_a_contact_is_compared_between_the_sizes_of_a_database() -> None:
    small, large = measured(1000, quick=True), measured(10_000, quick=True)
    ((_, ratio, met),) = sync_report.growth([small, large])
    assert (ratio, met) == ("1.00", True)
    assert large.first is not None
    large.first.cpu["workers"] *= 1.3
    ((_, ratio, met),) = sync_report.growth([small, large])
    assert (ratio, met) == ("1.30", False)
    assert sync_report.growth([small]) == []


def test_only_what_was_measured_is_reported() -> None:
    text = sync_report.text([Measured("sqlite", 1000)], ["On a machine."], 1000)
    assert "- On a machine." in text
    assert "## A first sync" not in text
    whole = sync_report.text([measured(1000, quick=True)], [], 1000)
    assert "| Postgres | 1,000 | 1,000 | 3,000 | 30,000 | 4,000 | 0.250 | 0.020 | 12.5 |" in whole


def test_the_environment_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, wrong in (("SIZES", "many"), ("SIZES", "5"), ("DATABASE", "oracle"), ("EDITS", "0")):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(environment.UsageError, match=name):
            sync.plan()
        monkeypatch.delenv(name)
    assert sync.plan().whole
    monkeypatch.setenv("ONLY", "live,first")
    asked = sync.plan()
    assert (asked.parts, asked.whole) == (("first", "live"), False)
