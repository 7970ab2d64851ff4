"""The connection: what the association's staff set of Higher Logic, and how it stands. One row."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, SmallInteger, String, false, inspect
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault

from idp import audit, encryption
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory.contacts import InvalidValue
from sync import noting
from sync.protocol import exchange, wire
from sync.records import deactivated
from sync.records.feed import Wanted
from sync.removals import held
from sync.sent import activity
from sync.settings import alert_settings, history_settings, limits, pace
from sync.settings.connection_settings import SWITCHES, URL_LENGTH, checked
from sync.settings.limits import Limits

BASE_URL = "https://data.higherlogic.com"
MEMBER_STATUSES = ("Current", "Grace")


class HigherLogicConnection(Base):
    """The connection's settings and standing; ``change`` and ``test`` write them.

    The switches name the properties that Higher Logic's staff switch on for the tenant; each puts
    its fields into the payload (bio; photo; web addresses).

    ``member_statuses`` says whom ``IsMember`` is true for: the statuses, letter case aside, that
    count as membership. How an association decides that is not known to us, so it is theirs to
    set; by default somebody current, or in the grace period after it, is a member.

    ``deactivated`` says what is told of who is deactivated (``deactivated.Policy``).

    ``alert_addresses`` are told of trouble by mail (``alerts``), or the owners when there are none.
    ``alert_after_hours`` is after how long without an acceptance while something is pending.

    ``guard_people`` and ``guard_percent`` are the removal guard's (``limits``).

    ``stopped_at`` is set when Higher Logic refuses key or tenant code: nothing is sent until they
    are changed or tested successfully. ``paused_until`` is set when it asks us to slow down or
    does not answer, ``pauses`` counts how often in a row. ``resumed_at`` is when somebody changed
    the settings, or tested them well, so that pushes could go on. After a pause one worker probes,
    until ``probing_until`` at the latest. ``doubts`` counts batches that Higher Logic refused every
    record of, since ``doubted_at``.

    ``batch_size`` contacts go in one push, and ``smaller_batch`` for as long as that was too large;
    ``requests_per_minute`` pushes go in all, the next from ``next_request_at`` on.

    ``history_days`` is how long what was sent is kept (``history``, ``tidy``). ``reconcile_hour``
    is when, each day of the association's, everything is compared; ``None``: never.
    ``reconciled_on`` is the day on which that was begun last (``reconcile``). ``reconcile_due_at``
    is set while somebody waits for one, ``reconciled_at`` when the last one ended, and
    ``reconcile_found`` what it found, in numbers of contacts.
    """

    __tablename__ = "higher_logic_connection"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("deactivated IN ('keep', 'inactive', 'no_groups')", name="deactivated"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    base_url: Mapped[str] = mapped_column(String(URL_LENGTH), default=BASE_URL)
    tenant_code: Mapped[str] = mapped_column(String(100), default="")
    sealed_key: Mapped[str] = mapped_column("api_key", default="")
    integrate_bio: Mapped[bool] = mapped_column(default=False, server_default=false())
    integrate_profile_image: Mapped[bool] = mapped_column(default=False, server_default=false())
    integrate_social_media: Mapped[bool] = mapped_column(default=False, server_default=false())
    member_statuses: Mapped[list[str]] = mapped_column(
        JSONDocument, default=lambda: list(MEMBER_STATUSES)
    )
    alert_addresses: Mapped[list[str]] = mapped_column(
        JSONDocument, default=list, server_default="[]"
    )
    alert_after_hours: Mapped[int] = mapped_column(
        default=alert_settings.AFTER_HOURS, server_default=str(alert_settings.AFTER_HOURS)
    )
    deactivated: Mapped[str] = mapped_column(
        String(10), default=deactivated.KEEP, server_default=deactivated.KEEP
    )
    guard_people: Mapped[int] = mapped_column(
        default=limits.PEOPLE, server_default=str(limits.PEOPLE)
    )
    guard_percent: Mapped[int] = mapped_column(
        default=limits.PERCENT, server_default=str(limits.PERCENT)
    )
    last_tested_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_test_ok: Mapped[bool | None]
    last_test_message: Mapped[str] = mapped_column(default="", server_default="")
    stopped_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    stopped_reason: Mapped[str] = mapped_column(default="", server_default="")
    paused_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    paused_reason: Mapped[str] = mapped_column(default="", server_default="")
    pauses: Mapped[int] = mapped_column(default=0, server_default="0")
    resumed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    history_days: Mapped[int] = mapped_column(
        default=history_settings.DAYS, server_default=str(history_settings.DAYS)
    )
    probing_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    doubts: Mapped[int] = mapped_column(default=0, server_default="0")
    doubted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    batch_size: Mapped[int] = mapped_column(default=pace.BATCH, server_default=str(pace.BATCH))
    smaller_batch: Mapped[int | None]
    smaller_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    requests_per_minute: Mapped[int | None]
    next_request_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    reconcile_hour: Mapped[int | None] = mapped_column(
        SmallInteger, default=history_settings.HOUR, server_default=str(history_settings.HOUR)
    )
    reconciled_on: Mapped[dt.date | None]
    reconcile_due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    reconciled_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    reconcile_found: Mapped[dict[str, int] | None] = mapped_column(JSONDocument)

    @property
    def configured(self) -> bool:
        """Whether there is a tenant code and an API key."""
        return bool(self.tenant_code and self.sealed_key)

    @property
    def api_key(self) -> str:
        """The API key. Raises ``encryption.Unreadable``."""
        return encryption.decrypt(self.sealed_key) if self.sealed_key else ""

    @property
    def key_hint(self) -> str:
        """The key's last four characters; empty for a short key and for one that is unreadable."""
        try:
            key = self.api_key
        except encryption.Unreadable:
            return ""
        return key[-4:] if len(key) >= 8 else ""

    @property
    def wanted(self) -> Wanted:
        """What the feed is to hold by these settings."""
        return Wanted(
            bio=self.integrate_bio,
            photo=self.integrate_profile_image,
            web=self.integrate_social_media,
            member_statuses=frozenset(status.casefold() for status in self.member_statuses),
            deactivated=self.deactivated,
        )

    @property
    def limits(self) -> Limits:
        """How many may leave a group without a question."""
        return Limits(self.guard_people, self.guard_percent)

    @property
    def batch(self) -> int:
        """How many contacts a push may hold just now."""
        if self.smaller_batch and self.smaller_until and self.smaller_until > now():
            return min(self.batch_size, self.smaller_batch)
        return self.batch_size

    def target(self) -> exchange.Target:
        """Where pushes go by these settings. Raises ``encryption.Unreadable``."""
        return exchange.Target(
            base_url=self.base_url,
            tenant_code=self.tenant_code,
            api_key=self.api_key,
            sealed_key=self.sealed_key,
            wanted=self.wanted,
            batch=self.batch,
            requests_per_minute=self.requests_per_minute,
            pauses=self.pauses,
            doubts=self.doubts,
        )

    def clear(self) -> None:
        """End a stop or a pause: pushes go on."""
        self.stopped_at, self.stopped_reason = None, ""
        self.paused_until, self.paused_reason, self.pauses = None, "", 0
        self.resumed_at = now()
        self.probing_until, self.doubts = None, 0


