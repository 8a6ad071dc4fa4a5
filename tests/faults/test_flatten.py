"""``folkepuls flatten``: what it writes, and what it says of files that do not fit the view.

Each protection has a twin: the plain way to do it fails the same situation.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.catalogue.entities import load_entities
from pipelines.catalogue.fhir import fhir_r4
from pipelines.cli import app
from pipelines.errors import message_of
from pipelines.ingest.views import ViewDefinitionError, compile_view, read_columns
from pipelines.ingest.views.flatten import FlattenError, flatten, flattenable, reading
from pipelines.ingest.views.values import Shape, literal_sql
from pipelines.ingest.views.whole import struct_of_json_sql

SECRET = "Hemmelig"
VIEW: dict[str, Any] = {
    "resource": "Patient",
    "name": "people",
    "select": [
        {"column": [{"name": "id", "path": "id"}, {"name": "born", "path": "birthDate"}]},
        {"column": [{"name": "born_as", "path": "multipleBirth.ofType(integer)"}]},
        {"forEachOrNull": "name", "column": [{"name": "family", "path": "family"}]},
    ],
}
KARI = {"resourceType": "Patient", "id": "a", "name": [{"family": "Øst"}, {"family": "Vest"}]}
OLA = {"resourceType": "Patient", "id": "b", "birthDate": "1950-02-01", "multipleBirthInteger": 2}
ROWS = [("a", None, None, "Øst"), ("a", None, None, "Vest"), ("b", "1950-02-01", 2, None)]


def write(folder: Path, *lines: object, name: str = "people.ndjson") -> Path:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, *files: Path, view: dict[str, Any] = VIEW, out: str = "x.parquet") -> str:
    with pytest.raises(FlattenError) as caught:
        flatten(flattenable(view), files, folder / out, threads=1)
    assert not (folder / out).exists()
    assert SECRET not in str(caught.value)
    assert message_of(caught.value) == str(caught.value)
    return str(caught.value)


# What is written


def test_rows_of_several_files_go_into_one(tmp_path: Path) -> None:
    files = [write(tmp_path, KARI, "", name="a.ndjson"), write(tmp_path, OLA, name="b.ndjson.gz")]
    out = tmp_path / "rows.parquet"
    assert flatten(flattenable(VIEW), files, out, threads=1) == 3
    frame = pl.read_parquet(out)
    assert frame.schema == {
        "id": pl.String,
        "born": pl.String,
        "born_as": pl.Int64,
        "family": pl.String,
    }
    assert frame.rows() == ROWS
    assert out.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.ndjson",
        "b.ndjson.gz",
        "rows.parquet",
    ]


def test_csv_holds_the_same(tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    assert flatten(flattenable(VIEW), [write(tmp_path, KARI, OLA)], out, threads=1) == 3
    _, *lines = out.read_text(encoding="utf-8").splitlines()
    assert lines == ["a,,,Øst", "a,,,Vest", "b,1950-02-01,2,"]


def test_a_file_without_such_resources_gives_an_empty_table(tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    file = write(tmp_path, {"resourceType": "Organization", "id": "o", "name": "N"})
    assert flatten(flattenable(VIEW), [file], out, threads=1) == 0
    assert pl.read_parquet(out).columns == ["id", "born", "born_as", "family"]


def test_resources_of_other_types_are_passed_over(tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    organization = {"resourceType": "Organization", "id": "o", "name": "no list of names"}
    assert flatten(flattenable(VIEW), [write(tmp_path, KARI, organization, OLA)], out, 1) == 3
    assert pl.read_parquet(out).rows() == ROWS


def test_twin_one_schema_for_a_mixed_file_fails(tmp_path: Path) -> None:
    organization = {"resourceType": "Organization", "id": "o", "name": "no list of names"}
    file = write(tmp_path, KARI, organization, OLA)
    columns = ", ".join(
        f"{literal_sql(k)}: {literal_sql(v)}" for k, v in read_columns([compile_view(VIEW)]).items()
    )
    source = f"read_json('{file}', format = 'newline_delimited', columns = {{{columns}}})"
    with duckdb.connect() as con, pytest.raises(duckdb.Error):
        con.sql(f"SELECT * FROM {source} WHERE \"resourceType\" = 'Patient'").fetchall()


# What does not fit


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"resourceType": "Patient", "id": "c", "name": {"family": SECRET}}, "Patient.name: wrong"),
        ({"resourceType": "Patient", "id": "c", "name": [SECRET]}, "Patient.name: wrong_kind"),
        ('{"resourceType": "Patient", "name": [{"family": "' + SECRET, "broken_json"),
        (f'["{SECRET}"]', "wrong_kind"),
        ({"id": SECRET}, "no_resource_type"),
        ('{"resourceType": "Patient", "id": "c", "id": "' + SECRET + '"}', "duplicate_key"),
    ],
)
def test_a_line_that_does_not_fit_is_named_and_not_quoted(
    line: object, said: str, tmp_path: Path
) -> None:
    message = refused(tmp_path, write(tmp_path, KARI, "", line, OLA))
    assert "people.ndjson, line 3: " in message
    assert said in message


def test_a_value_of_another_kind_is_refused_and_not_quoted(tmp_path: Path) -> None:
    file = write(tmp_path, {**OLA, "multipleBirthInteger": SECRET})
    assert "another kind than FHIR R4 says" in refused(tmp_path, file)


def test_twin_the_message_of_the_database_quotes_the_line(tmp_path: Path) -> None:
    file = write(tmp_path, {**OLA, "multipleBirthInteger": SECRET})
    source = f"read_json('{file}', columns = {{multipleBirthInteger: 'BIGINT'}})"
    with duckdb.connect() as con, pytest.raises(duckdb.Error, match=SECRET):
        con.sql(f"SELECT * FROM {source}").fetchall()


def test_several_values_for_one_are_told_by_the_column(tmp_path: Path) -> None:
    view = {"resource": "Patient", "select": [{"column": [{"name": "f", "path": "name.family"}]}]}
    file = write(tmp_path, {**KARI, "name": [{"family": SECRET}, {"family": "x"}]})
    assert "f: more than one value" in refused(tmp_path, file, view=view)


def test_a_value_that_reads_like_our_message_is_not_quoted(tmp_path: Path) -> None:
    forged = f": {SECRET}: more than one value"
    refused(tmp_path, write(tmp_path, {**OLA, "multipleBirthInteger": forged}))


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path, *[{**KARI, "id": str(n)} for n in range(5000)], name="a.ndjson.gz")
    whole.write_bytes(whole.read_bytes()[:-200])
    refused(tmp_path, whole)


def test_what_was_written_before_stays_when_a_run_fails(tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    flatten(flattenable(VIEW), [write(tmp_path, KARI)], out, threads=1)
    before = out.read_bytes()
    with pytest.raises(FlattenError):
        flatten(flattenable(VIEW), [write(tmp_path, "{")], out, threads=1)
    assert out.read_bytes() == before


def test_files_and_names_that_are_refused_at_once(tmp_path: Path) -> None:
    several = {"select": [{"column": [{"name": "a", "path": "id", "collection": True}]}]}
    file = write(tmp_path, KARI)
    assert "no such file" in refused(tmp_path, tmp_path / "missing.ndjson")
    assert "No files" in refused(tmp_path)
    assert "ends in .parquet or .csv" in refused(tmp_path, file, out="x.xlsx")
    assert "column a" in refused(tmp_path, file, view={**VIEW, **several}, out="x.csv")
    assert "pattern" in refused(tmp_path, write(tmp_path, KARI, name="a[1].ndjson"))


# Digits, and what is read whole


def test_twin_json_as_it_is_read_loses_digits(tmp_path: Path) -> None:
    file = write(tmp_path, '{"resourceType": "Observation", "valueQuantity": {"value": 1.50}}')
    path = "value.ofType(Quantity).value.highBoundary()"
    view = {"resource": "Observation", "select": [{"column": [{"name": "a", "path": path}]}]}
    out = tmp_path / "rows.parquet"
    flatten(flattenable(view), [file], out, threads=1)
    assert pl.read_parquet(out).rows() == [(1.505,)]
    source = f"read_json('{file}', columns = {{valueQuantity: 'STRUCT(value VARCHAR)'}})"
    with duckdb.connect() as con:
        assert con.sql(f"SELECT valueQuantity.value FROM {source}").fetchall() == [("1.5",)]


def test_decimals_are_not_read_digit_by_digit_where_nobody_can() -> None:
    path = "value.ofType(Quantity).value.lowBoundary()"
    view = {"resource": "Observation", "select": [{"column": [{"name": "a", "path": path}]}]}
    with pytest.raises(ViewDefinitionError, match=r"select\[0\].column\[0\].path"):
        compile_view(view)


def test_a_wrong_kind_below_the_border_of_json_is_an_error(tmp_path: Path) -> None:
    shape = Shape("Patient")
    shape.child("name", "HumanName", many=True).child("family", "string", many=False)
    strict = struct_of_json_sql("j", shape, fhir_r4())
    given = json.dumps({"name": {"family": SECRET}, "unknown": 1})
    with duckdb.connect() as con:
        source = f"(SELECT CAST({literal_sql(given)} AS JSON) AS j)"
        with pytest.raises(duckdb.Error):
            con.sql(f"SELECT {strict} FROM {source}").fetchall()
        # The twins: one of DuckDB's own ways makes it null, the other refuses what is unknown.
        wanted = literal_sql('{"name": [{"family": "VARCHAR"}]}')
        assert con.sql(f"SELECT from_json(j, {wanted}) FROM {source}").fetchall() == [
            ({"name": None},)
        ]
        good = literal_sql(json.dumps({"name": [{"family": "x"}], "unknown": 1}))
        with pytest.raises(duckdb.Error, match="unknown"):
            con.sql(f"SELECT CAST({good} AS JSON)::STRUCT(name JSON)").fetchall()
        ours = con.sql(f"SELECT {strict} FROM (SELECT CAST({good} AS JSON) AS j)").fetchall()
        assert ours == [({"name": [{"family": "x"}]},)]


def test_twin_unnesting_alone_loses_the_row_that_for_each_or_null_keeps(tmp_path: Path) -> None:
    inner = {"forEach": "given", "column": [{"name": "given", "path": "$this"}]}
    outer = {"forEachOrNull": "name", "select": [inner]}
    view = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}, outer]}
    file, out = write(tmp_path, OLA), tmp_path / "rows.parquet"
    flatten(flattenable(view), [file], out, threads=1)
    assert pl.read_parquet(out).rows() == [("b", None)]
    columns = "{id: 'VARCHAR', name: 'STRUCT(given VARCHAR[])[]'}"
    naive = (
        "SELECT id, unnest(n.given) FROM (SELECT id, unnest(CASE WHEN len(name) > 0 THEN name "
        f"ELSE [NULL] END) AS n FROM read_json('{file}', columns = {columns}))"
    )
    with duckdb.connect() as con:
        assert con.sql(naive).fetchall() == []


# What the ingest relies on


@pytest.mark.parametrize(
    "definition",
    [t.definition for entity in load_entities().values() for t in entity.tables],
    ids=lambda definition: str(definition["name"]),
)
def test_the_views_of_the_catalogue_take_the_fast_path(definition: dict[str, Any]) -> None:
    view = compile_view(definition)
    assert reading(view).fast
    query = view.sql("resources")
    assert not [word for word in ("json", "RECURSIVE", "__branch") if word in query]


# The command


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["flatten", *map(str, arguments)])


def test_the_command_runs_a_view(tmp_path: Path) -> None:
    view = write(tmp_path, VIEW, name="view.json")
    out = tmp_path / "rows.parquet"
    result = call(view, write(tmp_path, KARI, OLA), "--out", out)
    assert result.exit_code == 0
    assert "3 rows, 4 columns" in result.output
    assert pl.read_parquet(out).rows() == ROWS


def test_check_tells_what_is_read_and_how(tmp_path: Path) -> None:
    result = call(write(tmp_path, VIEW, name="view.json"), "--check")
    assert result.exit_code == 0
    assert "multipleBirthInteger" in result.output
    assert "Fast path" in result.output


def test_check_tells_what_is_read_whole_and_digit_by_digit(tmp_path: Path) -> None:
    path = "answer.value.ofType(decimal).lowBoundary()"
    repeat = {"repeat": ["item"], "column": [{"name": "a", "path": path}]}
    view = {"resource": "QuestionnaireResponse", "select": [repeat]}
    result = call(write(tmp_path, view, name="view.json"), "--check")
    assert "Read as JSON, having no fixed type: item." in result.output
    assert "digits of: valueDecimal." in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "expected one JSON object"),
        ('{"resource": "Patient"}', "select: expected at least one column"),
        ('{"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id"}]}]}', "--out"),
    ],
)
def test_a_view_that_cannot_be_run_is_told(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "view.json"
    path.write_text(text, encoding="utf-8")
    error = call(path).exception
    assert said in (message_of(error) or "")
    assert "cannot be read" in str(call(tmp_path / "missing.json").exception)


def test_unknown_elements_are_let_in_by_name_only(tmp_path: Path) -> None:
    column = {"name": "a", "path": "nickname", "type": "string"}
    view = write(tmp_path, {"resource": "Patient", "select": [{"column": [column]}]}, name="v.json")
    out = tmp_path / "rows.csv"
    file = write(tmp_path, {**KARI, "nickname": "K"})
    assert "no element 'nickname'" in str(call(view, file, "--out", out).exception)
    assert "Not in FHIR R4: nickname." in call(view, "--check", "--allow-unknown").output
    assert call(view, file, "--out", out, "--allow-unknown").exit_code == 0
    assert out.read_text(encoding="utf-8") == "a\nK\n"
