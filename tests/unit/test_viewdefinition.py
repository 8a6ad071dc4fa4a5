"""ViewDefinitions: a view and resources in, rows out; and what is refused, by name.

Expected rows follow from SQL on FHIR v2 and FHIRPath 2.0.0, not from what the compiler gives.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.catalogue.fhir import UnknownElementError, fhir_r4
from pipelines.ingest.views import (
    ViewDefinitionError,
    compile_view,
    literal_sql,
    merged_shape,
    read_columns,
)
from pipelines.ingest.views.syntax import FhirPathError, parse

PEOPLE: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "active": True,
        "birthDate": "1950-02-01",
        "meta": {"security": [{"code": "R"}]},
        "identifier": [{"system": "a", "value": "1"}, {"system": "o'b", "value": "2"}],
        "name": [
            {"use": "official", "family": "Øst", "given": ["Kari", "Anne"]},
            {"use": "old", "family": "Vest", "given": ["Kari"]},
        ],
        "address": [
            {
                "city": "Røros",
                "district": "Røros",
                "_district": {"extension": [{"url": "http://k", "valueCoding": {"code": "5025"}}]},
                "extension": [
                    {
                        "url": "http://p",
                        "extension": [{"url": "m", "valueCoding": {"code": "5028"}}],
                    }
                ],
            },
            {"city": "Oppdal"},
        ],
        "extension": [
            {"url": "http://flag", "valueBoolean": True},
            {"url": "http://count", "valueInteger": 3},
        ],
        "managingOrganization": {"reference": "http://x/fhir/Organization/o1/_history/2"},
        "generalPractitioner": [{"reference": "Practitioner/g1"}, {"reference": "Patient/p9"}],
        "multipleBirthInteger": 2,
    },
    {"resourceType": "Patient", "id": "p2", "active": False, "name": [{"use": "usual"}]},
    {"resourceType": "Patient", "id": "p3"},
]


def view(*columns: str, resource: str = "Patient", **more: Any) -> dict[str, Any]:
    named = [{"name": f"c{i}", "path": path} for i, path in enumerate(columns)]
    return {"name": "v", "resource": resource, "select": [{"column": named}], **more}


def run(definition: dict[str, Any], resources: list[dict[str, Any]], folder: Path) -> list[Any]:
    path = folder / "resources.ndjson"
    path.write_text("".join(json.dumps(r) + "\n" for r in resources), encoding="utf-8")
    compiled = compile_view(definition)
    columns = ", ".join(
        f"{literal_sql(k)}: {literal_sql(v)}" for k, v in read_columns([compiled]).items()
    )
    source = f"read_json('{path}', format='newline_delimited', columns={{{columns}}})"
    with duckdb.connect() as con:
        return con.sql(compiled.sql(source)).fetchall()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("id", ["p1", "p2", "p3"]),
        ("getResourceKey()", ["p1", "p2", "p3"]),
        ("active", [True, False, None]),
        ("active.not()", [False, True, None]),
        ("name[0].family", ["Øst", None, None]),
        ("name[1].use", ["old", None, None]),
        ("name.where(use = 'old').family", ["Vest", None, None]),
        ("name.where(use = 'official').given.first()", ["Kari", None, None]),
        ("name.first().given.join('+')", ["Kari+Anne", "", ""]),
        ("name.given.join()", ["KariAnneKari", "", ""]),
        ("id.join(',')", ["p1", "p2", "p3"]),
        ("name.exists()", [True, True, False]),
        ("name.family.exists()", [True, False, False]),
        ("name.exists(use = 'old')", [True, False, False]),
        ("name.empty()", [False, False, True]),
        ("birthDate.exists()", [True, False, False]),
        ("birthDate.empty()", [False, True, True]),
        ("managingOrganization.exists()", [True, False, False]),
        ("birthDate = '1950-02-01'", [True, None, None]),
        ("birthDate != '1950-02-01'", [False, None, None]),
        ("name.use = 'usual'", [False, True, None]),
        ("name.use != 'usual'", [True, False, None]),
        ("active = true and birthDate.exists()", [True, False, False]),
        ("active = true or name.exists()", [True, True, None]),
        ("active and (birthDate.empty() or id = 'p1')", [True, False, None]),
        ("meta.security.where(code = 'R' or code = 'V').exists()", [True, False, False]),
        ("identifier.where(system = %q).value", ["2", None, None]),
        ("extension('http://flag').value.ofType(boolean).first()", [True, None, None]),
        ("extension('http://count').value.ofType(integer).first()", [3, None, None]),
        ("extension('http://count').value.ofType(integer).first() = 3", [True, None, None]),
        ("multipleBirth.ofType(integer)", [2, None, None]),
        ("multipleBirth.ofType(boolean)", [None, None, None]),
        (
            "address.first().district.extension('http://k').value.ofType(Coding).code",
            ["5025", None, None],
        ),
        ("address.district.extension('http://k').value.ofType(Coding).code", ["5025", None, None]),
        (
            "address.extension('http://p').extension('m').value.ofType(Coding).code",
            ["5028", None, None],
        ),
        ("managingOrganization.getReferenceKey()", ["o1", None, None]),
        ("managingOrganization.getReferenceKey(Organization)", ["o1", None, None]),
        ("managingOrganization.getReferenceKey(Patient)", [None, None, None]),
        ("generalPractitioner.getReferenceKey(Patient)", ["p9", None, None]),
        ("managingOrganization.where(reference.exists()).getReferenceKey()", ["o1", None, None]),
        ("name.where($this.use = 'old').family.first()", ["Vest", None, None]),
        ("`name`[0].`family`", ["Øst", None, None]),
        ("id[0]", ["p1", "p2", "p3"]),
        ("id[1]", [None, None, None]),
        ("id = 'p\\u0031'", [True, False, False]),
        ("1 = 1.0", [True, True, True]),
        ("id = 'p\\1'", [True, False, False]),
        ("id = 'p\\x'", [False, False, False]),
    ],
)
def test_a_path_gives_what_fhirpath_says(path: str, expected: list[Any], tmp_path: Path) -> None:
    constants = [{"name": "q", "valueString": "o'b"}]
    definition = view(path, constant=constants)
    assert [row[0] for row in run(definition, PEOPLE, tmp_path)] == expected


def test_for_each_gives_one_row_per_item_and_none_for_none(tmp_path: Path) -> None:
    definition = view("id")
    definition["select"].append({"forEach": "name", "column": [{"name": "use", "path": "use"}]})
    assert run(definition, PEOPLE, tmp_path) == [("p1", "official"), ("p1", "old"), ("p2", "usual")]


def test_for_each_or_null_keeps_resources_without_items(tmp_path: Path) -> None:
    definition = view("id")
    definition["select"].append(
        {"forEachOrNull": "address", "column": [{"name": "city", "path": "city"}]}
    )
    assert run(definition, PEOPLE, tmp_path) == [
        ("p1", "Røros"),
        ("p1", "Oppdal"),
        ("p2", None),
        ("p3", None),
    ]


def test_for_each_over_one_value_and_nested_and_side_by_side(tmp_path: Path) -> None:
    definition: dict[str, Any] = {
        "resource": "Patient",
        "select": [
            {"column": [{"name": "id", "path": "id"}]},
            {
                "forEach": "name",
                "column": [{"name": "use", "path": "use"}],
                "select": [{"forEach": "given", "column": [{"name": "given", "path": "$this"}]}],
            },
            {
                "forEach": "managingOrganization",
                "column": [{"name": "o", "path": "reference.exists()"}],
            },
        ],
    }
    assert run(definition, PEOPLE, tmp_path) == [
        ("p1", "official", "Kari", True),
        ("p1", "official", "Anne", True),
        ("p1", "old", "Kari", True),
    ]


def test_where_keeps_resources_for_which_it_is_true(tmp_path: Path) -> None:
    definition = view("id", where=[{"path": "active"}, {"path": "name.exists()"}])
    assert run(definition, PEOPLE, tmp_path) == [("p1",)]


def test_a_collection_column_is_a_list_and_a_single_one_refuses_two_values(tmp_path: Path) -> None:
    definition = view("name.family")
    with pytest.raises(duckdb.Error, match="more than one value"):
        run(definition, PEOPLE, tmp_path)
    definition["select"][0]["column"][0]["collection"] = True
    assert run(definition, PEOPLE, tmp_path) == [(["Øst", "Vest"],), ([],), ([],)]
    definition["select"][0]["column"][0]["path"] = "birthDate"
    assert run(definition, PEOPLE, tmp_path) == [(["1950-02-01"],), ([],), ([],)]


def test_only_what_is_named_is_read() -> None:
    columns = read_columns([compile_view(view("name[0].use", "managingOrganization.exists()"))])
    assert columns == {
        "resourceType": "VARCHAR",
        "id": "VARCHAR",
        "name": 'STRUCT("use" VARCHAR)[]',
        "managingOrganization": "JSON",
    }


def test_views_of_one_resource_share_one_schema() -> None:
    views = [compile_view(view("name.use.first()")), compile_view(view("name.family.first()"))]
    assert read_columns(views)["name"] == 'STRUCT("use" VARCHAR, "family" VARCHAR)[]'
    assert set(merged_shape(views).children["name"].children) == {"use", "family"}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("active + 'x'", "operator '+'"),
        ("birthDate > '2000'", "operator '>'"),
        ("name | address", "operator '|'"),
        ("active is boolean", "operator 'is'"),
        ("{}", "operator '{'"),
        ("name.where(use = 'a' xor true)", "operator 'xor'"),
        ("name.count()", "count()"),
        ("name.where()", "where() takes one argument"),
        ("name.empty(1)", "empty() takes no argument"),
        ("name.where(use)", "expected one boolean"),
        ("name.not()", "expected one boolean"),
        ("nickname", "no element 'nickname'"),
        ("name.nickname", "no element 'nickname'"),
        ("birthDate.year", "no such element"),
        ("deceased", "deceased needs ofType"),
        ("deceased.exists($this)", "deceased needs ofType"),
        ("deceased.ofType(Coding)", "cannot be of that type"),
        ("deceased.ofType('x')", "ofType() takes the name of a type"),
        ("birthDate.ofType(string)", "only after an element of several types"),
        ("name.given.extension('http://x')", "repeated values"),
        ("(id = 'a').extension", "no such element"),
        ("name = name", "cannot be compared as a whole"),
        ("active = 'true'", "never equal"),
        ("%nothing", "%nothing"),
        ("$index", "$index"),
        ("name[active]", "whole number"),
        ("name[1.5]", "whole number"),
        ("name.", "expected a name"),
        ("name.where(use = 'a'", "expected ')'"),
        ("name use", "'use' was not expected"),
        ("§", "not understood"),
        ("", "expected a value"),
        ("name.join(use)", "one literal separator"),
        ("name.getResourceKey()", "only for a resource"),
        ("name.getReferenceKey()", "only for a reference"),
        ("managingOrganization.getReferenceKey('x')", "name of a resource type"),
        ("name", "not a HumanName"),
        ("('a').b", "no such element"),
        ("id < 1", "operator '<'"),
        ("name.where(use = 'a' > 'b')", "never equal"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(path: str, named: str) -> None:
    with pytest.raises(ViewDefinitionError) as caught:
        compile_view(view(path))
    assert named in str(caught.value)
    assert "select[0].column[0].path" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"select": []}, "select"),
        ({"select": "x"}, "select: expected a list"),
        ({"select": ["x"]}, "select[0]: expected an object"),
        ({"select": [{"unionAll": []}]}, "select[0].unionAll"),
        ({"select": [{"repeat": ["item"]}]}, "select[0].repeat[0]"),
        ({"select": [{"forEach": "name", "forEachOrNull": "name"}]}, "exclude each other"),
        ({"select": [{"forEach": 3}]}, "select[0].forEach"),
        ({"select": [{"column": [{"name": "a b", "path": "id"}]}]}, "column[0].name"),
        ({"select": [{"column": [{"name": "a", "path": "id"}] * 2}]}, "there already"),
        ({"select": [{"column": [{"name": "a"}]}]}, "column[0].path"),
        ({"select": [{"column": [{"name": "a", "path": "id", "ansi": 1}]}]}, "column[0].ansi"),
        ({"where": [{"path": "id"}]}, "where[0].path: expected one boolean"),
        ({"constant": [{"name": "x"}]}, "constant[0]"),
        ({"constant": [{"name": "x", "valueString": "a", "valueCode": "b"}]}, "constant[0]"),
        ({"resource": "Spaceship"}, "resource"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_a_view_may_not_be(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ViewDefinitionError) as caught:
        compile_view({**view("id"), **change})
    assert named in str(caught.value)


def test_the_tree_of_an_expression_has_the_precedence_of_fhirpath() -> None:
    assert parse("a = 1 or b = 2 and c") == parse("(a = 1) or ((b = 2) and c)")
    with pytest.raises(FhirPathError):
        parse("a = ")


def test_unknown_types_are_errors() -> None:
    with pytest.raises(UnknownElementError, match="Spaceship"):
        fhir_r4().element("Spaceship", "id")


def test_a_quote_in_a_literal_stays_a_literal(tmp_path: Path) -> None:
    definition = view("id = 'x\\' OR \\'1\\'=\\'1'")
    assert [row[0] for row in run(definition, PEOPLE, tmp_path)] == [False, False, False]
