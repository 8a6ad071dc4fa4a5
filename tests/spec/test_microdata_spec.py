"""The microdata door on the worked example of the literature.

Twelve patients of Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam, "l-Diversity: Privacy
Beyond k-Anonymity", ACM TKDD 1(1), 2007, figures 1 to 3.
"""

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy
from anonymization.microdata import NoSolutionError, anonymize
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess

PATIENTS = pl.DataFrame(
    [
        ("13053", 28, "Russian", "heart"),
        ("13068", 29, "American", "heart"),
        ("13068", 21, "Japanese", "viral"),
        ("13053", 23, "American", "viral"),
        ("14853", 50, "Indian", "cancer"),
        ("14853", 55, "Russian", "heart"),
        ("14850", 47, "American", "viral"),
        ("14850", 49, "American", "viral"),
        ("13053", 31, "American", "cancer"),
        ("13053", 37, "Indian", "cancer"),
        ("13068", 36, "Japanese", "cancer"),
        ("13068", 35, "American", "cancer"),
    ],
    schema=["zip", "age", "nationality", "condition"],
    orient="row",
)
AGES = pl.DataFrame({"age": [str(age) for age in range(20, 60)]}).with_columns(
    half=pl.when(pl.col("age") <= "40").then(pl.lit("<=40")).otherwise(pl.lit(">40"))
)
QIS = ["zip", "age", "nationality"]


def policy(**options):
    return MicrodataPolicy(
        quasi_identifiers=[
            QuasiIdentifier("zip", Hierarchy.prefix([4, 3])),
            QuasiIdentifier("age", Hierarchy.from_table(AGES)),
            QuasiIdentifier("nationality", Hierarchy.suppress()),
        ],
        **options,
    )


def test_the_four_anonymous_table_of_figure_2():
    published = PATIENTS.with_columns(
        zip=pl.col("zip").str.slice(0, 3).replace({"148": "1485"}),
        age=pl.when(pl.col("age") < 30)
        .then(pl.lit("<30"))
        .when(pl.col("age") < 40)
        .then(pl.lit("3*"))
        .otherwise(pl.lit(">=40")),
        nationality=pl.lit("*"),
    )
    report = assess(published, QIS, ["condition"])
    # Four of a kind, but the four in their thirties all have cancer: figure 2's very point.
    assert (report.records, report.classes, report.k) == (12, 3, 4)
    assert report.l == {"condition": 1}
    assert report.prosecutor_max == report.prosecutor_mean == 0.25


def test_the_three_diverse_table_of_figure_3():
    made = anonymize(PATIENTS, policy(k=4, sensitive=[SensitiveAttribute("condition", l=3)]))
    assert made.levels == {"zip": 1, "age": 1, "nationality": 1}
    assert made.table.rows()[:5] == [
        ("1305*", "<=40", "*", "heart"),
        ("1306*", "<=40", "*", "heart"),
        ("1306*", "<=40", "*", "viral"),
        ("1305*", "<=40", "*", "viral"),
        ("1485*", ">40", "*", "cancer"),
    ]
    report = assess(made.table, QIS, ["condition"])
    assert (report.k, report.classes, report.l) == (4, 3, {"condition": 3})
    # Zip: (1 of 3) for the eight in 1305* or 1306*, whose labels cover one zip each: 0; 1485*
    # covers two of four zips: 1/3. Age: <=40 covers 21 of 40 ages, >40 19. Nationality: all.
    zip_loss = (8 * 0 + 4 * (1 / 3)) / 12
    age_loss = (8 * (20 / 39) + 4 * (18 / 39)) / 12
    assert made.loss == pytest.approx((zip_loss + age_loss + 1.0) / 3, abs=1e-12)
    assert made.report.loss_by_attribute == pytest.approx(
        {"zip": zip_loss, "age": age_loss, "nationality": 1.0}, abs=1e-12
    )


def test_the_report_counts():
    made = anonymize(
        PATIENTS.with_columns(name=pl.lit("Kari")),
        policy(k=4, sensitive=[SensitiveAttribute("condition", l=3)]),
    )
    report = made.report
    assert (report.records, report.suppressed, report.classes) == (12, 0, 3)
    assert (report.smallest_class, report.diversity) == (4, {"condition": 3})
    assert report.dropped_columns == ("name",)
    assert "name" not in made.table.columns
    evidence = report.evidence
    assert evidence.nodes == 4 * 3 * 2
    assert (
        evidence.checked + evidence.ruled_out_by_bound + evidence.ruled_out_by_projection
        == evidence.nodes
    )
    assert evidence.best_remaining_bound is None or evidence.best_remaining_bound >= made.loss


def test_suppression_within_the_limit():
    rare = pl.concat(
        [PATIENTS, PATIENTS.head(1).with_columns(zip=pl.lit("90210"))], how="vertical_relaxed"
    )
    strict = anonymize(rare, policy(k=4))
    made = anonymize(rare, policy(k=4, suppression_limit=0.1))
    # One of thirteen may go, and the one that stands alone does.
    assert made.suppressed == 1
    assert made.suppressed_rows.to_list() == [12]
    assert made.loss < strict.loss
    assert strict.suppressed == 0
    assert made.table.height == 12


