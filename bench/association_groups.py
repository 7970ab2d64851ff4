"""The fifty groups of the made-up association: what staff ask of their members.

One of them (``LARGEST``) has a fifth of everybody: 200,000 of a million.
"""

from collections.abc import Iterator
from typing import Any

from idp.directory import conditions

STATES = tuple(f"State {number:02d}" for number in range(50))
COUNTRIES = ("Freedonia", "Sylvania", "Ruritania")
LEVELS = ("Regular", "Student", "Fellow", "Retired", "Associate")
SECTIONS = tuple(f"Section {letter}" for letter in "ABCDEFGH")
REGIONS = ("North", "East", "South", "West")
INTERESTS = tuple(
    "policy ethics data law health energy water soil air sound light metals glass paper wood "
    "wool rail roads ports space".split()
)
LARGEST = "half-of-the-states"
NUMBER = 50

Tree = dict[str, Any]
CURRENT: Tree = {"field": "member_status", "op": "one_of", "value": ["Current", "Grace"]}


def rule(field: str, op: str, value: Any = None) -> Tree:
    """One rule of a condition."""
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def largest(first_state: int) -> Tree:
    """The condition of the largest group: the current members of 15 states from this one on."""
    states = [STATES[(first_state + step) % 50] for step in range(15)]
    return {"all": [CURRENT, rule("state", "one_of", states)]}


def all_groups() -> Iterator[tuple[str, str, Tree]]:
    """Name (and key), what it selects, and the condition of each group."""
    yield LARGEST, "people", largest(0)
    for state in STATES[:12]:
        chapter = [rule("member_status", "is", "Current"), rule("state", "is", state)]
        yield f"chapter-{state[-2:]}", "people", {"all": chapter}
    for interest in INTERESTS[:10]:
        community = [CURRENT, rule("interests", "contains", interest)]
        yield f"interest-{interest}", "people", {"all": community}
    for year in range(2019, 2024):
        recent = [rule("joined_on", "after", f"{year}-06-30"), rule("member_type", "is", "Student")]
        yield f"students-since-{year}", "people", {"all": recent}
    for year in range(2018, 2022):
        holders = [rule("certified_on", "after", f"{year}-12-31"), rule("active", "is", True)]
        yield f"certified-after-{year}", "people", {"all": holders}
    for section in SECTIONS[:4]:
        part = [
            rule("section", "is", section),
            rule("member_type", "one_of", ["Fellow", "Retired"]),
        ]
        yield f"section-{section[-1].lower()}", "people", {"all": part}
    for years in (40, 42, 44, 46):
        yield f"years-{years}", "people", {"all": [rule("years_in_practice", "more_than", years)]}
    yield "volunteers", "people", {"all": [rule("volunteer", "is", True), CURRENT]}
    yield "licensed", "people", {"all": [rule("licence", "starts_with", "L-1"), CURRENT]}
    mixed = [rule("volunteer", "is", True), rule("years_in_practice", "more_than", 44)]
    none = {"none": [rule("country", "is", "Sylvania"), rule("interests", "contains", "law")]}
    yield "either", "people", {"all": [{"any": mixed}, none, CURRENT]}
    yield "no-account", "people", {"all": [rule("has_account", "is", False), CURRENT]}
    yield "companies-north", "companies", {"all": [rule("region", "is", "North")]}
    yield "companies-east", "companies", {"all": [rule("region", "is", "East"), CURRENT]}
    yield from _of_the_company()


def _of_the_company() -> Iterator[tuple[str, str, Tree]]:
    if "company.region" in conditions.known_fields():
        for region in REGIONS:
            yield (
                f"works-{region}".lower(),
                "people",
                {
                    "all": [
                        CURRENT,
                        rule("company.region", "is", region),
                        rule("member_type", "is", "Regular"),
                    ]
                },
            )
    else:
        for region, letter in zip(REGIONS, "EFGH", strict=True):
            yield (
                f"works-{region}".lower(),
                "people",
                {"all": [CURRENT, rule("section", "is", f"Section {letter}")]},
            )
