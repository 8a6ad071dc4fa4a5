"""Partition of one ordered attribute, worked by hand."""

from datetime import date

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy, HierarchyError
from anonymization.microdata import NoSolutionError, anonymize
from anonymization.packing import ColumnError
from anonymization.policies import MicrodataPolicy, PolicyError, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess
from anonymization.verdict import violations

FIVES = Hierarchy.intervals([5], lower=0, upper=24)


def people(*rows):
    """Place, year, age, number of persons, and what they have in turn."""
    frame = pl.DataFrame(
        [(p, y, a, ill) for p, y, a, ills in rows for ill in ills],
        schema=["place", "year", "age", "ill"],
        orient="row",
    )
    return frame.with_columns(row=pl.int_range(pl.len()))


def policy(k=2, hierarchy=FIVES, **options):
    return MicrodataPolicy(
        k=k,
        quasi_identifiers=[
            QuasiIdentifier("place"),
            QuasiIdentifier("year"),
            QuasiIdentifier("age", hierarchy),
        ],
        method="partition",
        ordered="age",
        periods="year",
        **options,
    )


def parts(made):
    return made.table.select("place", "year", "age").unique().sort("place", "year", "age").rows()


TWO_YEARS = people(
    ("a", 2023, 2, "xy"),
    ("a", 2023, 7, "xy"),
    ("a", 2023, 12, "x"),
    ("a", 2023, 23, "y"),
    ("a", 2024, 3, "xy"),
    ("a", 2024, 8, "x"),
    ("a", 2024, 14, "y"),
    ("a", 2024, 20, "xx"),
)


def test_one_partition_serves_all_years():
    made = anonymize(TWO_YEARS, policy(insensitive=["row"]))
    # 2024 has one person in 5-9, 2023 one in 10-14 and one in 20-24. Of the partitions that hold
    # in both years, 0-9 | 10-24 loses 7 x 9 + 5 x 14 and 0-4 | 5-24 4 x 4 + 8 x 19.
    assert parts(made) == [
        ("a", 2023, "0-9"),
        ("a", 2023, "10-24"),
        ("a", 2024, "0-9"),
        ("a", 2024, "10-24"),
    ]
    assert made.table["row"].to_list() == list(range(12))
    age = (7 * 9 + 5 * 14) / 24 / 12
    assert made.loss == pytest.approx(age / 3, abs=1e-12)
    assert made.report.loss_by_attribute == pytest.approx({"place": 0, "year": 0, "age": age})
    sure = made.report.evidence
    assert (sure.groups, sure.bands, sure.runs, sure.parts) == (1, 5, 15, 2)
    assert (sure.best_loss, sure.method) == (made.loss, "exact dynamic programming")
    assert made.levels == {}


def test_twin_one_year_alone_has_finer_ages():
    made = anonymize(TWO_YEARS.filter(pl.col("year") == 2023), policy())
    assert {age for _, _, age in parts(made)} == {"0-4", "5-9", "10-24"}


def test_groups_are_partitioned_apart_and_left_out_whole_where_they_must():
    frame = people(
        *(("a", 2023, age, "xy") for age in (1, 6)), ("b", 2023, 1, "xyxy"), ("c", 2023, 3, "x")
    )
    with pytest.raises(NoSolutionError, match="It takes 1"):
        anonymize(frame, policy())
    made = anonymize(frame, policy(suppression_limit=0.2))
    assert parts(made) == [("a", 2023, "0-4"), ("a", 2023, "5-24"), ("b", 2023, "*")]
    assert made.suppressed_rows.to_list() == [8]
    assert made.report.evidence.groups_left_out == 1
    # One of nine is suppressed in all three attributes.
    age = (2 * 4 / 24 + 2 * 19 / 24 + 4 + 1) / 9
    assert made.loss == pytest.approx((1 / 9 + 1 / 9 + age) / 3)


def test_diversity_and_closeness_are_held_in_every_part():
    frame = people(("a", 2023, 1, "xx"), ("a", 2023, 6, "xy"), ("a", 2023, 11, "xy"))
    attribute = SensitiveAttribute("ill", 2)
    made = anonymize(frame, policy(sensitive=[attribute]))
    assert {age for _, _, age in parts(made)} == {"0-9", "10-24"}
    assert made.report.diversity == {"ill": 2}
    # Two thirds have x: half and half is 1/6 off, three of four 1/12.
    near = [SensitiveAttribute("ill", 1, t=0.1)]
    assert {age for _, _, age in parts(anonymize(frame, policy(sensitive=near)))} == {"*"}


def test_without_limits_the_ends_stay_open():
    frame = people(*(("a", 2023, age, "xy") for age in (7, 20, 21, 103)))
    assert [age for _, _, age in parts(anonymize(frame, policy(hierarchy=None)))] == [
        "103+",
        "20",
        "21-102",
        "<20",
    ]
    fives = policy(hierarchy=Hierarchy.intervals([5]))
    assert {age for _, _, age in parts(anonymize(frame, fives))} == {"<10", "10-24", "25+"}


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["9", "9", "10", "10"], ["<10", "10+"]),
        ([date(2024, 1, 1)] * 2 + [date(2024, 2, 1)] * 2, ["<2024-02-01", "2024-02-01+"]),
        (
            pl.Series(["low", "low", "mid", "high"], dtype=pl.Enum(["low", "mid", "high"])),
            ["low", "mid/high"],
        ),
    ],
)
def test_texts_of_numbers_dates_and_enumerations_have_an_order(values, labels):
    frame = pl.DataFrame({"age": values})
    made = anonymize(
        frame,
        MicrodataPolicy(
            k=2, quasi_identifiers=[QuasiIdentifier("age")], method="partition", ordered="age"
        ),
    )
    assert made.table["age"].unique(maintain_order=True).to_list() == labels


