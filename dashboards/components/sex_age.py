"""An indicator by sex and age: women beside men, age groups, the area beside the region.

Belongs here: the view by sex and age of the indicator's page. Does not belong here: choosing
figures, drawing. What differs by sex and age is called just that: the journal has no measure of
income, schooling or background, and these figures stand for none.
"""

from __future__ import annotations

from html import escape

import polars as pl

from dashboards import words
from dashboards.charts import sex_age
from dashboards.components import chart, note, show, subheading, table
from dashboards.components.barometer import difference_cell, figure_cell
from dashboards.components.legend import intervals_explained, which_is_which
from dashboards.figures import Choice, by_sex_and_age, is_grouped, strata
from dashboards.session import Context


def sex_and_age(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    """The view: a chart, how to read it, and a table of the same figures.

    Args:
        reader: The reader.
        choice: The indicator, and how the figure at the top of the page is computed.
        area_code: The area.
        year: The year.
    """
    _ = reader.translate
    release, indicator_id = reader.release, choice.indicator_id
    indicator = release.indicator(indicator_id)
    show(subheading(_("Differences by sex and age")))
    if not is_grouped(indicator):
        show(note(_("This indicator is published neither by sex nor by age group.")))
        return
    which = which_is_which(reader, choice, area_code, year)
    if which:
        show(f"<p>{escape(which)}</p>")
    spec = sex_age.sex_age(release, indicator_id, area_code, year, reader.language)
    if spec is None:
        show(note(_("No group has a figure for this choice. The table tells why.")))
    else:
        said = sex_age.described(release, indicator_id, area_code, year, reader.language)
        chart(spec, said)
    show(f"<p class='fp-small'>{escape(_how_to_read(reader, area_code, strata(indicator)[0]))}</p>")
    _table(reader, indicator_id, area_code, year)


def _how_to_read(reader: Context, area_code: str, sexes: tuple[str, ...]) -> str:
    _ = reader.translate
    said = [intervals_explained(reader, area_code)]
    if len(sexes) > 1:
        said.append(
            _("Crude figures: women and men may differ in age, so compare them within an age "
              "group. Small groups are often hidden, and their numbers vary by chance.")
        )  # fmt: skip
    else:
        said.append(_("Crude figures. The same for women and men is not published."))
    said.append(
        _("The figures tell nothing of income, education or background: the journal does not "
          "hold these.")
    )  # fmt: skip
    return " ".join(said)


def _table(reader: Context, indicator_id: str, area_code: str, year: int) -> None:
    """Every group: the figure of the area and of the region, or why there is none."""
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(indicator_id)
    decimals = indicator["decimals"]
    frame = by_sex_and_age(release, indicator_id, area_code, year)
    own = frame.filter(pl.col("area_code") == area_code).to_dicts()
    region = frame.filter(pl.col("area_code") == release.region_code).to_dicts()
    if not own:
        return
    is_region = area_code == release.region_code
    sexes, _ages = strata(indicator)
    rows: list[list[str] | str] = []
    for figure, regional in zip(own, region, strict=True):
        age = words.age(figure["age_group"], indicator, _)
        if figure["sex"] == sexes[0] and len(sexes) > 1:
            rows.append(age)
        first = words.sex(figure["sex"], _) if len(sexes) > 1 else age
        beside = [
            figure_cell(regional, decimals, _),
            difference_cell(figure, indicator["polarity"], _),
        ]
        rows.append(
            [escape(first), figure_cell(figure, decimals, _), *([] if is_region else beside)]
        )
    headings = [_("Group"), own[0]["name"]]
    if not is_region:
        headings += [region[0]["name"], _("Against the region")]
    title = _("{title} by sex and age in {area}, {year}", year=year, area=own[0]["official_name"],
              title=reader.text(indicator, "title"))  # fmt: skip
    unit = ", ".join([reader.text(indicator, "unit_text"), words.kind("crude", _).lower()])
    show(table(f"{title} ({unit})", headings, rows, numeric=(1, 2)))
