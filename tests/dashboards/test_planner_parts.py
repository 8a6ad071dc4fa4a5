"""Parts of the planner's pages by themselves: shell, maps, tables, comparisons."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import remarks
from dashboards.charts import compare, region_map, trend
from dashboards.charts.theme import (
    BETTER,
    INK,
    MUTED,
    PALETTE,
    SCALE,
    WORSE,
    judged,
    on_paper,
    style_sheet,
)
from dashboards.components import legend, table
from dashboards.components.frame import STYLE
from dashboards.data_access import (
    NothingPublishedError,
    Release,
    borders,
    current_release,
    home,
)
from dashboards.figures import (
    Choice,
    applicable,
    area_names,
    breaks,
    headline,
    live_counts,
    municipalities,
    names_to_choose,
    profile,
    year_frame,
)
from dashboards.server import content_security_policy, localised
from dashboards.text import LANGUAGES, translator
from pipelines.checks.run import check_published
from pipelines.demo import SIGNATURE
from pipelines.synthetic.register import SOURCE
from tests.support.planner_pages import ROOT
from tests.support.published_release import REFERENCE, areas, write_release

SHELL = (
    b'<!DOCTYPE html><html lang="en"><head><title>Streamlit</title>'
    b'<link rel="service-desc" href="./x" /></head><body><script>let a = 1</script>'
    b"<noscript><p>You need JavaScript</p></noscript></body></html>"
)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    write_release(tmp_path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return current_release()


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_shell_speaks_the_readers_language() -> None:
    page = localised(SHELL, "nn", "Folke & puls", "Sida treng <skript>.").decode()
    assert '<html lang="nn">' in page
    assert "<title>Folke &amp; puls</title>" in page
    assert "<noscript><p>Sida treng &lt;skript&gt;.</p></noscript>" in page
    assert "service-desc" not in page


def test_the_page_tells_where_its_server_is_before_anything_of_streamlit_runs() -> None:
    page = localised(SHELL, "nb", "t", "n")
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    assert scripts[0] == b'window.__streamlit = {BACKEND_BASE_URL: new URL(".", location).href}'
    digest = base64.b64encode(hashlib.sha256(scripts[0]).digest()).decode()
    assert f"'sha256-{digest}'" in content_security_policy(page)


def test_a_shell_that_cannot_be_rewritten_is_refused() -> None:
    with pytest.raises(ValueError, match="html lang"):
        localised(b"<html><body></body></html>", "nb", "t", "n")


def test_the_policy_names_the_inline_script_and_nothing_unsafe() -> None:
    digest = base64.b64encode(hashlib.sha256(b"let a = 1").digest()).decode()
    policy = content_security_policy(SHELL)
    assert f"'sha256-{digest}'" in policy
    assert "'unsafe-eval'" not in policy
    assert "sha256" not in content_security_policy(b"<html></html>")


def test_every_municipality_has_a_tile_of_its_own_at_any_time() -> None:
    tiles = pl.read_csv(REFERENCE / "tile_map.csv", schema_overrides={"municipality_code": str})
    towns = pl.read_csv(REFERENCE / "municipalities.csv",
                        schema_overrides={"municipality_code": str})  # fmt: skip
    assert set(tiles["municipality_code"]) == set(towns["municipality_code"])
    for day in (date(2023, 12, 31), date(2024, 12, 31)):
        valid = areas().filter(
            pl.col("area_level") == "municipality",
            pl.col("valid_from").is_null() | (pl.col("valid_from") <= day),
            pl.col("valid_to").is_null() | (pl.col("valid_to") >= day),
        )
        assert not valid.select("tile_row", "tile_col").is_duplicated().any()


def test_the_tile_map_lies_as_the_region_does() -> None:
    towns = areas().filter(pl.col("area_level") == "municipality")
    across = towns.select(pl.corr("tile_col", "lon", method="spearman")).item()
    down = towns.select(pl.corr("tile_row", "lat", method="spearman")).item()
    assert across > 0.93
    assert down < -0.93


@pytest.mark.parametrize("ground", [0, 1])
def test_text_can_be_read_on_light_and_on_dark_ground(ground: int) -> None:
    colour = {name: both[ground] for name, both in PALETTE.items()}
    for level in range(5):
        assert contrast(colour[f"scale-{level}"], colour[f"on-scale-{level}"]) >= 4.5
    for name in ("ink", "muted", "primary", "better", "worse", "amber"):
        assert contrast(colour[name], colour["paper"]) >= 4.5
        assert contrast(colour[name], colour["ground"]) >= 4.5
    assert contrast(colour["muted"], colour["own"]) >= 4.5
    assert contrast(colour["region"], colour["paper"]) >= 3


def test_widgets_have_the_colours_of_the_charts() -> None:
    settings = tomllib.loads((ROOT / "dashboards/.streamlit/config.toml").read_text())["theme"]
    names = {
        "primaryColor": "primary",
        "backgroundColor": "paper",
        "textColor": "ink",
        "secondaryBackgroundColor": "ground",
        "linkColor": "primary",
        "borderColor": "line",
    }
    for place, ground in enumerate(("light", "dark")):
        assert settings[ground] == {key: PALETTE[name][place] for key, name in names.items()}


def test_every_colour_of_the_style_sheet_is_one_of_the_palette() -> None:
    style = STYLE.read_text(encoding="utf-8")
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", style)) <= set(PALETTE)
    assert style_sheet().count("light-dark(") == len(PALETTE)


def test_paper_has_the_colours_of_light_ground() -> None:
    assert on_paper(f"{INK} {SCALE[4]} none") == "#1f2a37 #0d4f5c none"


@pytest.mark.parametrize(
    ("versus", "polarity", "colour"),
    [
        ("higher", "lower_is_better", WORSE),
        ("lower", "lower_is_better", BETTER),
        ("higher", "higher_is_better", BETTER),
        ("lower", "higher_is_better", WORSE),
        ("higher", "neutral", MUTED),
        ("similar", "lower_is_better", MUTED),
        ("not_compared", "lower_is_better", MUTED),
    ],
)
def test_colours_follow_the_polarity(versus: str, polarity: str, colour: str) -> None:
    assert judged(versus, polarity) == colour


@given(st.lists(st.text("abcdeå", min_size=4, max_size=8), min_size=1, max_size=30))
def test_short_names_are_beginnings_and_tell_names_apart(names: list[str]) -> None:
    short = region_map.short_names(names)
    assert all(name.startswith(short[name]) for name in names)
    for name in set(names):
        for other in set(names) - {name}:
            assert short[name] != short[other] or other.startswith(name) or name.startswith(other)


@given(st.floats(0, 100), st.lists(st.floats(0, 100), max_size=4, unique=True))
def test_classes_rise_with_the_value(value: float, limits: list[float]) -> None:
    ordered = sorted(limits)
    assert 0 <= region_map.class_of(value, ordered) < len(SCALE)
    assert region_map.class_of(value, ordered) <= region_map.class_of(value + 1, ordered)


def square(code: str, *, clockwise: bool) -> dict[str, object]:
    ring = [[8.0, 63.0], [8.0, 64.0], [9.0, 64.0], [9.0, 63.0], [8.0, 63.0]]
    geometry = {"type": "Polygon", "coordinates": [ring if clockwise else ring[::-1]]}
    return {"type": "Feature", "properties": {"kommunenummer": code}, "geometry": geometry}


def features_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for shapes in spec["datasets"].values() for one in shapes["features"]]


@pytest.mark.parametrize("clockwise", [True, False])
def test_real_borders_are_drawn_with_their_figures_and_wound_for_vega(
    tmp_path: Path, release: Release, clockwise: bool
) -> None:
    file = tmp_path / "borders.geojson"
    features = [square("1508", clockwise=clockwise), square("9999", clockwise=clockwise)]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    choice = headline(release, "emergency_admissions_per_1000")
    drawn = features_of(region_map.border_map(release, choice, 2025, "nb", file))
    assert [feature["properties"]["area_code"] for feature in drawn] == ["1508"]
    ring = drawn[0]["geometry"]["coordinates"][0][0]
    assert ring == square("1508", clockwise=True)["geometry"]["coordinates"][0]  # type: ignore[index]
    earlier = features_of(region_map.border_map(release, choice, 2023, "nb", file))
    assert [feature["properties"]["area_code"] for feature in earlier] == ["1507"]
    spec = region_map.border_map(release, choice, 2025, "nb", file)
    assert spec["projection"] == {"type": "mercator"}


def layers(spec: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The layers of a chart that have a mark of a kind."""
    return [one for one in spec["layer"] if one["mark"]["type"] == kind]