def test_a_missing_value_is_no_part_of_an_interval():
    frame = people(("a", 2023, 1, "xy"), ("a", 2023, None, "xy"), ("a", 2024, None, "x"))
    limit = {"suppression_limit": 0.2}
    made = anonymize(frame, policy(**limit))
    assert parts(made) == [("a", 2023, None), ("a", 2023, "*")]
    assert made.suppressed_rows.to_list() == [4]
    unmatched = anonymize(frame, policy(missing="unmatched", suppression_limit=0.6))
    assert unmatched.suppressed_rows.to_list() == [2, 3, 4]


def test_what_is_written_holds_by_its_own_measure():
    made = anonymize(TWO_YEARS, policy(sensitive=[SensitiveAttribute("ill", 2)]))
    names = ["place", "year", "age"]
    report = assess(made.table, names, [SensitiveAttribute("ill", 2)], reference=TWO_YEARS)
    assert violations(report, policy(sensitive=[SensitiveAttribute("ill", 2)])) == []
    assert (report.k, report.classes) == (made.report.smallest_class, made.report.classes)


@pytest.mark.parametrize("loss", ["coverage", "discernibility", "aecs"])
def test_other_losses_are_those_of_the_classes(loss):
    made = anonymize(TWO_YEARS, policy(loss=loss))
    # As many parts either way: the first borders decide.
    first = {"0-4", "5-24"} if loss == "aecs" else {"0-9", "10-24"}
    assert {age for _, _, age in parts(made)} == first
    expected = {
        "coverage": (1 + 1 / 2 + (7 * 10 + 5 * 15) / 25 / 12) / 3,
        "discernibility": (4**2 + 2**2 + 3**2 + 3**2) / 12**2,
        "aecs": 12 / 4 / 2,
    }
    assert made.loss == pytest.approx(expected[loss])


def test_ages_as_floats_or_texts_are_whole_numbers():
    expected = anonymize(TWO_YEARS, policy()).table["age"].to_list()
    for kind in (pl.Float64, pl.String):
        ages = TWO_YEARS.with_columns(pl.col("age").cast(kind))
        assert anonymize(ages, policy()).table["age"].to_list() == expected


def test_a_group_without_a_part_stands_beside_records_without_a_value():
    frame = pl.DataFrame({"sex": ["f", "f", "m"], "age": [None, None, 30]})
    rules = MicrodataPolicy(
        k=2,
        quasi_identifiers=[QuasiIdentifier("sex"), QuasiIdentifier("age")],
        method="partition",
        ordered="age",
        suppression_limit=0.5,
    )
    made = anonymize(frame, rules)
    assert (made.table["age"].to_list(), made.suppressed) == ([None, None], 1)


def test_a_category_that_reads_like_an_interval_is_refused():
    kind = pl.Enum(["a", "b", "a/b"])
    frame = pl.DataFrame({"x": pl.Series(["a", "b", "a/b", "a/b"], dtype=kind)})
    rules = MicrodataPolicy(
        k=2, quasi_identifiers=[QuasiIdentifier("x")], method="partition", ordered="x"
    )
    with pytest.raises(ColumnError, match="'x': some value reads like an interval"):
        anonymize(frame, rules)


def test_no_rows_make_an_empty_table():
    made = anonymize(TWO_YEARS.head(0), policy())
    assert (made.table.height, made.loss, made.report.smallest_class) == (0, 0.0, None)


@pytest.mark.parametrize(
    ("frame", "chosen", "said"),
    [
        (TWO_YEARS.with_columns(age=30), policy(), "does not cover 1 of 1"),
        (TWO_YEARS.with_columns(age=pl.lit("Kari")), policy(), "has no order"),
        (TWO_YEARS.with_columns(age=0.5), policy(hierarchy=None), "has no order"),
        (TWO_YEARS.with_columns(age=date(2024, 1, 1)), policy(), "do not fit dates"),
        (
            pl.concat([TWO_YEARS] * 90).with_columns(age=pl.int_range(pl.len())),
            policy(hierarchy=None),
            "1080 bands",
        ),
        (TWO_YEARS, policy(person="ill"), "some person has several records"),
    ],
)
def test_what_has_no_partition_is_refused_without_a_value(frame, chosen, said):
    with pytest.raises((ColumnError, HierarchyError), match=said) as refused:
        anonymize(frame, chosen)
    assert "Kari" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ordered": None}, "ordered"),
        ({"ordered": "name"}, "ordered"),
        ({"periods": "age"}, "periods"),
        ({"periods": "name"}, "periods"),
        ({"loss": "entropy"}, "no sum over intervals"),
        ({"method": "local"}, "only method='partition'"),
        ({"quasi_identifiers": [QuasiIdentifier("age", Hierarchy.prefix([1]))]}, "of one width"),
        (
            {"quasi_identifiers": [QuasiIdentifier("age", Hierarchy.intervals([5, 10]))]},
            "of one width",
        ),
        (
            {
                "quasi_identifiers": [
                    QuasiIdentifier("age"),
                    QuasiIdentifier("place", Hierarchy.suppress()),
                ]
            },
            "keeps place",
        ),
    ],
)
def test_options_that_contradict_one_another_are_refused(options, said):
    given = {"method": "partition", "ordered": "age", "quasi_identifiers": [QuasiIdentifier("age")]}
    with pytest.raises(PolicyError, match=said):
        MicrodataPolicy(**{**given, **options})
