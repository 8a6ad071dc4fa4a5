"""The microdata door by hand: what is written, what is checked, and what is never told."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from anonymization.grouping import Frame, Source
from anonymization.microdata import Solved, anonymize
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess
from anonymization.verdict import violations
from pipelines.cli import app
from pipelines.errors import message_of
from pipelines.publication import microdata_files
from pipelines.publication.microdata_files import PageWords, anonymize_file
from pipelines.publication.microdata_policy import read_policy
from pipelines.publication.microdata_source import (
    MicrodataFileError,
    opened,
    read_population,
    read_table,
)

FRAME = pl.DataFrame(
    {
        "født": [1950, 1951, 1952, 1953, 1980, 1981, 1982, 1983],
        "kommune": ["0301", "0301", "0301", "0301", "5001", "5001", "5001", None],
        "[kjønn]": ["f", "m"] * 4,
        "tilstand": ["a", "b", "a", "b", "c", "b", "c", "b"],
        "name": ["Kari"] * 8,
    }
)
POLICY = """\
k: 4
suppression_limit: 0.25
loss: coverage
aggregate: geometric
quasi_identifiers:
  - {name: født, hierarchy: {intervals: [5, 10], lower: 1900, upper: 1999}, weight: 2}
  - {name: kommune, hierarchy: {file: kommuner.csv}}
  - {name: "[kjønn]", hierarchy: suppress}
sensitive:
  - {name: tilstand, l: 1.5, diversity: entropy, t: 0.6, distance: ordered, order: [a, b, c]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "kommuner.csv").write_text("0301;03;*\n5001;50;*\n", encoding="utf-8")
    FRAME.write_parquet(tmp_path / "people.parquet")
    FRAME.write_csv(tmp_path / "people.csv", separator=";")
    return tmp_path


