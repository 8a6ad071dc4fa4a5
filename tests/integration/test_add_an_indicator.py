"""The how-to of the same name, start to end: one file, a run, and the figure is in the release."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from anonymization.keys import Key
from pipelines.catalogue.loader import HERE, Catalogue, catalogue, load
from pipelines.cli import app
from pipelines.ingest import ingest_pending
from pipelines.publication.build import build
from pipelines.publication.figures import Marts
from pipelines.settings import reference_dir
from pipelines.synthetic import SyntheticSettings, generate_tables, write_extract
from tests.support.compiled_models import Dbt, QuickWarehouse

LIKE, NEW = "portal_active_users_share", "portal_active_67plus_share"
STANDARD = "adoption_inhabitants_share"
"""Tells the region's ages, which others are standardised to."""


@pytest.fixture
def taken_in(dbt: Dbt, tmp_path: Path) -> Iterator[QuickWarehouse]:
    made = QuickWarehouse(tmp_path / "home", dbt)
    write_extract(generate_tables(SyntheticSettings(scale=0.004, years=2)), made.zones.inbox)
    ingest_pending(made.zones, Key("test", 1, bytes(range(32))))
    made.write_single_year_strata()
    areas = pl.read_parquet(made.zones.strata_map).drop("age_from", "age_to").unique()
    edges = sorted({*range(0, 100, 5), *catalogue().cuts()} - set(range(96, 200)))
    bands = pl.DataFrame({"age_from": edges, "age_to": [*(e - 1 for e in edges[1:]), 199]})
    areas.join(bands, how="cross").write_parquet(made.zones.strata_map)
    yield made
    made.close()


def test_a_file_a_run_and_the_figure_is_there(taken_in: QuickWarehouse, tmp_path: Path) -> None:
    folder, specs = tmp_path / "catalogue", tmp_path / "specs"
    for name in ("indicators", "policies"):
        shutil.copytree(HERE / name, folder / name)
    shutil.copy(HERE / "breakdowns.yml", folder)
    specs.mkdir()
    options = ["--like", LIKE, "--number", "99", "--catalogue", str(folder), "--specs", str(specs)]
    begun = CliRunner().invoke(app, ["catalogue", "new", NEW, *options])
    assert begun.exit_code == 0, begun.output

    file = folder / "indicators" / f"{NEW}.yml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["ages"] = {"min": 67, "max": None}
    content["age_groups"] = [67, 80]
    texts = catalogue().indicators[LIKE].texts
    content["texts"] = {one: text.model_dump(mode="json") for one, text in texts.items()}
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    known = load(folder)

    chosen = Catalogue(
        {name: known.indicators[name] for name in (LIKE, NEW, STANDARD)}, known.policies
    )
    years = range(2024, 2026)
    taken_in.write_catalogue(years, chosen)
    taken_in.run("staging", "intermediate", "marts")
    marts = Marts(
        indicator_counts=taken_in.table("marts.fct_indicator_counts"),
        flow_counts=taken_in.table("marts.fct_flow_counts"),
        coverage=taken_in.table("marts.fct_coverage"),
        strata_map=pl.read_parquet(taken_in.zones.strata_map),
    )
    made = build(marts, chosen, reference_dir(), years)
    values = made.tables["indicator_values"].filter(
        pl.col("area_code") == "MIDT",
        pl.col("value_kind") == "crude",
        pl.col("sex") == "total",
        pl.col("value_status") == "ok",
    )
    new = values.filter(pl.col("indicator_id") == NEW, pl.col("age_group") == "total")
    old = values.filter(pl.col("indicator_id") == LIKE, pl.col("age_group").is_in(["67-79", "80+"]))
    assert new.height == len(years)
    # The same persons, counted by the indicator that was there before.
    by_year = old.group_by("period_start").agg(pl.col("numerator", "denominator").sum())
    both = new.join(by_year, on="period_start", suffix="_old")
    assert both["numerator"].to_list() == both["numerator_old"].to_list()
    assert both["denominator"].to_list() == both["denominator_old"].to_list()
    told = made.tables["indicators"].filter(pl.col("indicator_id") == NEW)
    assert told["age_groups"].item() == "67-79,80+"