def get() -> HigherLogicConnection:
    """The connection; one that was not saved yet has the defaults."""
    return db.session.get(HigherLogicConnection, 1) or HigherLogicConnection(**_defaults())


def _defaults() -> dict[str, Any]:
    # What a flush would fill in.
    values = {}
    for name, column in inspect(HigherLogicConnection).columns.items():
        if isinstance(column.default, ScalarElementColumnDefault):
            values[name] = column.default.arg
        elif isinstance(column.default, CallableColumnDefault):
            values[name] = column.default.arg(None)  # type: ignore[arg-type]  # asks for nothing
    return values


def change(**values: Any) -> HigherLogicConnection:
    """Change settings: ``base_url``, ``tenant_code``, ``api_key`` (an empty one takes it away), the
    switches, ``member_statuses``, ``alert_addresses`` (a list, or text with commas),
    ``alert_after_hours``, ``deactivated``, ``history_days``, ``reconcile_hour``, the limits of the
    guard, ``pace.SETTINGS``.
    Part of the transaction at hand.

    A new key, tenant or address lifts a stop, and is not tested yet. Another tenant or address has
    none of our records: all of them are wanted again. A new choice for who is deactivated is told
    of those whom it is about; what Higher Logic was told of them before is not taken back by
    *keep*. Raises ``InvalidValue``; ``TypeError`` for another name.
    """
    given = {name: checked(name, value) for name, value in values.items()}
    row = get()
    # The key is among them; the audit keeps of it that it changed.
    before = {name: _present(row, name) for name in sorted(given)}
    changed = audit.changes(before, {name: given[name] for name in before})
    if not changed:
        return row
    db.session.add(row)
    for name in changed:
        if name == "api_key":
            row.sealed_key = encryption.encrypt(given[name]) if given[name] else ""
        else:
            setattr(row, name, given[name])
    audit.record(audit.Event.CONNECTION_CHANGED, changed=changed)
    if {"base_url", "tenant_code", "api_key"} & changed.keys():
        row.clear()
        # It was about others.
        row.last_tested_at = row.last_test_ok = None
        row.last_test_message = ""
    if "batch_size" in changed:
        row.smaller_batch = row.smaller_until = None
    db.session.flush()
    if {"base_url", "tenant_code"} & changed.keys():
        noting.forget_accepted()
        held.forget_everything()
        activity.forget_last_accepted()
        row.reconciled_at = row.reconcile_found = None
    elif {"member_statuses", *SWITCHES} & changed.keys():
        noting.note_everything()
    elif "deactivated" in changed:
        deactivated.note(row.deactivated)
    noting.wake_after_commit()
    return row


