"""Medians, ratios, targets and the table: what the rounds say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench import floor
from bench.floor import Floor
from bench.load import Measured

TESSERA, OTHER = "tessera", "node"
DATABASES = ("sqlite", "postgres")
TITLES = {"tessera": "Tessera", "node": "node-oidc-provider"}
DATABASE_TITLES = {"sqlite": "SQLite", "postgres": "Postgres"}


@dataclass(frozen=True)
class Round:
    """One round of one server: sign-ons, then refreshes."""

    sign_ons: Measured
    refreshes: Measured


Rounds = dict[str, list[Round]]
"""The rounds of each server, in order; the n-th of each ran in the same minute."""


def cpu(measured: Measured) -> float:
    """The servers' CPU seconds for a thousand units of work, all processes together."""
    return sum(measured.cpu.values()) / measured.count * 1000


def rate(measured: Measured) -> float:
    """Units of work in a second."""
    return measured.count / measured.seconds


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that a share of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * round(share * 1000) // 1000))
    return ordered[rank - 1]


def p99(measured: Measured) -> float:
    """The 99th percentile of the latency in milliseconds."""
    return quantile(measured.latencies, 0.99) * 1000


def p50(measured: Measured) -> float:
    """The median latency in milliseconds."""
    return quantile(measured.latencies, 0.5) * 1000


Look = Callable[[Round], float]


def sign_on(of: Callable[[Measured], float]) -> Look:
    """Look at a round's sign-ons."""
    return lambda one: of(one.sign_ons)


def refresh(of: Callable[[Measured], float]) -> Look:
    """Look at a round's refreshes."""
    return lambda one: of(one.refreshes)


def ratio(rounds: Rounds, database: str, look: Look) -> float:
    """Tessera by node-oidc-provider: the median of what each round says by itself."""
    pairs = zip(rounds[f"{TESSERA}-{database}"], rounds[f"{OTHER}-{database}"], strict=True)
    return median(look(ours) / look(theirs) for ours, theirs in pairs)


@dataclass(frozen=True)
class Target:
    """What is to hold on each database: a number and a bound for it."""

    text: str
    number: Callable[[Rounds, str], float]
    bound: float
    at_least: bool = False

    def met(self, number: float) -> bool:
        """Whether a number is on the right side of the bound."""
        return number >= self.bound if self.at_least else number <= self.bound


TARGETS = (
    Target("sign-on: CPU, of node-oidc-provider's", lambda r, d: ratio(r, d, sign_on(cpu)), 0.85),
    Target(
        "sign-on: a second, of node-oidc-provider's",
        lambda r, d: ratio(r, d, sign_on(rate)),
        1.4,
        at_least=True,
    ),
    Target(
        "sign-on: p99 in ms",
        lambda r, d: median(p99(one.sign_ons) for one in r[f"{TESSERA}-{d}"]),
        60,
    ),
    Target("refresh: CPU, of node-oidc-provider's", lambda r, d: ratio(r, d, refresh(cpu)), 1.0),
)
"""What a sign-on and a refresh may cost."""


def servers_table(rounds: Rounds) -> list[str]:
    """One row for each server: medians of its rounds, and how far the rounds lie apart."""
    lines = [
        "| server | CPU s for 1,000 sign-ons | of it | sign-ons/s | p50 ms | p99 ms "
        "| CPU s for 1,000 refreshes | refreshes/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, own in rounds.items():
        kind, database = name.split("-")
        cells = [
            f"{TITLES[kind]}, {DATABASE_TITLES[database]}",
            _spread(own, sign_on(cpu), 2),
            _parts(own),
            _spread(own, sign_on(rate), 0),
            _middle(own, sign_on(p50), 1),
            _middle(own, sign_on(p99), 1),
            _spread(own, refresh(cpu), 2),
            _middle(own, refresh(rate), 0),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _middle(rounds: list[Round], look: Look, digits: int) -> str:
    return f"{median(map(look, rounds)):.{digits}f}"


def _spread(rounds: list[Round], look: Look, digits: int) -> str:
    values = [look(one) for one in rounds]
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _parts(rounds: list[Round]) -> str:
    parts = [
        f"{name} {median(one.sign_ons.cpu[name] / one.sign_ons.count * 1000 for one in rounds):.2f}"
        for name in rounds[0].sign_ons.cpu
    ]
    return ", ".join(parts)


def targets_table(rounds: Rounds) -> list[str]:
    """One row for each target and database of which both servers were measured."""
    lines = ["| target | bound | database | measured | |", "|---|---|---|---|---|"]
    for target in TARGETS:
        for database in DATABASES:
            if not {f"{TESSERA}-{database}", f"{OTHER}-{database}"} <= rounds.keys():
                continue
            number = target.number(rounds, database)
            bound = f"{'at least' if target.at_least else 'at most'} {target.bound:g}"
            verdict = "met" if target.met(number) else "**missed**"
            lines.append(
                f"| {target.text} | {bound} | {DATABASE_TITLES[database]} "
                f"| {number:.2f} | {verdict} |"
            )
    return lines if len(lines) > 2 else []


def floors_table(floors: dict[str, list[Floor]]) -> list[str]:
    """One row for each floor, and what a sign-on is made of at the least: medians."""
    lines = ["| floor | CPU s for 1,000 | ms each |", "|---|---|---|"]
    cpu_of: dict[str, float] = {}
    for name, seen in floors.items():
        used = median(one.cpu_seconds / one.count * 1000 for one in seen)
        each = median(one.seconds / one.count * 1000 for one in seen)
        lines.append(f"| {name} | {used:.3f} | {each:.3f} |")
        cpu_of[name] = used
    for database, commit in floor.COMMIT.items():
        if {floor.VIEW, floor.SIGNATURE, commit} <= floors.keys():
            least = 3 * cpu_of[floor.VIEW] + cpu_of[floor.SIGNATURE] + 2 * cpu_of[commit]
            title = DATABASE_TITLES[database]
            lines.append(
                f"| a sign-on on {title}: 3 requests, a signature, 2 commits | {least:.3f} | |"
            )
    return lines


def others(rounds: Rounds) -> float:
    """The share of the servers' core that other programs took, the median round's."""
    return median(one.sign_ons.others for own in rounds.values() for one in own)


def client_share(rounds: Rounds) -> float:
    """The share of its own core that the load took, the busiest round's."""
    return max(
        one.sign_ons.own_cpu / one.sign_ons.seconds for own in rounds.values() for one in own
    )


def text(rounds: Rounds, floors: dict[str, list[Floor]], about: list[str]) -> str:
    """The whole report, as Markdown."""
    parts = [["# Single sign-on: what it costs, beside node-oidc-provider", "", EXPLANATION]]
    if rounds:
        parts.append(servers_table(rounds))
        parts.append(targets_table(rounds))
    if floors:
        parts.append(floors_table(floors))
    if rounds:
        about = [
            *about,
            f"Other programs took {others(rounds):.0%} of the servers' core in the median round; "
            f"the load took at most {client_share(rounds):.0%} of its own.",
        ]
    parts.append([f"- {line}" for line in about])
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


EXPLANATION = """\
Made by `make bench-sso`; do not edit. The unit of work is one silent single sign-on of a signed-in
member: authorize, token (PKCE, an ID token signed with RS256, a refresh token), userinfo. Every
code and token is on disk before it is answered. One web process and its database run on one core,
the load on another. CPU time is that of all processes of a server, from the operating system.
Numbers are medians of the rounds (least to most); a ratio is the median of each round's own."""
