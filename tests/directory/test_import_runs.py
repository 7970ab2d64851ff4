"""Runs of imports: one at a time, watched, cancelled, taken up again after a killed worker."""

import datetime as dt
import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import func, select

from idp import jobs, owners
from idp.database import db, now, reading
from idp.directory import import_runs, importing
from idp.directory.contacts import Person
from idp.directory.import_runs import ImportRun, files, leases, tidy, work
from idp.directory.import_runs.runs import ImportPart, ImportRefusal
from idp.directory.import_runs.watch import Stopped, Watch
from idp.directory.importing import Kind
from idp.settings import Settings
from tests.background import process
from tests.stack import eventually


@pytest.fixture
def make(app: Flask, tmp_path: Path) -> Callable[..., ImportRun]:
    """Makes a run of so many people, each of a name and a number."""

    def made(people: int = 3, *, kind: Kind = "people", text: str = "") -> ImportRun:
        path = tmp_path / "people.csv"
        lines = [f"key-{number},Ada,Byron{number}" for number in range(people)]
        path.write_text(text or "\n".join(["Key,First Name,Last Name", *lines]) + "\n")
        return import_runs.make(kind, path, "people.csv", "pat@example.org")

    return made


def checked(run: ImportRun) -> ImportRun:
    """Have a run checked, by a worker of this process."""
    import_runs.check(run)
    work.work()
    db.session.refresh(run)
    assert run.state == "checked", run.message
    return run


def count(table: Any = Person) -> int:
    """How many there are, and nobody who writes waits for whoever counts."""
    db.session.rollback()
    with reading():
        found = db.session.scalar(select(func.count()).select_from(table)) or 0
        db.session.rollback()
    return found


def fresh(run: ImportRun) -> ImportRun:
    """A run as it is now, and nobody who writes waits for whoever looks."""
    db.session.rollback()
    with reading():
        db.session.refresh(run)
    return run


