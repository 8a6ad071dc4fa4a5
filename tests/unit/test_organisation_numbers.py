"""Organisations under numbers that they have had, or have got since: in their time alone.

Belongs here: whom a number in a manifest stands for. Does not belong here: the entries themselves
(``test_catalogue_files``).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from pipelines.ingest import Options
from tests.support.deliveries import encounter, episode, take, write_delivery
from tests.support.empty_zones import empty_zones

ONE = Options(threads=1)


@pytest.mark.parametrize(
    ("name", "time", "state"),
    [
        ("org-923456789", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "committed"),
        ("org-923456789", dt.datetime(2023, 12, 31, 23, 59, 59, tzinfo=dt.UTC), "refused"),
        # The day is that of the instant in UTC, whatever the manifest's own clock says.
        (
            "org-923456789",
            dt.datetime(2024, 1, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            "refused",
        ),
        ("kommuner", dt.datetime(2023, 1, 1, tzinfo=dt.UTC), "committed"),
        ("org-999999999", dt.datetime(2024, 6, 1, tzinfo=dt.UTC), "refused"),
    ],
)
def test_a_number_stands_for_an_organisation_in_its_time_alone(
    name: str, time: dt.datetime, state: str, tmp_path: Path
) -> None:
    zones = empty_zones(tmp_path / "home")
    files = {"EpisodeOfCare-1.ndjson": [episode(1)]}
    delivery = write_delivery(zones.inbox, "k-1", files, organisation=name, time=time)
    result = take(zones, delivery, options=ONE)
    assert result.state == state
    if state == "refused":
        assert result.reason == "unknown_organisation"
        return
    told = pl.read_parquet(zones.journal / "delivery" / "synthetic__k-1.parquet")
    assert told["organisation"].to_list() == ["kommuner"]


def test_under_another_name_it_may_deliver_no_more_than_it_does(tmp_path: Path) -> None:
    zones = empty_zones(tmp_path / "home")
    files = {"Encounter-1.ndjson": [encounter(1)]}
    delivery = write_delivery(zones.inbox, "k-1", files, organisation="org-923456789")
    (file,) = take(zones, delivery, options=ONE).files
    assert file.reason == "unexpected_entity"