def test_the_text_of_a_tile_answers_as_its_tile_does(release: Release) -> None:
    choice = headline(release, "emergency_admissions_per_1000")
    spec = region_map.tile_map(release, choice, 2025, "nb")
    tile = layers(spec, "rect")[0]["encoding"]
    for writing in layers(spec, "text"):
        assert writing["encoding"]["href"] == tile["href"]
        assert writing["encoding"]["tooltip"] == tile["tooltip"]
    # What is written elsewhere, as names at lines, shows no columns of ours.
    assert spec["config"]["mark"] == {"tooltip": None}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"peer_median": 2.25, "peer_group": "size:a", "area_level": "municipality"}, "2,2"),
        ({"peer_median": None, "peer_group": "size:a", "area_level": "municipality"},
         "Færre enn tre har tall som vises"),
        ({"peer_median": None, "peer_group": None, "area_level": "municipality"},
         "Ikke sammenlignet"),
        ({"peer_median": None, "peer_group": None, "area_level": "region"}, "Regionen har ingen"),
    ],
)  # fmt: skip
def test_without_a_middle_of_peers_the_reason_is_told(row: dict[str, Any], said: str) -> None:
    assert remarks.middle_of_peers(row, 1, translator("nb", "planner")) == said


def test_hidden_months_are_counted_and_are_no_noughts() -> None:
    _ = translator("nb", "planner")
    said = remarks.hidden_parts(["ok", "suppressed", "suppressed", "missing"], "month", _)
    assert said.startswith("2 av de 4 månedene er skjult")
    assert "trenger ikke å være 0" in said
    assert remarks.hidden_parts(["ok", "missing"], "month", _) == ""