def test_a_file_is_kept_in_parts_and_put_together_again(
    app: Flask, make: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PART", 10)
    run = make(20)
    assert run.size > 100
    assert count(ImportPart) == -(-run.size // 10)
    with files.at_hand(run) as path:
        assert len(path.read_bytes()) == run.size
        assert path.suffix == ".csv"
    assert not path.exists()
    files.forget(run.id)
    db.session.commit()
    with pytest.raises(files.FileGone), files.at_hand(run):
        pass


def test_a_run_of_a_lost_file_fails_in_words(app: Flask, make: Callable[..., ImportRun]) -> None:
    run = make()
    files.forget(run.id)
    import_runs.check(run)
    work.work()
    assert (fresh(run).state, run.message) == (
        "failed",
        "The file is no longer kept. Upload it again.",
    )


def test_one_run_is_worked_on_at_a_time_in_the_order_of_starting(
    app: Flask, make: Callable[..., ImportRun]
) -> None:
    first, second = make(), make()
    import_runs.check(second)
    import_runs.check(first)
    claimed = leases.claim()
    assert claimed is not None
    assert claimed.run_id == second.id
    assert leases.claim() is None
    assert not leases.any_due()
    leases.release(claimed)
    assert leases.any_due()
    assert fresh(second).attempts == 0


def test_a_lost_job_is_found_by_the_clock(
    app: Flask, make: Callable[..., ImportRun], redis_server: str
) -> None:
    import_runs.check(make())
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    assert work.tick()
    assert jobs.queue(work.QUEUE).count == 1
    assert not work.tick(), "one job waits"


def test_what_another_worker_has_taken_up_is_not_written_to(
    app: Flask, make: Callable[..., ImportRun]
) -> None:
    run = make()
    import_runs.check(run)
    late = leases.claim()
    assert late is not None
    db.session.rollback()
    run.lease_until = now() - dt.timedelta(seconds=1)
    db.session.commit()
    taken = leases.claim()
    assert taken is not None
    assert not leases.say(late, rows_done=7)
    assert leases.say(taken, rows_done=8)
    db.session.rollback()
    with Watch(late) as watch:
        eventually(watch.lost, "the late worker hears of it", 10)
    with pytest.raises(Stopped, match="lost"):
        watch.reached(1, 2)


def test_a_cancel_is_heard_between_two_chunks_and_what_was_written_stays(
    app: Flask, make: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = checked(make(2500))
    reached, go_on = threading.Event(), threading.Event()
    told = Watch.reached

    def slowly(self: Watch, done: int, total: int) -> None:
        if done:
            reached.set()
            assert go_on.wait(20)
            eventually(self.cancelled, "the worker hears of the cancel", 20)
        told(self, done, total)

    monkeypatch.setattr(Watch, "reached", slowly)

    def in_the_worker() -> None:
        with app.app_context():
            work.work()

    import_runs.start(run)
    worker = threading.Thread(target=in_the_worker)
    worker.start()
    assert reached.wait(20)
    db.session.rollback()
    import_runs.cancel(run)
    assert fresh(run).state == "running"
    go_on.set()
    worker.join()
    assert fresh(run).state == "cancelled"
    assert 0 < run.rows_done == count() < 2500
    assert run.counts is not None
    assert run.counts["created"] == run.rows_done
    assert count(ImportPart) == 0


def test_a_run_that_waits_is_cancelled_at_once(app: Flask, make: Callable[..., ImportRun]) -> None:
    run = make()
    import_runs.check(run)
    db.session.rollback()
    import_runs.cancel(run)
    assert (fresh(run).state, count(ImportPart)) == ("cancelled", 0)
    work.work()
    assert fresh(run).state == "cancelled"


def test_a_worker_that_is_asked_to_end_gives_its_run_back(
    app: Flask, make: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = checked(make())
    import_runs.start(run)
    jobs.ending.set()
    try:
        work.work()
    finally:
        jobs.ending.clear()
    assert (fresh(run).state, run.lease_owner, run.attempts) == ("running", None, 0)
    work.work()
    assert fresh(run).state == "done"


def test_a_file_that_ends_its_worker_each_time_is_given_up(
    app: Flask, make: Callable[..., ImportRun]
) -> None:
    run = make()
    import_runs.check(run)
    for _ in range(leases.MOST_ATTEMPTS):
        claimed = leases.claim()
        assert claimed is not None
        leases.say(claimed, lease_owner="another:1:1:x", lease_until=None)
    assert leases.claim() is None
    assert fresh(run).state == "failed"
    assert "It was begun 4 times" in run.message


def test_the_leases_of_the_dead_alone_are_freed(app: Flask, make: Callable[..., ImportRun]) -> None:
    run = make()
    import_runs.check(run)
    claimed = leases.claim()
    assert claimed is not None
    assert leases.free_the_dead() == 0
    machine = owners.new().split(":", maxsplit=1)[0]
    leases.say(claimed, lease_owner=f"{machine}:999999999:1:gone")
    assert leases.free_the_dead() == 1
    assert leases.any_due()


def test_a_defect_of_ours_fails_the_run_and_says_nothing_of_itself(
    app: Flask, make: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(importing, "run", broken)
    run = make()
    import_runs.check(run)
    work.work()
    assert fresh(run).state == "failed"
    assert "our fault" in run.message
    assert "secret" not in run.message


def test_a_full_disk_costs_the_run_time_and_not_its_file(
    app: Flask, make: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = make()
    import_runs.check(run)
    with monkeypatch.context() as patch:
        patch.setattr(importing, "run", full)
        work.work()
    assert (fresh(run).state, count(ImportPart)) == ("checking", 1)
    db.session.rollback()
    run.lease_until = now() - dt.timedelta(seconds=1)
    db.session.commit()
    work.work()
    assert fresh(run).state == "checked"


@pytest.mark.compliance("Y09")
@pytest.mark.slow
def test_a_killed_workers_import_is_taken_up_again_and_comes_to_the_same(
    app: Flask, settings: Settings, make: Callable[..., ImportRun]
) -> None:
    people = 30_000
    run = checked(make(people))
    jobs.connection().flushall()
    with process("run_import_worker", settings) as worker:
        import_runs.start(run)
        eventually(lambda: count() > 0, "the import is on its way")
        worker.kill()
        worker.wait()
    assert 0 < count() < people, "it was killed in the middle"
    assert fresh(run).state == "running"
    jobs.connection().flushall()
    db.session.rollback()
    with process("run_import_worker", settings), process("run_clock", settings):
        eventually(lambda: fresh(run).state != "running", "it is taken up again", 120)
    assert run.state == "done", run.message
    assert count() == people
    assert run.counts is not None
    assert run.counts["rows"] == run.rows_done == people
    assert run.counts["created"] == people, "what the killed worker made counts as made"


def test_what_nobody_goes_on_with_is_given_up_after_a_day(
    app: Flask, make: Callable[..., ImportRun]
) -> None:
    left, in_use, broken_off = make(), make(), make()
    broken_off.digest = ""
    for run in (left, in_use, broken_off):
        run.created_at = now() - tidy.FILE_KEPT - dt.timedelta(minutes=1)
    db.session.commit()
    import_runs.check(in_use)
    key = broken_off.key
    assert tidy.tick()["imports given up"] == 1
    assert (fresh(left).state, left.message) == ("cancelled", tidy.LEFT)
    assert fresh(in_use).state == "checking"
    assert set(db.session.scalars(select(ImportPart.run_id))) == {in_use.id}
    assert import_runs.find(key) is None


def test_refused_rows_are_deleted_after_a_month(app: Flask, make: Callable[..., ImportRun]) -> None:
    run = checked(make(text="Key,First Name,Email\na,Ada,ada at home\n"))
    import_runs.start(run)
    work.work()
    assert count(ImportRefusal) == 1
    tidy.tick()
    assert count(ImportRefusal) == 1
    db.session.rollback()
    run.finished_at = now() - tidy.REFUSALS_KEPT - dt.timedelta(minutes=1)
    db.session.commit()
    assert tidy.tick()["refused rows"] == 1
    assert fresh(run).counts["refused"] == 1  # type: ignore[index]
