"""The optimum equals the best of all nodes, tried one by one on records, not on classes."""

import math
from dataclasses import replace
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import anonymization.lattice as lattice
from anonymization.hierarchies import Hierarchy
from anonymization.lattice import LatticeTooLargeError, NodeLimitError
from anonymization.microdata import NoSolutionError, anonymize
from anonymization.policies import MicrodataPolicy, PolicyError, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess
from anonymization.verdict import violations
from tests.support import microdata_oracle as oracle

DISEASES = {"flu": "lung", "cough": "lung", "ulcer": "belly", "lung": "any", "belly": "any"}
TREE = Hierarchy.tree(DISEASES)
PATHS = {
    "flu": ["flu", "lung", "any"],
    "cough": ["cough", "lung", "any"],
    "ulcer": ["ulcer", "belly", "any"],
}
# A missing value lies beside the tree, so the top is needed above its root.
PATHS_WITH_MISSING = {**{v: [*p, "*"] for v, p in PATHS.items()}, None: [None, None, None, "*"]}
ORDER = ("flu", "cough", "ulcer")
MARGIN = 1e-12
LARGE = {"_TRIPLES": 0, "_ROUND": 2, "_KEPT_TUPLES": 0, "_KEPT_AT_LEAST": 1}


@st.composite
def hierarchy_tables(draw):
    """A row of labels for each value; what is merged once stays merged."""
    size = draw(st.integers(1, 5))
    rows = [[str(value)] for value in range(size)]
    for level in range(draw(st.integers(0, 3))):
        lower = sorted({row[-1] for row in rows})
        up = {label: f"{level}/{draw(st.integers(0, len(lower) - 1))}" for label in lower}
        for row in rows:
            row.append(up[row[-1]])
    return [tuple(row) for row in rows]


@st.composite
def sensitive_attributes(draw):
    diversity = draw(st.sampled_from(["distinct", "entropy", "recursive"]))
    least = draw(st.integers(1, 3)) + (draw(st.sampled_from([0, 0.5])) * (diversity == "entropy"))
    distance = draw(st.sampled_from(["equal", "ordered", "hierarchical"]))
    return SensitiveAttribute(
        "ill",
        least,
        diversity,
        c=draw(st.sampled_from([0.5, 1.0, 1.5, 3.0])) if diversity == "recursive" else None,
        t=draw(st.sampled_from([None, None, 0.1, 0.25, 0.5])),
        distance=distance,
        order=ORDER if distance == "ordered" else None,
        hierarchy=TREE if distance == "hierarchical" else None,
    )


@st.composite
def tasks(draw):
    tables = draw(st.lists(hierarchy_tables(), min_size=1, max_size=4))
    assume(math.prod(len(table[0]) + 1 for table in tables) < 500)
    rows = draw(st.integers(0, 18))
    frame = {}
    for index, table in enumerate(tables):
        values = st.sampled_from([row[0] for row in table])
        one = st.one_of(st.none(), values) if draw(st.booleans()) else values
        frame[f"q{index}"] = draw(st.lists(one, min_size=rows, max_size=rows))
    ill = st.sampled_from(["flu", "cough", "ulcer", None] if draw(st.booleans()) else list(ORDER))
    frame["ill"] = draw(st.lists(ill, min_size=rows, max_size=rows))
    weights = draw(
        st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=len(tables), max_size=len(tables))
    )
    sensitive = draw(st.lists(sensitive_attributes(), max_size=1))
    loss, aggregate = draw(st.sampled_from(sorted(oracle.LOSSES)))
    policy = MicrodataPolicy(
        k=draw(st.integers(1, 4)),
        quasi_identifiers=[
            QuasiIdentifier(
                f"q{index}",
                Hierarchy.from_table(
                    pl.DataFrame(table, schema=[str(n) for n in range(len(table[0]))], orient="row")
                ),
                weight,
            )
            for index, (table, weight) in enumerate(zip(tables, weights, strict=True))
        ],
        sensitive=sensitive,
        insensitive=[] if sensitive else ["ill"],
        suppression_limit=draw(st.sampled_from([0.0, 0.0, 0.1, 0.25, 0.5, 1.0])),
        loss=loss,
        aggregate=aggregate,
    )
    data = pl.DataFrame(frame, schema=dict.fromkeys(frame, pl.String))
    columns = [
        oracle.Column(frame[f"q{index}"], table, weight)
        for index, (table, weight) in enumerate(zip(tables, weights, strict=True))
    ]
    return data, policy, columns


