"""Municipalities that are shown together where one of them alone is not.

Belongs here: which groups a policy asks for, a group's counts and strata from its members', and
which hidden figure is shown with which group. Does not belong here: how groups are found from
public facts (``anonymization.tables``), and whether one may be shown (the table door decides).

Groups follow from what is public and fixed: the inhabitants of one year, the place, and the year
in which the municipality's services went live. So they are the same in every year of a release
and in every release, and a municipality that goes live later changes no group there is. A group has
one figure of an indicator and year: of both sexes and all its ages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from anonymization.tables import TablePolicy, sized_groups, with_remainders
from pipelines.catalogue.loader import Catalogue
from pipelines.catalogue.model import LANGUAGES, OPEN_AGE, Indicator
from pipelines.catalogue.tables import read_reference
from pipelines.publication.figures import COUNTS, GROUP, GROUPS, MUNICIPALITY, PERIOD, Marts
from pipelines.publication.policy import table_policy
from pipelines.publication.rates import KEY
from pipelines.publication.systems import AuditGroup

AREA = "area"
POPULATION = "population_2024"
"""One year for good: other groups beside the old ones would tell members by subtraction."""

DEGREE = 111.0
NARROWED = 0.44
"""Kilometres of a degree of latitude, and what a degree of longitude is of it at 64° north."""

_ADDED = ("numerator", "denominator", "numerator_sq", "numerator_persons", "denominator_persons",
          "complement_persons", "providers")  # fmt: skip


def merged_areas(catalogue: Catalogue, reference: Path) -> pl.DataFrame:
    """The groups of municipalities that indicators' policies ask for.

    Args:
        catalogue: The loaded catalogue.
        reference: Folder of the reference CSV files.

    Returns:
        One row per indicator, group and member: indicator_id, merged_group_id, area_code.

    Raises:
        ValueError: If a policy asks for what the region's figures cannot give.
    """
    facts = _facts(reference)
    found = [pl.DataFrame(schema=GROUPS)]
    for spec in catalogue.indicators.values():
        policy = table_policy(catalogue, spec.policy)
        if policy.merge:
            steps = sized_groups(facts, _minimum(spec, policy))
            named = pl.col("parent").str.replace_all(" ", "", literal=True)
            found.append(
                steps.select(
                    pl.lit(spec.id).alias("indicator_id"),
                    named.alias("merged_group_id"),
                    pl.col("code").alias("area_code"),
                )
            )
    return pl.concat(found)


def _minimum(spec: Indicator, policy: TablePolicy) -> Sequence[float]:
    rule = policy.merge.get(AREA)
    if rule is None or len(policy.merge) > 1 or len(rule.minimum) != 1:
        msg = f"policy {spec.policy}: expected merge of {AREA} alone, by one minimum"
        raise ValueError(msg)
    if spec.counting != "strata" or spec.timing != "on_date" or spec.value_kinds != ("crude",):
        # Whoever moves is in two municipalities in a year, and would be two persons of a group.
        msg = f"{spec.id}: only crude figures of persons on a date can be merged"
        raise ValueError(msg)
    if rule.providers != "differ":
        msg = f"policy {spec.policy}: units count in one municipality; say providers: differ"
        raise ValueError(msg)
    return rule.minimum


def _facts(reference: Path) -> pl.DataFrame:
    """Public facts about the municipalities of the newest borders."""
    live = (
        read_reference(reference, "go_live")
        .filter(pl.col("service") == "municipal_care")
        .select("municipality_code", within=pl.col("go_live_on").dt.year())
    )
    return (
        read_reference(reference, "municipalities")
        .filter(pl.col(POPULATION).is_not_null())
        .join(live, on="municipality_code")
        .select(
            "within",
            code="municipality_code",
            size=POPULATION,
            x=pl.col("lon") * NARROWED * DEGREE,
            y=pl.col("lat") * DEGREE,
        )
    )


def with_merged_areas(marts: Marts, groups: pl.DataFrame, specs: Sequence[Indicator]) -> Marts:
    """The marts with each group as one more area, in the periods that cover all its members.

    Args:
        marts: Exact counts of municipalities and the region.
        groups: As ``merged_areas`` gives them.
        specs: Their indicators.

    Returns:
        The marts: counts by the strata that all members have in common.
    """
    if groups.is_empty():
        return marts
    coverage = _coverage(marts.coverage, groups)
    bands = _bands(marts.strata_map, groups)
    members = marts.indicator_counts.filter(pl.col("area_level") == MUNICIPALITY)
    own = ["indicator_id", "area_level", "area_code", *PERIOD]
    counts = (
        members.join(groups, on=["indicator_id", "area_code"])
        .with_columns(area_level=pl.lit(GROUP))
        .join(
            bands.rename({"area_code": "merged_group_id", "age_from": "low", "age_to": "high"}),
            on=["area_level", "merged_group_id", "sex"],
        )
        .filter(pl.col("age_from") >= pl.col("low"), pl.col("age_to") <= pl.col("high"))
        # A band that passes the indicator's ages would hold what some members count of it.
        .join(_ages(specs), on="indicator_id")
        .filter(pl.col("low") >= pl.col("age_min"), pl.col("high") <= pl.col("age_max"))
        # Providers of several strata may be the same ones, those of two municipalities are not.
        .group_by("indicator_id", "area_level", "merged_group_id", "area_code", "sex", "low",
                  "high", *PERIOD)
        .agg(
            pl.col(name).max() if name in ("numerator_max", "denominator_max", "providers")
            else pl.col(name).sum()
            for name in COUNTS if name in members.columns
        )
        .group_by("indicator_id", "area_level", pl.col("merged_group_id").alias("area_code"), "sex",
                  pl.col("low").alias("age_from"), pl.col("high").alias("age_to"), *PERIOD)
        .agg(
            pl.col(name).sum() if name in _ADDED else pl.col(name).max()
            for name in COUNTS if name in members.columns
        )
        .join(coverage, on=own, how="semi")
    )  # fmt: skip
    return replace(
        marts,
        indicator_counts=_below(marts.indicator_counts, counts),
        coverage=_below(marts.coverage, coverage),
        strata_map=_below(marts.strata_map, bands),
        groups=groups,
    )


def _ages(specs: Sequence[Indicator]) -> pl.DataFrame:
    ages = [(spec.id, spec.ages.min, spec.age_max) for spec in specs]
    schema = {"indicator_id": pl.String, "age_min": pl.Int64, "age_max": pl.Int64}
    return pl.DataFrame(ages, schema=schema, orient="row")


def _below(frame: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, more.select(pl.col(c).cast(t) for c, t in frame.schema.items())])


def _coverage(coverage: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    covered = coverage.filter(
        pl.col("area_level") == MUNICIPALITY, pl.col("coverage_state") != "not_covered"
    ).join(groups, on=["indicator_id", "area_code"])
    whole = groups.group_by("indicator_id", "merged_group_id").agg(members=pl.len())
    full = (pl.col("coverage_state") == "full").all()
    return (
        covered.group_by("indicator_id", "merged_group_id", *PERIOD)
        .agg(
            pl.len(),
            pl.col("covered_share").min(),
            pl.selectors.by_name("residents", require_all=False).sum(),
            coverage_state=pl.when(full).then(pl.lit("full")).otherwise(pl.lit("flagged")),
        )
        .join(whole, on=["indicator_id", "merged_group_id"])
        .filter(pl.col("len") == pl.col("members"))
        .rename({"merged_group_id": "area_code"})
        .with_columns(area_level=pl.lit(GROUP))
    )


def _bands(strata: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Ages between cuts that all members' strata have."""
    members = groups.select("merged_group_id", "area_code").unique()
    many = members.group_by("merged_group_id").agg(members=pl.len())
    keys = ["merged_group_id", "sex"]
    upper = pl.col("age_from").shift(-1).over(keys, order_by="age_from") - 1
    return (
        strata.filter(pl.col("area_level") == MUNICIPALITY)
        .join(members, on="area_code")
        .group_by(*keys, "age_from")
        .agg(pl.len())
        .join(many, on="merged_group_id")
        .filter(pl.col("len") == pl.col("members"))
        .select(
            "sex",
            pl.col("age_from").cast(pl.Int64),
            area_level=pl.lit(GROUP),
            area_code="merged_group_id",
            age_to=upper.fill_null(OPEN_AGE).cast(pl.Int64),
        )
    )