def call(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", ["people.parquet", "people.csv"])
def test_a_file_is_anonymised_checked_and_told_of(folder: Path, name: str) -> None:
    out = folder / "out"
    done = call(
        "anonymize",
        folder / name,
        "--policy",
        folder / "policy.yml",
        "--out",
        out,
        "--separator",
        ";",
    )
    assert done.exit_code == 0, done.output
    table = read_table(out / name, ";")
    policy = read_policy(folder / "policy.yml")
    names = [qi.name for qi in policy.quasi_identifiers]
    assert table.columns == [*names, "tilstand"]
    report = json.loads((out / "people.report.json").read_text(encoding="utf-8"))
    given = read_table(folder / name, ";")
    measured = assess(table, names, policy.sensitive, reference=given)
    assert violations(measured, policy) == []
    assert report["after"]["k"] == measured.k >= 4
    assert report["before"]["k"] == 1
    assert report["suppressed"] == given.height - table.height
    rows = pl.read_csv(out / "people.suppressed.csv")["row"].to_list()
    assert len(rows) == report["suppressed"]
    sure = report["certificate"]
    assert sure["best_loss"] == report["loss"]
    assert report["dropped_columns"] == ["name"]
    assert "personal data" in report["legal"]
    assert set(report["sha256"]) == {"input", "policy", "output"}
    # Counts and columns only; the brackets of a column are no markup.
    page = (out / "people.report.html").read_text(encoding="utf-8")
    told = done.output + page + (out / "people.report.json").read_text(encoding="utf-8")
    assert "[kjønn]" in done.output
    assert "[kjønn]" in page
    assert "Kari" not in told
    assert "0301" not in told
    assert (out / name).stat().st_mode & 0o777 == 0o600


VISITS = pl.DataFrame(
    {
        "place": ["a", "a", "a", "b", "c", "c"],
        "age": [1, 2, 3, 4, 50, 60],
        "who": ["p", "p", "q", "r", "s", "t"],
    }
)
BY_PERSON = """\
k: 2
person: who
k_map: 4
missing: unmatched
suppression_limit: 0.2
quasi_identifiers:
  - {name: place, hierarchy: {tree: {a: N, b: N, c: S, N: all, S: all}}}
"""


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_persons_and_population_are_held_to_and_can_be_held_to_again(
    tmp_path: Path, form: str
) -> None:
    given, out = tmp_path / f"visits.{form}", tmp_path / "out"
    VISITS.write_parquet(given) if form == "parquet" else VISITS.write_csv(given)
    (tmp_path / "policy.yml").write_text(BY_PERSON, encoding="utf-8")
    (tmp_path / "people.csv").write_text("place,persons\na,9\nb,1\nc,5\n", encoding="utf-8")
    words = ["--policy", tmp_path / "policy.yml", "--population"]
    done = call("anonymize", given, *words, tmp_path / "people.csv", "--out", out)
    assert done.exit_code == 0, done.output
    assert "matched nobody" in done.output
    report = json.loads((out / "visits.report.json").read_text(encoding="utf-8"))
    assert (report["records"], report["persons"], report["suppressed"]) == (6, 5, 1)
    assert (report["after"]["k"], report["after"]["k_map"]) == (2, 5)
    assert read_table(out / f"visits.{form}").columns == ["place"]
    again = [*words, out / f"visits.population.{form}", "--reference", given]
    rows = ["--suppressed", out / "visits.suppressed.csv"]
    good = call("assess", out / f"visits.{form}", *again, *rows)
    assert good.exit_code == 0, good.output
    (out / "visits.suppressed.csv").write_text("row\n", encoding="utf-8")
    bad = call("assess", out / f"visits.{form}", *again, *rows)
    assert "5 rows and 0 left out are not the 6 of the reference" in message_of(bad.exception)


def test_a_partition_is_told_of(tmp_path: Path) -> None:
    VISITS.write_parquet(tmp_path / "visits.parquet")
    (tmp_path / "policy.yml").write_text(
        "k: 2\nmethod: partition\nordered: age\n"
        "quasi_identifiers: [{name: age, hierarchy: {intervals: [10], lower: 0, upper: 99}}]\n",
        encoding="utf-8",
    )
    words = ["--policy", tmp_path / "policy.yml", "--out", tmp_path / "out"]
    done = call("anonymize", tmp_path / "visits.parquet", *words)
    assert done.exit_code == 0, done.output
    assert "Parts: 2, groups: 1, bands of each: 10." in done.output
    assert read_table(tmp_path / "out" / "visits.parquet")["age"].unique().sort().to_list() == [
        "0-9",
        "10-99",
    ]


def test_a_large_file_streams_in_its_order(tmp_path: Path) -> None:
    rows = 400_000
    frame = pl.select(
        age=pl.int_range(rows) * 7919 % 101,
        place=pl.format("Sør-{}", pl.int_range(rows) % 211 // 70),
        row=pl.int_range(rows),
    )
    frame.write_parquet(tmp_path / "large.parquet")
    (tmp_path / "policy.yml").write_text(
        "k: 2000\nmethod: local\nsuppression_limit: 0.01\ninsensitive: [row]\nquasi_identifiers:\n"
        "  - {name: age, hierarchy: {intervals: [5, 10]}}\n  - {name: place}\n",
        encoding="utf-8",
    )
    made = anonymize_file(tmp_path / "large.parquet", tmp_path / "policy.yml", tmp_path / "out")
    expected = anonymize(frame, read_policy(tmp_path / "policy.yml"))
    assert 0 < expected.suppressed == made.solved.suppressed
    assert pl.read_parquet(made.table).equals(expected.table)
    gone = pl.read_csv(made.suppressed)["row"]
    assert gone.to_list() == expected.suppressed_rows.to_list()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_every_way_to_count_counts_alike(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            'an "odd" name': ["x", None, "x", None, "ø-å"],
            "born": [date(1950, 1, 1), None, date(1950, 1, 1), None, None],
            "kind": pl.Series(["a", "b", "a", "b", None], dtype=pl.Categorical),
            "share": [0.5, 0.5, 0.5, None, None],
            "who": [1, 2, 1, None, None],
        }
    )
    frame.write_parquet(tmp_path / "frame.parquet")
    with opened(tmp_path / "frame.parquet") as file:
        ways: list[Source] = [Frame(frame.lazy()), file]
        for columns in (frame.columns[:4], frame.columns[:1], []):
            for unit in (None, "who"):
                counts = [way.counted(columns, unit) for way in ways]
                whole = [
                    sorted(c.with_columns(pl.all().cast(pl.String)).rows(), key=repr)
                    for c in counts
                ]
                assert whole[0] == whole[1]
                assert counts[0].schema == counts[1].schema
        assert [way.records for way in ways] == [5, 5]
        assert [way.lacking("who") for way in ways] == [2, 2]


def test_a_csv_file_is_made_as_a_parquet_file_of_the_same_text(folder: Path) -> None:
    read_table(folder / "people.csv", ";").write_parquet(folder / "same.parquet")
    made = [
        anonymize_file(folder / name, folder / "policy.yml", folder / "out", separator=";")
        for name in ("people.csv", "same.parquet")
    ]
    ours, theirs = (read_table(one.table, ";") for one in made)
    assert ours.height > 0
    assert ours.equals(theirs)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_pages_speak_the_language_asked_for(folder: Path) -> None:
    for language, word in (("nb", "Formål"), ("nn", "Føremål"), ("en", "Purpose")):
        page = folder / f"{language}.html"
        told = ("--page", page, "--language", language, "-q", "kommune")
        assert call("assess", folder / "people.parquet", *told).exit_code == 0
        assert f'lang="{language}"' in page.read_text(encoding="utf-8")
        words = ("--language", language, "--purpose", "<b>plan</b>")
        rules = ("--policy", folder / "policy.yml", "--out", folder / language)
        assert call("anonymize", folder / "people.parquet", *rules, *words).exit_code == 0
        made = (folder / language / "people.report.html").read_text(encoding="utf-8")
        assert word in made
        assert "&lt;b&gt;plan" in made


def test_leading_zeros_of_csv_codes_stay(folder: Path) -> None:
    assert read_table(folder / "people.csv", ";")["kommune"].to_list()[0] == "0301"


def test_the_same_input_gives_the_same_bytes(folder: Path) -> None:
    for run in ("one", "two"):
        anonymize_file(folder / "people.parquet", folder / "policy.yml", folder / run)
    beside = ("report.json", "report.html", "suppressed.csv", "parquet")
    for name in (f"people.{each}" for each in beside):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_what_does_not_hold_gets_no_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(Solved):
        def recode(self, records: pl.DataFrame, policy: MicrodataPolicy):
            table, stays = genuine(self, records, policy)
            return self.spoils(table), stays

    genuine = Solved.recode
    solve = microdata_files.solve
    monkeypatch.setattr(
        microdata_files, "solve", lambda *given, **more: Careless(**vars(solve(*given, **more)))
    )
    is_first = pl.int_range(pl.len()) == 0
    spoils = {
        # A label of its own, or a row less, as a defect in the recoding would leave it.
        "smallest class holds 1, fewer than k=4": lambda table: table.with_columns(
            kommune=pl.when(is_first).then(pl.lit("2*")).otherwise("kommune")
        ),
        "records were read back, and 8 were": lambda table: table.head(3),
    }
    for said, spoils_it in spoils.items():
        monkeypatch.setattr(Careless, "spoils", staticmethod(spoils_it), raising=False)
        for name in ("people.parquet", "people.csv"):
            with pytest.raises(MicrodataFileError, match=said) as told:
                anonymize_file(folder / name, folder / "policy.yml", folder / "out", separator=";")
            assert message_of(told.value)
            assert list((folder / "out").iterdir()) == []


def test_assess_holds_a_table_to_a_policy(folder: Path) -> None:
    anonymize_file(folder / "people.parquet", folder / "policy.yml", folder / "out")
    words = ["--policy", folder / "policy.yml", "--reference", folder / "people.parquet"]
    good = call("assess", folder / "out" / "people.parquet", *words, "--out", folder / "risk.json")
    assert good.exit_code == 0, good.output
    assert json.loads((folder / "risk.json").read_text(encoding="utf-8"))["k"] >= 4
    table = pl.read_parquet(folder / "out" / "people.parquet")
    planted = pl.concat([table, table.head(1).with_columns(pl.lit("2*").alias("kommune"))])
    planted.write_parquet(folder / "planted.parquet")
    bad = call("assess", folder / "planted.parquet", *words)
    assert bad.exit_code == 1
    assert "smallest class holds 1" in bad.output


def test_assess_by_columns_persons_and_population(folder: Path) -> None:
    pl.DataFrame({"kommune": ["0301", "5001", None], "persons": ["70", "20", "2"]}).write_csv(
        folder / "population.csv", separator=";"
    )
    done = call(
        *("assess", folder / "people.csv", "-q", "kommune", "-s", "tilstand"),
        *("--population", folder / "population.csv", "--person", "født", "--separator", ";"),
    )
    assert done.exit_code == 0, done.output
    assert "k in the population" in done.output
    assert "tilstand: effective values" in done.output


@pytest.mark.parametrize(
    "words",
    [["-q", "kommune", "--policy", "policy.yml"], ["-s", "tilstand"]],
)
def test_columns_or_a_policy_but_one_of_them(folder: Path, words: list[str]) -> None:
    words = [str(folder / word) if word.endswith(".yml") else word for word in words]
    assert call("assess", folder / "people.parquet", *words).exit_code == 2


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("k: 4\n", "quasi_identifiers"),
        (POLICY + "kk: 3\n", "kk"),
        (POLICY.replace("k: 4", "k: four-Kari"), "k"),
        (POLICY.replace("suppress}", "{prefix: [2], tree: {}}}"), "exactly one of"),
        (POLICY.replace("suppress}", "{prefix: [2], lower: 1}}"), "belong to intervals"),
        (POLICY.replace("suppress}", "{tree: {0301: all}}}"), "tree"),
        (POLICY.replace("kommuner.csv", "absent.csv"), "cannot be read beside the policy"),
        (POLICY.replace("kommune,", "bydel,"), "lacks columns that the policy names: bydel"),
        (POLICY.replace("upper: 1999", "upper: 1981"), "does not cover 2 of 8"),
        (POLICY.replace("[a, b, c]", "[a, b]"), "1 of 3 values are missing from its order"),
        (POLICY.replace("k: 4", "k: 9"), "No generalisation"),
        ("k: [", "is no YAML"),
    ],
)
def test_a_policy_that_cannot_be_held_to_is_refused_in_words(
    folder: Path, policy: str, said: str
) -> None:
    (folder / "policy.yml").write_text(policy, encoding="utf-8")
    with pytest.raises(ValueError, match=r".") as refused:
        anonymize_file(folder / "people.parquet", folder / "policy.yml", folder / "out")
    message = message_of(refused.value)
    assert message is not None
    assert said in message
    assert "Kari" not in message
    assert not (folder / "out" / "people.parquet").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("people.xlsx", "x", "ends in .parquet or .csv"),
        ("absent.csv", None, "cannot be read as csv"),
        ("torn.parquet", "Kari", "cannot be read as parquet"),
        ("torn.csv", "a,b\n1,2\nKari,2,3,4\n", "cannot be read as csv"),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(MicrodataFileError, match=said) as refused:
        read_table(tmp_path / name)
    assert "Kari" not in str(refused.value)