def mistakes(**values: Any) -> list[InvalidValue]:
    """What ``change`` would refuse of these settings: all of it, so that it is mended in one go."""
    found = []
    for name, value in values.items():
        try:
            checked(name, value)
        except InvalidValue as error:
            found.append(error)
    return found


def test() -> wire.Outcome:
    """Push nothing, with key and tenant code, and say how that went; the message is for the staff.

    Success lifts a stop and wakes the sync; a refused key stops it. Commits before and after: no
    transaction is open while Higher Logic is waited for.
    """
    row = get()
    if not row.configured:
        return wire.Outcome(
            wire.Verdict.WRONG_KEY, "Enter the tenant code and the API key before you test them."
        )
    try:
        target = row.target()
    except encryption.Unreadable:
        return wire.Outcome(
            wire.Verdict.WRONG_KEY, "The stored API key cannot be read any more: enter it again."
        )
    db.session.commit()
    outcome = target.send([])
    message = (
        "Connected: Higher Logic took the key and the tenant code."
        if outcome.ok
        else (outcome.message)
    )
    row = get()
    row.last_tested_at, row.last_test_ok, row.last_test_message = now(), outcome.ok, message
    if (row.base_url, row.tenant_code, row.sealed_key) == (
        *(target.base_url, target.tenant_code, target.sealed_key),
    ):
        if outcome.ok:
            row.clear()
            noting.wake_after_commit()
        elif outcome.verdict is wire.Verdict.WRONG_KEY and row.stopped_at is None:
            row.stopped_at, row.stopped_reason = now(), message
    audit.record(audit.Event.CONNECTION_TESTED, ok=outcome.ok, message=message)
    db.session.commit()
    return wire.Outcome(outcome.verdict, message, outcome.retry_after)


def _present(row: HigherLogicConnection, name: str) -> Any:
    if name != "api_key":
        return getattr(row, name)
    try:
        return row.api_key
    except encryption.Unreadable:
        return None
