"""Who is compared with whom, against the reference facts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from pipelines.catalogue.loader import HERE, CatalogueError
from pipelines.catalogue.tables import read_reference
from pipelines.publication.area_groups import area_groups_table
from pipelines.settings import reference_dir

REFERENCE = reference_dir()
GROUPS = area_groups_table(REFERENCE)


def group_of(area: str) -> dict[str, str]:
    return dict(GROUPS.filter(area_code=area).select("group_kind", "group_id").iter_rows())


@pytest.mark.parametrize(
    ("area", "kind", "group"),
    [
        ("5001", "county", "county:50"),
        ("5001", "size", "size:from_20000"),
        ("5001", "age", "age:under_5"),
        ("5001", "hospital", "hospital:STO"),
        ("5001", "start", "start:2022-05-07"),
        ("1505", "hospital", "hospital:HMR"),
        ("1505", "size", "size:from_20000"),
        ("1514", "size", "size:from_2000"),
        ("1514", "age", "age:from_5"),
        # No longer there, but its figures are: by what is known of it.
        ("1507", "size", "size:from_20000"),
    ],
)
def test_a_municipality_is_in_the_group_of_its_facts(area: str, kind: str, group: str) -> None:
    assert group_of(area)[kind] == group


def test_every_municipality_of_today_has_a_group_of_each_kind_that_it_can_have() -> None:
    today = read_reference(REFERENCE, "municipalities").filter(pl.col("valid_to").is_null())
    kinds = Counter(
        GROUPS.filter(pl.col("area_code").is_in(today["municipality_code"].implode()))["group_kind"]
    )
    assert {kinds[name] for name in ("county", "size", "age", "hospital")} == {today.height}
    live = read_reference(REFERENCE, "go_live").filter(service="municipal_care", status="live")
    assert set(GROUPS.filter(group_kind="start")["area_code"]) == set(live["municipality_code"])


def test_one_group_has_one_name() -> None:
    labels = GROUPS.select("group_id", pl.selectors.starts_with("label_", "kind_text_")).unique()
    assert labels["group_id"].is_duplicated().sum() == 0
    assert labels.null_count().sum_horizontal().item() == 0


def test_classes_out_of_order_are_refused(tmp_path: Path) -> None:
    words = (HERE / "area_groups.yml").read_text(encoding="utf-8")
    wrong = words.replace("below: 2000,", "below: 9000,")
    (tmp_path / "area_groups.yml").write_text(wrong, encoding="utf-8")
    with pytest.raises(CatalogueError, match="ascending order"):
        area_groups_table(REFERENCE, tmp_path)
