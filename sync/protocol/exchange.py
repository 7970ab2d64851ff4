"""One push: items go to Higher Logic, an outcome comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sync.protocol import transport, wire
from sync.records.feed import Wanted
from sync.settings import pace


@dataclass(frozen=True)
class Target:
    """Where pushes go, with which key, and what is wanted in them: the connection at one moment.

    ``sealed_key`` is the key as it is stored; it tells whether the key is still the same.
    ``batch`` is how many contacts a push may hold, ``requests_per_minute`` how many pushes may go
    (``None``: as many as are taken). ``probes``: it is for one push, to see whether Higher Logic
    answers again. ``pauses`` and ``doubts`` are the gate's.
    """

    base_url: str
    tenant_code: str
    api_key: str = field(repr=False)
    sealed_key: str = field(repr=False)
    wanted: Wanted
    batch: int = pace.BATCH
    requests_per_minute: int | None = None
    pauses: int = 0
    doubts: int = 0
    probes: bool = False

    def send(self, items: Sequence[wire.Item]) -> wire.Outcome:
        """Push some items. Every failure is an outcome."""
        try:
            response = transport.post(
                self.base_url + wire.PATH,
                wire.headers(self.api_key),
                wire.body(self.tenant_code, items),
            )
        except transport.NoAnswer as reason:
            return wire.Outcome(wire.Verdict.OUTAGE, str(reason), cause="no_answer")
        return wire.outcome(
            response.status, response.headers, response.content, api_key=self.api_key
        )