def test_counties_are_compared_where_they_are_chosen_and_never_ranked(release: Release) -> None:
    choice = Choice("emergency_admissions_per_1000", "crude")
    chosen = compare.bars_frame(release, choice, 2025, ("50", "MIDT"), "5001", "nb")
    assert set(chosen["name"]) == {"Trøndelag", "Trondheim"}
    every = compare.bars_frame(release, choice, 2025, (), "5001", "nb")
    assert not {"Trøndelag", "Møre og Romsdal", "Midt-Norge"} & set(every["name"])
    assert "50" not in names_to_choose(release)
    assert list(names_to_choose(release, counties=True))[:3] == ["MIDT", "15", "50"]
    assert municipalities(year_frame(release, choice, 2025)).height == 67


def test_an_area_without_a_row_is_missing_not_absent(release: Release) -> None:
    choice = Choice("structured_documentation_share", "indirect")
    frame = year_frame(release, choice, 2025)
    counties = frame.filter(pl.col("area_level") == "county")
    assert frame.height == 70
    assert counties["value_status"].to_list() == ["not_applicable"] * 2
    assert set(frame.join(counties, on="area_code", how="anti")["value_status"]) == {"missing"}


def test_areas_follow_their_time(release: Release) -> None:
    choice = headline(release, "emergency_admissions_per_1000")
    before, after = (set(year_frame(release, choice, y)["area_code"]) for y in (2023, 2024))
    assert before - after == {"1507"}
    assert after - before == {"1508", "1580"}
    assert profile(release, "1508", 2023) == []


def test_breaks_and_caveats_reach_their_area_only(release: Release) -> None:
    assert breaks(release, "1508", "hospital").height == 1
    assert breaks(release, "5001", "hospital").height == 0
    marks = trend.break_marks(
        release, headline(release, "emergency_admissions_per_1000"), "1508", "nn"
    )
    assert marks["text"].to_list() == ["1. januar 2024: Ålesund vart delt."]
    assert 2023.4 < marks["at"][0] < 2023.6
    assert applicable(release, "5001", 2025, "emergency_admissions_per_1000").height == 1
    assert applicable(release, "5001", 2025, "diabetes_type2_prevalence").height == 0