def distance(attribute, members, whole):
    if attribute.distance == "equal":
        return oracle.equal(members, whole)
    if attribute.distance == "ordered":
        return oracle.ordered(members, whole, ([None] if None in whole else []) + list(ORDER))
    return oracle.hierarchical(members, whole, PATHS_WITH_MISSING if None in whole else PATHS)


def holds(attribute):
    def check(members, whole):
        diverse = len(set(members)) >= attribute.l
        if attribute.diversity == "entropy":
            diverse = oracle.effective(members) >= attribute.l - 1e-9
        if attribute.diversity == "recursive":
            diverse = oracle.recursive(members, int(attribute.l)) < attribute.c
        return diverse and (
            attribute.t is None or distance(attribute, members, whole) <= attribute.t + 1e-9
        )

    return check


def equals_brute_force(task):
    data, policy, columns = task
    ill = data["ill"].to_list()
    best = oracle.best_node(
        columns,
        [ill for _ in policy.sensitive],
        [holds(attribute) for attribute in policy.sensitive],
        oracle.LOSSES[policy.loss, policy.aggregate],
        policy.k,
        math.floor(Fraction(str(policy.suppression_limit)) * data.height),
    )
    if best is None:
        with pytest.raises(NoSolutionError):
            anonymize(data, policy)
        return
    made = anonymize(data, policy)
    assert made.loss == pytest.approx(best[0], abs=1e-9)
    assert tuple(made.levels.values()) in best[1]
    sure = made.report.evidence
    assert sure.nodes == math.prod(column.height for column in columns)
    assert sure.nodes == (
        sure.checked
        + sure.ruled_out_by_projection
        + sure.ruled_out_by_monotony
        + sure.ruled_out_by_bound
    )
    assert sure.best_remaining_bound is None or sure.best_remaining_bound >= made.loss - MARGIN
    assert (sure.is_proven, sure.left_open, sure.gap) == (True, 0, 0.0)


def is_honest_when_stopped(task, node_limit):
    data, policy, _ = task
    try:
        best = anonymize(data, policy)
    except NoSolutionError:
        with pytest.raises((NoSolutionError, NodeLimitError)):
            anonymize(data, policy, node_limit=node_limit)
        return
    told = []
    try:
        made = anonymize(data, policy, node_limit=node_limit, progress=told.append)
    except NodeLimitError:
        assert best.report.evidence.checked > node_limit
        return
    sure = made.report.evidence
    assert sure.checked <= node_limit
    assert made.loss - sure.gap - MARGIN <= best.loss <= made.loss + MARGIN
    assert not sure.is_proven or made.levels == best.levels
    assert sure.is_proven or sure.best_remaining_bound <= made.loss + MARGIN
    assert sure.nodes == sure.left_open + sure.checked + (
        sure.ruled_out_by_projection + sure.ruled_out_by_monotony + sure.ruled_out_by_bound
    )
    checked = [progress.checked for progress in told]
    assert checked == sorted(checked)
    assert checked[-1] <= sure.checked
    assert {progress.nodes for progress in told} == {sure.nodes}


@settings(max_examples=25)
@given(tasks(), st.integers(1, 6))
def test_a_stopped_search_tells_what_it_left_open(task, node_limit):
    is_honest_when_stopped(task, node_limit)


@pytest.mark.nightly
@settings(max_examples=2000)
@given(tasks(), st.integers(1, 12))
def test_stopped_searches_are_honest_in_many_lattices(task, node_limit):
    is_honest_when_stopped(task, node_limit)


def test_many_columns_of_two_levels_need_few_nodes():
    # The table as it is loses least; only its bound points there.
    rows = [
        {f"c{n}": "x" if (row * 7 + n * 11) % 97 == 0 else "0" for n in range(12)}
        for row in range(970)
    ]
    policy = MicrodataPolicy(
        k=3,
        quasi_identifiers=[QuasiIdentifier(f"c{n}", Hierarchy.suppress()) for n in range(12)],
        suppression_limit=0.3,
    )
    sure = anonymize(pl.DataFrame(rows), policy).report.evidence
    assert sure.nodes == 4096
    assert sure.checked < 50