def with_left_over(group: AuditGroup, policy: TablePolicy) -> AuditGroup:
    """The audit group with what is left of merged areas beside the members that are shown.

    Args:
        group: An audit group, its sums those of merged areas.
        policy: Its policy.
    """
    sums = group.system.sums.select("whole_id", "part_id")
    return replace(group, system=with_remainders(group.system, sums, policy, providers_differ=True))


def with_references(values: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Figures hidden alone refer to the group that they are shown with.

    Args:
        values: ``indicator_values`` with the rows of groups.
        groups: As ``merged_areas`` gives them.

    Returns:
        The same rows; hidden ones whose group is shown have the status ``merged`` and name it.
    """
    same = [name for name in KEY if name != "area_code"]
    shown = values.filter(pl.col("area_level") == GROUP, pl.col("value_status") == "ok")
    refers = (
        shown.select(*same, found="area_code")
        .join(
            groups, left_on=["indicator_id", "found"], right_on=["indicator_id", "merged_group_id"]
        )
        .select(*KEY, "found")
    )
    merged = (pl.col("status_reason") == "disclosure") & pl.col("found").is_not_null()
    merged = merged & (pl.col("value_status") == "suppressed")
    return (
        values.join(refers, on=list(KEY), how="left", maintain_order="left")
        .with_columns(
            value_status=pl.when(merged).then(pl.lit("merged")).otherwise("value_status"),
            merged_group_id=pl.when(merged).then("found").otherwise("merged_group_id"),
        )
        .drop("found")
    )


def merged_groups_table(
    values: pl.DataFrame, groups: pl.DataFrame, reference: Path
) -> pl.DataFrame:
    """The table ``merged_groups``: one row per group and member.

    Args:
        values: ``indicator_values``: groups without a row in it are left out.
        groups: As ``merged_areas`` gives them.
        reference: Folder of the reference CSV files.

    Returns:
        merged_group_id, area_code, and the group's label in each language: its members' names.
    """
    names = read_reference(reference, "municipalities").select(
        "name", area_code="municipality_code"
    )
    there = values.select(merged_group_id="area_code").unique()
    members = (
        groups.select("merged_group_id", "area_code")
        .unique()
        .join(there, on="merged_group_id", how="semi")
        .join(names, on="area_code")
    )
    label = pl.col("name").sort_by("area_code").str.join(", ").over("merged_group_id")
    return members.select(
        "merged_group_id", "area_code", *(label.alias(f"label_{one}") for one in LANGUAGES)
    ).sort("merged_group_id", "area_code")


def groups_in(folder: Path) -> pl.DataFrame:
    """The groups of a release as its files tell them, as ``merged_areas`` gives them.

    Args:
        folder: Folder of the release.
    """
    members = pl.read_parquet(folder / "merged_groups.parquet")
    values = pl.read_parquet(folder / "indicator_values.parquet")
    return (
        values.filter(pl.col("area_level") == GROUP)
        .select("indicator_id", merged_group_id="area_code")
        .unique()
        .join(members.select("merged_group_id", "area_code"), on="merged_group_id")
        .sort("indicator_id", "merged_group_id", "area_code")
    )