def test_live_municipalities_are_counted_by_the_day(release: Release) -> None:
    live, planned, towns = live_counts(release, date(2023, 12, 31))
    assert (live, towns) == (19, 66)
    assert live + planned == towns


@pytest.mark.parametrize(
    ("versus", "said"),
    [
        ("higher", "høyere enn i Midt-Norge samlet (10,0)"),
        ("lower", "lavere enn i Midt-Norge samlet (10,0)"),
        ("similar", "ikke klart forskjellig fra Midt-Norge samlet (10,0)"),
        ("not_compared", "ikke sammenlignet med regionen"),
    ],
)
def test_comparisons_in_words(versus: str, said: str) -> None:
    row = {"area_level": "municipality", "region_value": 10.0, "versus_region": versus}
    assert remarks.comparison(row, "Midt-Norge", 1, translator("nb", "planner")) == said


def test_table_cells_carry_their_headings_and_captions_are_escaped() -> None:
    made = table("A < B", ["Område", "Tall"], ["Tema", ["x", "1"]], numeric=(1,), marked=1)
    assert "<caption>A &lt; B</caption>" in made
    assert 'data-label="Tall"' in made
    assert '<th scope="rowgroup" colspan="2">Tema</th>' in made
    assert '<tr class="fp-own"><th scope="row">x</th>' in made


def test_without_a_release_the_reader_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    with pytest.raises(NothingPublishedError, match="approve one"):
        current_release()


def test_folders_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    monkeypatch.setenv("FOLKEPULS_BORDERS", str(tmp_path / "b.geojson"))
    assert home() == tmp_path
    assert borders() == tmp_path / "b.geojson"
    monkeypatch.delenv("FOLKEPULS_HOME")
    monkeypatch.delenv("FOLKEPULS_BORDERS")
    assert home().name == "data"
    assert borders() is None