@pytest.mark.parametrize("options", [{"node_limit": 0}, {"node_limit": 9, "partition": True}])
def test_a_limit_of_nodes_is_refused_where_it_means_nothing(options):
    partition = {"method": "partition", "ordered": "a"} if options.pop("partition", 0) else {}
    policy = MicrodataPolicy(quasi_identifiers=[QuasiIdentifier("a")], k=1, **partition)
    with pytest.raises(PolicyError, match="node_limit"):
        anonymize(pl.DataFrame({"a": [1]}), policy, **options)


def keeps_its_policy(task, shuffler):
    data, policy, columns = task
    try:
        made = anonymize(data, policy)
    except NoSolutionError:
        return
    names = [qi.name for qi in policy.quasi_identifiers]
    report = assess(made.table, names, policy.sensitive, reference=data)
    assert made.table.height + made.suppressed == data.height
    assert made.suppressed_rows.len() == made.suppressed
    assert (report.k, report.classes) == (made.report.smallest_class, made.report.classes)
    for attribute in policy.sensitive:
        measured = report.sensitive["ill"]
        assert measured.distinct == made.report.diversity["ill"]
        if made.table.height:
            assert report.k >= policy.k
            assert attribute.t is None or measured.t <= attribute.t + MARGIN
            assert attribute.c is None or measured.recursive < attribute.c
            assert attribute.diversity != "entropy" or measured.entropy >= attribute.l - 1e-9
    kept = data.with_row_index("row").filter(~pl.col("row").is_in(made.suppressed_rows.implode()))
    for name, column in zip(names, columns, strict=True):
        labels = [column.paths[value][made.levels[name]] for value in kept[name].to_list()]
        assert made.table[name].to_list() == labels
    shuffled = data.rows()
    shuffler.shuffle(shuffled)
    again = anonymize(pl.DataFrame(shuffled, schema=data.schema, orient="row"), policy)
    assert again.levels == made.levels
    assert again.table.sort(pl.all()).equals(made.table.sort(pl.all()))


def is_finer_and_holds(task, shuffler):
    data, policy, columns = task
    local = replace(policy, method="local")
    try:
        best = anonymize(data, policy)
    except NoSolutionError:
        with pytest.raises(NoSolutionError):
            anonymize(data, local)
        return
    made = anonymize(data, local)
    assert made.loss <= best.loss + MARGIN
    assert made.report.evidence == best.report.evidence
    allowed = math.floor(Fraction(str(policy.suppression_limit)) * data.height)
    assert made.suppressed == made.suppressed_rows.len() == data.height - made.table.height
    assert made.suppressed <= allowed
    names = [qi.name for qi in policy.quasi_identifiers]
    gone = set(made.suppressed_rows.to_list())
    kept = [row for row in range(data.height) if row not in gone]
    assert made.table["ill"].to_list() == [data["ill"][row] for row in kept]
    # Every label is one of the record's own, and the loss is that of the labels.
    levels = [[0] * data.height for _ in names]
    for index, (name, column) in enumerate(zip(names, columns, strict=True)):
        for row, label in zip(kept, made.table[name].to_list(), strict=True):
            levels[index][row] = column.paths[column.values[row]].index(label)
    keys = [None] * data.height
    for row, labels in zip(kept, made.table.select(names).rows(), strict=True):
        keys[row] = labels
    loss = oracle.LOSSES[policy.loss, policy.aggregate]
    is_gone = [row in gone for row in range(data.height)]
    expected = loss(columns, levels, keys, is_gone, policy.k) if data.height else 0.0
    assert made.loss == pytest.approx(expected, abs=1e-9)
    report = assess(made.table, names, policy.sensitive, reference=data)
    assert violations(report, policy) == []
    assert (report.k, report.classes) == (made.report.smallest_class, made.report.classes)
    assert report.l == made.report.diversity
    shuffled = data.rows()
    shuffler.shuffle(shuffled)
    again = anonymize(pl.DataFrame(shuffled, schema=data.schema, orient="row"), local)
    assert again.loss == pytest.approx(made.loss, abs=1e-12)
    assert again.table.sort(pl.all()).equals(made.table.sort(pl.all()))


@settings(max_examples=40)
@given(tasks(), st.randoms(use_true_random=False))
def test_local_recoding_holds_and_never_loses_more(task, shuffler):
    is_finer_and_holds(task, shuffler)


