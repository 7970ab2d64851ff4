"""What the rounds are made to say."""

from bench import floor, report
from bench.floor import Floor
from bench.load import Measured
from bench.report import Round


def measured(cpu: float, seconds: float = 1.0, slowest: float = 0.01) -> Measured:
    """A hundred units of work."""
    latencies = [0.01] * 98 + [slowest] * 2
    return Measured(seconds, latencies, {"server": cpu, "database": 0.0}, 0.1, 0.25)


def a_round(cpu: float, seconds: float = 1.0, slowest: float = 0.01) -> Round:
    """A round whose refreshes cost half of its sign-ons."""
    return Round(measured(cpu, seconds, slowest), measured(cpu / 2, seconds))


FASTER = {
    "tessera-sqlite": [a_round(0.2), a_round(0.8), a_round(0.3)],
    "node-sqlite": [a_round(0.4, 2.0), a_round(1.6, 2.0), a_round(0.5, 2.0)],
}


def test_cpu_is_of_all_processes_and_for_a_thousand() -> None:
    both = Measured(1.0, [0.01] * 200, {"server": 0.3, "database": 0.1}, 0.1, 0.0)
    assert report.cpu(both) == 2.0


def test_a_quantile_is_a_value_that_was_seen() -> None:
    values = [float(n) for n in range(1, 101)]
    assert report.quantile(values, 0.99) == 99.0
    assert report.quantile(values, 0.5) == 50.0
    assert report.quantile([7.0], 0.99) == 7.0


def test_a_ratio_is_of_rounds_that_ran_together() -> None:
    # The second round fell into a busy minute, for both: by medians alone it would be 0.6.
    assert report.ratio(FASTER, "sqlite", report.sign_on(report.cpu)) == 0.5
    assert report.ratio(FASTER, "sqlite", report.sign_on(report.rate)) == 2.0


def verdicts(rounds: report.Rounds) -> list[bool]:
    """Whether each target's row says that it is met."""
    return [line.endswith("| met |") for line in report.targets_table(rounds)[2:]]


def test_a_target_is_met_or_missed() -> None:
    assert verdicts(FASTER) == [True, True, True, True]
    slower = {
        "tessera-sqlite": [a_round(0.5, 1.0, slowest=0.061)],
        "node-sqlite": [a_round(0.4, 1.3)],
    }
    assert verdicts(slower) == [False, False, False, False]


def test_without_the_other_there_is_no_verdict() -> None:
    alone = {"tessera-sqlite": FASTER["tessera-sqlite"]}
    assert report.targets_table(alone) == []
    assert "node-oidc-provider, SQLite" not in report.text(alone, {}, [])


def test_the_report_has_every_server_floor_and_fact() -> None:
    commit = floor.COMMIT["sqlite"]
    floors = {
        floor.VIEW: [Floor(1000, 0.2, 0.1)],
        floor.SIGNATURE: [Floor(1000, 0.3, 0.3)],
        commit: [Floor(1000, 0.5, 0.1), Floor(1000, 0.7, 0.3)],
    }
    text = report.text(FASTER, floors, ["On a machine."])
    assert "| Tessera, SQLite | 3.00 (2.00 to 8.00) | server 3.00, database 0.00 | 100" in text
    assert "| node-oidc-provider, SQLite | 5.00 (4.00 to 16.00) |" in text
    assert f"| {commit} | 0.200 | 0.600 |" in text
    assert "a sign-on on SQLite: 3 requests, a signature, 2 commits | 1.000 |" in text
    assert "a sign-on on Postgres" not in text
    assert "- On a machine." in text
    assert "25% of the servers' core" in text