def test_the_source_is_not_written_over(folder: Path) -> None:
    with pytest.raises(MicrodataFileError, match="its own folder"):
        anonymize_file(folder / "people.parquet", folder / "policy.yml", folder)


@pytest.mark.parametrize("persons", ["many", "1.5", "-1", ""])
def test_a_population_counts_persons(tmp_path: Path, persons: str) -> None:
    path = tmp_path / "population.csv"
    path.write_text(f"place,persons\na,3\nb,{persons}\n", encoding="utf-8")
    with pytest.raises(MicrodataFileError, match="no whole number in 1 of 2 rows"):
        read_population(path)
    path.write_text("place\na\n", encoding="utf-8")
    with pytest.raises(MicrodataFileError, match="lacks the column persons"):
        read_population(path)


VIOLATED = [
    (SensitiveAttribute("s", 3), "distinct diversity 2, below l=3"),
    (SensitiveAttribute("s", 1.9, "entropy"), "entropy diversity 1.75, below l=1.9"),
    (SensitiveAttribute("s", 2, "recursive", c=3.0), "needs c above 3, and c is 3"),
    (SensitiveAttribute("s", 1, t=0.2), "is 0.25 from the whole table, more than t=0.2"),
]


@pytest.mark.parametrize(("attribute", "said"), VIOLATED)
def test_each_model_is_held_to(attribute: SensitiveAttribute, said: str) -> None:
    frame = pl.DataFrame(
        {"q": ["a"] * 4 + ["b"] * 4, "s": ["x", "x", "x", "y", "x", "y", "y", "y"]}
    )
    policy = MicrodataPolicy(k=4, quasi_identifiers=[QuasiIdentifier("q")], sensitive=[attribute])
    report = assess(frame, ["q"], [attribute])
    assert [s for s in violations(report, policy) if said in s] == violations(report, policy) != []
    with pytest.raises(ValueError, match="lacks s"):
        violations(assess(frame, ["q"]), policy)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--separator", ";;"], "one ASCII character"),
        (["--separator", ""], "one ASCII character"),
        (["--policy", "close.yml"], "--reference"),
        (["--policy", "map.yml"], "--population"),
    ],
)
def test_what_cannot_be_measured_is_refused(folder: Path, options: list[str], said: str) -> None:
    """A demand that nobody measured would look like one that holds."""
    (folder / "close.yml").write_text(POLICY, encoding="utf-8")
    alone = POLICY.split("sensitive:")[0] + "k_map: 6\n"
    (folder / "map.yml").write_text(alone, encoding="utf-8")
    named = [str(folder / one) if one.endswith(".yml") else one for one in options]
    columns = [] if "--policy" in named else ["-q", "kommune"]
    done = call("assess", folder / "people.csv", *named, *columns)
    assert done.exit_code == 2
    assert said in done.output


