"""Two readers of the register of ``pxweb_server``: ours, and a naive one that its errors mislead.

Belongs here: what the server's table holds, and what each reader makes of it. Does not belong here:
what the server does wrong (``pxweb_changes``), and what must come of it.

A reader is naive that asks for everything, trusts the status, fills in what is null and reads the
values in the order in which it expects them.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import httpx

from pipelines.clients.population_register import Register, fetch_register
from tests.support.pxweb_server import PxWebServer, persons

CODES = """municipality_code,valid_from,valid_to
1505,,
1507,2020-01-01,2023-12-31
1508,2024-01-01,
1580,2024-01-01,
5001,2018-01-01,
"""
YEARS = range(2022, 2026)
VALID = {
    year: ("1505", "1507", "5001") if year < 2024 else ("1505", "1508", "1580", "5001")
    for year in YEARS
}
SEX = {"female": "2", "male": "1"}
Cell = tuple[str, str, int, int]


def truth() -> dict[Cell, int | None]:
    """What the server's table holds about real municipalities."""
    return {
        (region, sex, age, year): persons(region, code, f"{age:03}", str(year))
        for year, regions in VALID.items()
        for region, (sex, code), age in itertools.product(regions, SEX.items(), range(6))
    }


def cells(register: Register) -> dict[Cell, int | None]:
    """What a register holds, by the same keys."""
    return {
        (region, sex, age, on.year): count
        for region, sex, age, on, count in register.frame.select(
            "municipality", "sex", "age", "on_date", "persons"
        ).iter_rows()
    }


def ours(server: PxWebServer, reference: Path, coding="plain") -> Register:
    """What our reader makes of the server."""
    return fetch_register(server.url, reference, YEARS, coding, server.clock)


def naive(server: PxWebServer) -> dict[Cell, int | None]:
    """Year by year, all codes that it knows, values in the order of the codes it asked for."""
    found: dict[Cell, int | None] = {}
    regions = ("1505", "1507", "1508", "1580", "5001")
    ages = [f"{age:03}" for age in range(5)] + ["005+"]
    for year in YEARS:
        selection = {
            "Region": regions,
            "Kjonn": ("2", "1"),
            "Alder": ages,
            "ContentsCode": ["Personer1"],
            "Tid": [str(year)],
        }
        body = {
            "selection": [
                {"variableCode": name, "valueCodes": list(codes)}
                for name, codes in selection.items()
            ]
        }
        with httpx.Client(trust_env=False, verify=False) as client:
            reply = client.post(f"{server.url}/tables/07459/data", json=body)
        values = [value or 0 for value in reply.json()["value"]]
        keys = itertools.product(regions, ("female", "male"), range(6))
        for (region, sex, age), count in zip(keys, values, strict=False):
            if region in VALID[year]:
                found[region, sex, age, year] = count
    return found


def misleads_the_naive(server: PxWebServer, expected: dict[Cell, int | None]) -> bool:
    """Whether the naive reader comes to other figures, or to none."""
    try:
        return naive(server) != expected
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # It stumbles over the reply; what it was not made to meet would be a fault of the test.
        return True