def test_order_columns_and_types_of_what_stays():
    frame = PATIENTS.with_row_index("row")
    made = anonymize(
        frame,
        MicrodataPolicy(
            quasi_identifiers=[
                QuasiIdentifier("age", Hierarchy.intervals([40])),
                QuasiIdentifier("zip", Hierarchy.suppress()),
            ],
            insensitive=["row"],
            k=4,
            suppression_limit=0.5,
        ),
    )
    assert made.table.columns == ["age", "zip", "row"]
    assert made.table["row"].is_sorted()
    assert not set(made.table["row"]) & set(made.suppressed_rows)
    assert len(made.table) + made.suppressed == 12


def test_a_quasi_identifier_without_hierarchy_stays_as_it_is():
    frame = pl.DataFrame({"year": [2023] * 5 + [2024] * 4, "sex": ["f"] * 9})
    exact = MicrodataPolicy(
        quasi_identifiers=[QuasiIdentifier("year"), QuasiIdentifier("sex", Hierarchy.suppress())],
        suppression_limit=0.5,
    )
    made = anonymize(frame, exact)
    assert made.table["year"].to_list() == [2023] * 5
    assert made.table.schema["year"] == frame.schema["year"]
    assert made.suppressed_rows.to_list() == [5, 6, 7, 8]
    assert made.levels["year"] == 0


def test_weights_move_the_loss():
    frame = pl.DataFrame({"a": ["x", "y"] * 4, "b": ["x", "x", "y", "y"] * 2})

    def levels(weight_a, weight_b):
        return anonymize(
            frame,
            MicrodataPolicy(
                quasi_identifiers=[
                    QuasiIdentifier("a", Hierarchy.suppress(), weight_a),
                    QuasiIdentifier("b", Hierarchy.suppress(), weight_b),
                ],
                k=4,
            ),
        ).levels

    assert levels(1, 3) == {"a": 1, "b": 0}
    assert levels(3, 1) == {"a": 0, "b": 1}


def test_missing_is_a_value_of_its_own():
    frame = pl.DataFrame({"a": ["x"] * 5 + [None] * 4})
    qi = [QuasiIdentifier("a", Hierarchy.suppress())]
    kept = anonymize(frame, MicrodataPolicy(quasi_identifiers=qi, k=4))
    assert kept.table["a"].null_count() == 4
    merged = anonymize(frame, MicrodataPolicy(quasi_identifiers=qi, k=5))
    assert merged.table["a"].to_list() == ["*"] * 9


def test_a_missing_sensitive_value_counts_as_one():
    frame = pl.DataFrame({"a": ["x"] * 5, "s": ["ill"] * 4 + [None]})
    qi = [QuasiIdentifier("a")]
    diverse = MicrodataPolicy(quasi_identifiers=qi, sensitive=[SensitiveAttribute("s", 2)])
    assert anonymize(frame, diverse).report.diversity == {"s": 2}
    more = MicrodataPolicy(quasi_identifiers=qi, sensitive=[SensitiveAttribute("s", 3)])
    with pytest.raises(NoSolutionError):
        anonymize(frame, more)


EDGES = [
    # rows, k, limit -> suppressed; none: no solution
    (0, 5, 0.0, 0),
    (1, 1, 0.0, 0),
    (1, 2, 0.0, None),
    (3, 5, 0.0, None),
    (3, 5, 1.0, 3),
    (5, 5, 0.0, 0),
]


@pytest.mark.parametrize(("rows", "k", "limit", "suppressed"), EDGES)
def test_edges(rows, k, limit, suppressed):
    frame = pl.DataFrame({"år-født": list(range(rows))}, schema={"år-født": pl.Int64})
    edge = MicrodataPolicy(
        quasi_identifiers=[QuasiIdentifier("år-født", Hierarchy.suppress())],
        k=k,
        suppression_limit=limit,
    )
    if suppressed is None:
        with pytest.raises(NoSolutionError, match=f"k={k}"):
            anonymize(frame, edge)
        return
    made = anonymize(frame, edge)
    assert made.suppressed == suppressed
    assert made.table.height == rows - suppressed
    assert made.loss == (1.0 if suppressed else pytest.approx(made.loss))


def test_the_limit_is_a_share_rounded_down_exactly():
    # 0.29 * 100 is 28.999… in binary; a limit of 29 hundredths must allow 29 of 100.
    frame = pl.DataFrame({"a": ["x"] * 71 + [f"y{i}" for i in range(29)]})
    made = anonymize(
        frame,
        MicrodataPolicy(quasi_identifiers=[QuasiIdentifier("a")], suppression_limit=0.29),
    )
    assert made.suppressed == 29


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="lacks columns that the policy names: zip, nationality"):
        anonymize(PATIENTS.drop("zip", "nationality"), policy())


def test_nothing_of_a_person_is_shown():
    made = anonymize(PATIENTS, policy(k=4))
    for shown in (repr(made), str(made.report)):
        assert "13053" not in shown
        assert "heart" not in shown


def test_lazy_frames_and_other_types_are_taken():
    frame = pl.DataFrame(
        {
            "flag": [True, False] * 4,
            "share": [0.5, 1.5] * 4,
            "on": pl.Series(["2024-01-01", "2024-02-01"] * 4).str.to_date(),
        }
    )
    qis = [QuasiIdentifier(name, Hierarchy.suppress()) for name in frame.columns]
    made = anonymize(frame.lazy(), MicrodataPolicy(quasi_identifiers=qis, k=4))
    assert made.table.equals(frame)
    assert made.loss == 0.0