@st.composite
def ambiguous_columns(draw):
    """A column whose labels are those of other values on other levels."""
    size = draw(st.integers(2, 5))
    rows = [[str(value)] for value in range(size)]
    for _ in range(draw(st.integers(1, 2))):
        up = {label: str(draw(st.integers(0, 2))) for label in sorted({row[-1] for row in rows})}
        for row in rows:
            row.append(up[row[-1]])
    table = pl.DataFrame(rows, schema=[str(n) for n in range(len(rows[0]))], orient="row")
    return [row[0] for row in rows] + ["*"], Hierarchy.from_table(
        pl.concat([table, pl.DataFrame([["*"] * table.width], schema=table.schema, orient="row")])
    )


@settings(max_examples=60)
@given(st.lists(ambiguous_columns(), min_size=1, max_size=3), st.data())
def test_local_recoding_counts_the_classes_that_a_reader_sees(columns, data):
    rows = data.draw(st.integers(1, 16))
    drawn = {
        f"q{n}": data.draw(st.lists(st.sampled_from(values), min_size=rows, max_size=rows))
        for n, (values, _) in enumerate(columns)
    }
    ill = data.draw(st.lists(st.sampled_from(ORDER), min_size=rows, max_size=rows))
    who = data.draw(st.lists(st.integers(1, 5), min_size=rows, max_size=rows))
    frame = pl.DataFrame(drawn | {"ill": ill, "who": who})
    policy = MicrodataPolicy(
        k=data.draw(st.integers(1, 2)),
        quasi_identifiers=[QuasiIdentifier(f"q{n}", laid) for n, (_, laid) in enumerate(columns)],
        sensitive=[SensitiveAttribute("ill", data.draw(st.sampled_from([1, 1.5, 2])), "entropy")],
        suppression_limit=data.draw(st.sampled_from([0.0, 0.3, 0.6])),
        person="who",
        method="local",
    )
    try:
        made = anonymize(frame, policy)
    except NoSolutionError:
        return
    kept = frame.filter(~pl.int_range(pl.len()).is_in(made.suppressed_rows.implode()))
    report = assess(
        made.table.with_columns(kept["who"]),
        list(drawn),
        policy.sensitive,
        unit="who",
        reference=frame,
    )
    assert violations(report, policy) == []
    assert (report.classes, report.k) == (made.report.classes, made.report.smallest_class)


@pytest.mark.nightly
@settings(max_examples=2000)
@given(tasks(), st.randoms(use_true_random=False))
def test_local_recoding_holds_in_many_lattices(task, shuffler):
    is_finer_and_holds(task, shuffler)


@settings(max_examples=50)
@given(tasks())
def test_no_node_is_better(task):
    equals_brute_force(task)


@settings(max_examples=25)
@given(tasks())
def test_no_node_is_better_where_tables_are_large(task):
    # Triples, several nodes in a round, and next to nothing kept: what small tables never reach.
    with pytest.MonkeyPatch.context() as patched:
        for name, value in LARGE.items():
            patched.setattr(lattice, name, value)
        equals_brute_force(task)


@pytest.mark.nightly
@settings(max_examples=6000)
@given(tasks())
def test_no_node_is_better_in_many_lattices(task):
    equals_brute_force(task)


@settings(max_examples=30)
@given(tasks(), st.randoms(use_true_random=False))
def test_what_is_made_holds_and_does_not_depend_on_order(task, shuffler):
    keeps_its_policy(task, shuffler)


@pytest.mark.nightly
@settings(max_examples=2000)
@given(tasks(), st.randoms(use_true_random=False))
def test_what_is_made_holds_in_many_lattices(task, shuffler):
    keeps_its_policy(task, shuffler)


def test_a_lattice_beyond_the_exact_search_is_refused(monkeypatch):
    monkeypatch.setattr(lattice, "MAXIMUM_NODES", 7)
    frame = pl.DataFrame({"a": [1], "b": [1], "c": [1]})
    policy = MicrodataPolicy(
        quasi_identifiers=[QuasiIdentifier(c, Hierarchy.suppress()) for c in "abc"], k=1
    )
    with pytest.raises(LatticeTooLargeError, match="8 nodes"):
        anonymize(frame, policy)


def test_a_hundred_thousand_and_more_records_are_counted_right():
    frame = pl.DataFrame({"a": ["x"] * 100_000 + ["y"] * 200_001})
    policy = MicrodataPolicy(quasi_identifiers=[QuasiIdentifier("a")], k=100_000)
    made = anonymize(frame, policy)
    assert (made.report.smallest_class, made.suppressed) == (100_000, 0)
