"""A made-up member system's export of any size: the companies, and people who work for them."""

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from bench.association import FIRST_NAMES, LAST_NAMES
from bench.association_groups import INTERESTS, LEVELS, REGIONS, STATES

PEOPLE_FOR_A_COMPANY = 40
FIRST_DAY = dt.date(2005, 1, 1)
CUSTOM = ("Region", "Areas of Interest", "Years in Practice", "Volunteer", "Certified On")
HEADER = (
    *("Key", "Member ID", "Prefix", "First Name", "Middle Name", "Last Name", "Suffix"),
    *("Informal Name", "Designation", "Email", "Job Title", "Company Key", "Member Type"),
    *("Member Status", "Join Date", "Expires On", "Phone", "Mobile", "Address 1", "Address 2"),
    *("City", "State", "Postal Code", "Country", "Website", "Bio", "Has Account", "Active"),
    *CUSTOM,
)


def write(folder: Path, people: int) -> tuple[Path, Path]:
    """Write both files; gives the companies' and the people's."""
    folder.mkdir(parents=True, exist_ok=True)
    companies = max(1, people // PEOPLE_FOR_A_COMPANY)
    of_companies, of_people = folder / "companies.csv", folder / "people.csv"
    with of_companies.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Key", "Name", "City", "Country"])
        writer.writerows(
            [f"company-{number}", f"Engines {number} Ltd", "Bern", "CH"]
            for number in range(companies)
        )
    with of_people.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_people(people, companies))
    return of_companies, of_people


def _people(people: int, companies: int) -> Iterator[list[str]]:
    for n in range(people):
        first, last = FIRST_NAMES[n % 16], LAST_NAMES[n // 16 % 14]
        joined = FIRST_DAY + dt.timedelta(n % 7000)
        yield [
            *(f"3f974f38-e556-48f8-a506-{n:012d}", str(10_000 + n), "", first, "", last, ""),
            *(
                "",
                "PhD" if n % 7 == 0 else "",
                f"{first}.{last}{n}@mail{n % 500}.example.org".lower(),
            ),
            *("Engineer", f"company-{n % companies}", LEVELS[n % 5]),
            *("Current" if n % 3 else "Lapsed", joined.isoformat(), f"2027-{n % 12 + 1:02d}-28"),
            *(f"+41 31 555 {n % 10_000:04d}", "", f"{n % 300} Lake Street", "", f"Town {n % 900}"),
            *(STATES[n % 50], f"{n % 100_000:05d}", "US", f"https://{last}{n}.example.net".lower()),
            *("Loves naïve façades." if n % 5 == 0 else "", "Yes" if n % 10 < 7 else "No", "Yes"),
            *(REGIONS[n % 4], f"{INTERESTS[n % 20]}|{INTERESTS[n // 20 % 20]}", str(n % 50)),
            *("Yes" if n % 2 else "No", (FIRST_DAY + dt.timedelta(n % 5000)).isoformat()),
        ]