def test_tabs_can_be_typed(folder: Path) -> None:
    read_table(folder / "people.csv", ";").write_csv(folder / "tab.csv", separator="\t")
    told = call("assess", folder / "tab.csv", "--separator", "\\t", "-q", "kommune")
    assert told.exit_code == 0


def test_a_search_tells_how_far_it_is(folder: Path) -> None:
    said: list[str] = []
    anonymize_file(
        folder / "people.parquet", folder / "policy.yml", folder / "out", tell=said.append
    )
    assert any("nodes left" in line for line in said)


def test_columns_of_one_name_are_refused(folder: Path) -> None:
    (folder / "twice.csv").write_text("alder,alder\n1,2\n", encoding="utf-8")
    with pytest.raises(MicrodataFileError, match="two columns called 'alder'"):
        read_table_opened(folder / "twice.csv")


def read_table_opened(path: Path) -> None:
    with opened(path):
        pass


def test_a_second_table_of_one_name_does_not_take_the_first_ones_report(folder: Path) -> None:
    anonymize_file(folder / "people.parquet", folder / "policy.yml", folder / "out")
    with pytest.raises(MicrodataFileError, match=r"holds people\.parquet"):
        anonymize_file(folder / "people.csv", folder / "policy.yml", folder / "out", separator=";")


def test_the_report_says_all_that_was_asked(folder: Path) -> None:
    """Whoever has table and report can check one by the other; a hierarchy changed is seen."""
    made = anonymize_file(
        folder / "people.parquet",
        folder / "policy.yml",
        folder / "out",
        words=PageWords("nb", "avtale 7", "plan"),
    )
    told = json.loads(made.report.read_text(encoding="utf-8"))
    assert (told["agreement"], told["purpose"]) == ("avtale 7", "plan")
    sensitive = told["policy"]["sensitive"][0]
    assert (sensitive["l"], sensitive["diversity"], sensitive["t"]) == (1.5, "entropy", 0.6)
    laid = {one["name"]: one["hierarchy"] for one in told["policy"]["quasi_identifiers"]}
    assert laid["kommune"]["file"] == "kommuner.csv"
    assert len(laid["kommune"]["sha256"]) == 64
    assert "l = 1.5 (entropi), t = 0.6 (ordnede verdier)" in made.page.read_text(encoding="utf-8")
    assert "personal data" in pl.read_parquet_metadata(made.table)["folkepuls.legal"]
