"""From JSON that was read whole to typed structs: at the border of what has a fixed type.

Belongs here: the SQL that makes a struct of a JSON value, strictly. Does not belong here: what is
read whole and why (``paths``, ``rows``).

DuckDB's own conversions either refuse elements that nobody asked for or turn a value of the wrong
kind into null. These let the first pass and refuse the second, as ``read_json`` does; an element
that is there twice is refused as well, for nobody can say which of the two is meant.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

from pipelines.catalogue.fhir import FhirModel
from pipelines.ingest.views.values import Shape, bound_sql, literal_sql, name_sql


def struct_of_json_sql(json_sql: str, shape: Shape, model: FhirModel) -> str:
    """The struct that a JSON object holds.

    Args:
        json_sql: SQL of the object, of type JSON; null gives null.
        shape: The elements that are read; ``many`` of itself is not looked at.
        model: FHIR model.

    Returns:
        SQL that fails on a value of another kind than the standard's; its message names the
        element.
    """
    names = (f"j{n}" for n in count(1))
    return _one(json_sql, shape, model, lambda: next(names))


def _one(sql: str, shape: Shape, model: FhirModel, fresh: Callable[[], str]) -> str:
    if model.is_primitive(shape.type):
        kind = "VARCHAR" if shape.whole else model.sql_type(shape.type)
        return f"({sql} ->> '$')" if kind == "VARCHAR" else f"CAST({sql} AS {kind})"
    if shape.whole or not shape.children:
        return sql
    return _struct(sql, shape, model, fresh)


def _struct(sql: str, shape: Shape, model: FhirModel, fresh: Callable[[], str]) -> str:
    value, parts, keys, key = fresh(), fresh(), fresh(), fresh()
    wanted = literal_sql(json.dumps(dict.fromkeys(shape.children, "JSON")))
    fields = ", ".join(
        f"{name_sql(name)} := {_element(f'{parts}.{name_sql(name)}', child, model, fresh)}"
        for name, child in shape.children.items()
    )
    struct = bound_sql(f"from_json({value}, {wanted})", parts, f"struct_pack({fields})")
    wrong = literal_sql(f"{shape.shown}: expected an object")
    twice = literal_sql(f"{shape.shown}: an element is there twice")
    names = ", ".join(map(literal_sql, shape.children))
    read = f"list_filter(json_keys({value}), lambda {key}: {key} IN ({names}))"
    doubled = bound_sql(read, keys, f"len({keys}) <> len(list_distinct({keys}))")
    return bound_sql(
        sql,
        value,
        f"CASE WHEN {value} IS NULL THEN NULL "
        f"WHEN json_type({value}) <> 'OBJECT' THEN error({wrong}) "
        f"WHEN {doubled} THEN error({twice}) ELSE {struct} END",
    )


def _element(sql: str, shape: Shape, model: FhirModel, fresh: Callable[[], str]) -> str:
    if not shape.many:
        return _one(sql, shape, model, fresh)
    item = fresh()
    body = _one(item, shape, model, fresh)
    return f"list_transform(CAST({sql} AS JSON[]), lambda {item}: {body})"