def test_a_new_release_is_seen_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_release(tmp_path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    first = current_release()
    assert current_release() is first
    renewed = folder.with_name("r-next")
    folder.rename(renewed)
    facts = pl.read_parquet(renewed / "release.parquet")
    facts.with_columns(pl.lit("r-next").alias("release_id")).write_parquet(
        renewed / "release.parquet"
    )
    pointer = tmp_path / "published" / "current"
    pointer.unlink()
    pointer.symlink_to("r-next")
    assert current_release().id == "r-next"


@pytest.mark.parametrize(
    ("level", "share", "said"),
    [
        ("region", 0.6, "gjelder kommuner med 60 % av innbyggerne"),
        ("municipality", 0.87, "delvis dekket: 87 %"),
        ("municipality", 1.0, "delvis dekket periode"),
        ("region", None, "delvis dekket periode"),
    ],
)
def test_partial_coverage_in_words(level: str, share: float | None, said: str) -> None:
    row = {"area_level": level, "covered_share": share,
           "quality_flags": "partial_coverage,small_numerator"}  # fmt: skip
    assert remarks.flags(row, translator("nb", "planner")) == f"{said}, få hendelser"


def test_the_demonstration_speaks_the_language_of_the_page(release: Release) -> None:
    """Its own words, by its own name; a steward's words stay as they were written."""
    _ = translator("en", "planner")
    own = {"synthetic": True, "signed_by": SIGNATURE, "sign_reason": "Demonstrasjon"}
    assert remarks.reason_given(own, _).startswith("Demonstration with synthetic figures")
    steward = {**own, "signed_by": "Kari Nordmann", "sign_reason": "Kontrollert"}
    assert remarks.reason_given(steward, _) == "Kontrollert"
    assert remarks.reason_given({**own, "synthetic": False}, _) == "Demonstrasjon"


def test_the_synthetic_register_is_named_in_the_language_of_the_text(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    caveats = pl.read_parquet(folder / "caveats.parquet")
    texts = {f"text_{language}": pl.lit(f"Kilde: {SOURCE}, MIT") for language in LANGUAGES}
    caveats.with_columns(**texts).write_parquet(folder / "caveats.parquet")
    read = current_release(tmp_path).tables["caveats"]
    assert read["text_nb"][0] == f"Kilde: {SOURCE}, MIT"
    assert read["text_nn"][0].endswith("ingen verkelege personar, MIT")
    assert read["text_en"][0].endswith("synthetic population, no real persons, MIT")


def test_a_funnel_is_drawn_by_what_its_limits_rest_on(release: Release) -> None:
    """A standardised rate by the population that its events and its rate make."""
    indirect = {"value_kind": "indirect", "numerator": 20.0, "value": 10.0, "denominator": 1500.0}
    assert compare._size(indirect, {"multiplier": 1000}) == 2000.0
    assert compare._size({**indirect, "value_kind": "crude"}, {"multiplier": 1000}) == 1500.0
    assert compare._size({**indirect, "value": None}, {"multiplier": 1000}) == 1500.0
    drawn = compare.funnel(
        release, headline(release, "emergency_admissions_per_1000"), 2025, "5001", "en"
    )
    assert drawn is not None
    sizes = [row["size"] for row in drawn["datasets"]["limits"]]
    assert sizes == sorted(sizes)
    assert '"After standardisation: ' in json.dumps(drawn)
    own = [row for row in drawn["datasets"]["areas"] if row["own"]]
    assert [row["great"] for row in own] == [True]
    nobody = Choice("emergency_admissions_per_1000", "median")
    assert compare.funnel(release, nobody, 2025, "5001", "en") is None


@pytest.mark.parametrize(
    ("breaks", "by", "ends"),
    [([], "year", (2022.75, 2025.05)), ([2022.6, 2025.3], "year", (2022.6, 2025.3)),
     ([], "month", (2022.5, 2025.5))],
)  # fmt: skip
def test_the_axis_of_years_ends_where_there_is_nothing_more(
    breaks: list[float], by: trend.Period, ends: tuple[float, float]
) -> None:
    assert trend._span([2025, 2024, 2023], pl.Series(breaks, dtype=pl.Float64), by) == ends


def test_a_planned_start_stands_beside_what_is_not_covered() -> None:
    row = {"status_reason": "municipality_not_live", "go_live_on": date(2026, 4, 1),
           "go_live_certainty": "planned", "plan_passed": False}  # fmt: skip
    _ = translator("nb", "planner")
    said = "kommunen er ikke på Helseplattformen"
    assert remarks.reason(row, _) == f"{said} (planlagt 1. april 2026, ikke bekreftet)"
    late = {**row, "plan_passed": True}
    assert remarks.reason(late, _) == f"{said} (var planlagt 1. april 2026, ikke bekreftet)"
    assert remarks.reason({**row, "go_live_certainty": "confirmed"}, _) == said
    assert remarks.reason({**row, "status_reason": None}, _) == ""


@pytest.mark.parametrize(
    ("values", "limits", "said"),
    [
        ([0.0, 0.0, 100.0], [0.0], ["0,0", "100,0"]),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [1.8, 2.6, 3.4, 4.2], ["1,0", "2,0", "3,0", "4,0", "5,0"]),
        ([1.0, 1.2, 5.0], [2.0], ["1,0–1,2", "5,0"]),
        ([7.0], [], ["7,0"]),
    ],
)
def test_the_legend_tells_what_each_colour_holds(
    values: list[float], limits: list[float], said: list[str]
) -> None:
    made = legend.colours(values, limits, 1, translator("nb", "planner"))
    assert re.findall(r"</span>([^<]+)</li>", made) == said
    assert len(set(re.findall(r'background:([^"]+)', made))) == len(said)


def test_the_least_and_the_greatest_figure_have_the_ends_of_the_scale() -> None:
    frame = pl.DataFrame({"area_level": "municipality", "value": [0.0] * 4 + [100.0] * 6})
    limits = region_map.class_limits(frame)
    assert max(limits) < 100
    assert [region_map.class_of(value, limits) for value in (0.0, 100.0)] == [0, len(SCALE) - 1]


def test_areas_of_one_name_are_told_apart_by_their_years(release: Release) -> None:
    names = area_names(release.tables["areas"])
    assert names["1507"] == "Ålesund (2020–2023)"
    assert names["1508"] == "Ålesund (2024–)"
    assert names["5001"] == "Trondheim – Tråante"


def test_the_fixture_obeys_the_published_contract(tmp_path: Path) -> None:
    results = check_published(write_release(tmp_path), "fixture")
    assert len(results) > 300
    assert [(r.check_id, r.unexpected_n) for r in results if r.status != "pass"] == []
