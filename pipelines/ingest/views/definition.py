"""ViewDefinitions (SQL on FHIR v2) compiled to DuckDB SQL.

Belongs here: from a parsed ViewDefinition to the query, and the explicit read schema that follows
from it. Does not belong here: the parts of either (``document``, ``rows``, ``expressions``), what a
column's values must be (the entity files), running anything (``flatten``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.catalogue.fhir import FhirModel, fhir_r4
from pipelines.ingest.views.context import Context, ReadWholeError
from pipelines.ingest.views.document import Document, ViewDefinitionError, read_document
from pipelines.ingest.views.layers import ROW, Layer
from pipelines.ingest.views.rows import Rows, ViewColumn
from pipelines.ingest.views.values import Compiled, Shape, name_sql


@dataclass(frozen=True)
class CompiledView:
    """A view as SQL.

    Attributes:
        name: Name of the view.
        resource: FHIR type it reads.
        columns: Output columns in order.
        shape: Elements it reads.
        extensions: URLs of the extensions it reads, at any depth.
        unknown: Paths of elements it reads that FHIR R4 does not have.
    """

    name: str
    resource: str
    columns: tuple[ViewColumn, ...]
    shape: Shape
    extensions: frozenset[str]
    unknown: tuple[str, ...]
    _query: str = field(repr=False)
    _entered: tuple[Shape, ...] = field(repr=False)

    def sql(self, source: str, keep: Sequence[str] = ()) -> str:
        """The query over a relation that has the view's elements as columns.

        Args:
            source: A FROM item, e.g. ``read_json(...)`` or a table name.
            keep: Further columns of the source to carry along, before the view's own.
        """
        kept = "".join(f"{ROW}.{name_sql(name)}, " for name in keep)
        head, _, tail = self._query.partition(_SOURCE)
        return f"SELECT {kept}{head}{source}{tail}"

    @property
    def whole(self) -> tuple[str, ...]:
        """Paths of the elements that are read as JSON; none where structs do for all."""
        shapes = [each for root in (self.shape, *self._entered) for each in _walk(root)]
        return tuple(sorted({s.shown for s in shapes if s.whole and s.type != "decimal"}))

    @property
    def exact_names(self) -> frozenset[str]:
        """Names of decimals that are read digit by digit, as text."""
        shapes = (each for root in (self.shape, *self._entered) for each in _walk(root))
        return frozenset(
            s.path.rpartition(".")[2] for s in shapes if s.whole and s.type == "decimal"
        )


_SOURCE = "\0source\0"


def read_columns(views: Iterable[CompiledView], model: FhirModel | None = None) -> dict[str, str]:
    """The explicit schema to read a file with, so that all the views can run over it.

    Args:
        views: Views of one resource type.
        model: FHIR model; R4 by default.

    Returns:
        DuckDB type by top-level element, ``resourceType`` and ``id`` always among them.

    Raises:
        ViewDefinitionError: One view reads an element whole that another reads in parts.
    """
    model = model or fhir_r4()
    root = resource_shape(views)
    return {name: child.sql(model) for name, child in root.children.items()}


def resource_shape(views: Iterable[CompiledView]) -> Shape:
    """All the elements that some of the views read, ``resourceType`` and ``id`` always among them.

    Args:
        views: Views of one resource type.
    """
    root = Shape("Resource")
    root.child("resourceType", "code", many=False)
    root.child("id", "id", many=False)
    for view in views:
        _merge(root, view.shape)
    return root


def merged_shape(views: Iterable[CompiledView]) -> Shape:
    """All the elements that some of the views read, as one tree."""
    views = tuple(views)
    root = Shape(views[0].resource)
    for view in views:
        _merge(root, view.shape)
    return root


def compile_view(
    definition: Mapping[str, Any],
    model: FhirModel | None = None,
    exact_decimals: bool = False,
    allow_unknown: bool = False,
) -> CompiledView:
    """Compile a ViewDefinition.

    Args:
        definition: The parsed JSON.
        model: FHIR model; R4 by default.
        exact_decimals: Files can be read so that decimals keep their digits, which their
            boundaries need.
        allow_unknown: Elements that the model does not have are read as JSON instead of refused.

    Returns:
        The compiled view.

    Raises:
        ViewDefinitionError: Something is missing, unknown or not supported; names the element.
    """
    model = model or fhir_r4()
    document = read_document(definition)
    if document.resource not in model.resources:
        raise document.error("resource", "expected the name of a FHIR R4 resource type")
    kept: frozenset[str] = frozenset()
    while True:
        try:
            ctx = Context(model, document.constants, kept, exact_decimals, allow_unknown)
            return _compiled(document, ctx)
        except ReadWholeError as again:
            kept |= {again.path}


def _compiled(document: Document, ctx: Context) -> CompiledView:
    shape = Shape(document.resource, kept=ctx.kept)
    rows = Rows(document, ctx, Compiled(ROW, document.resource, shape=shape))
    conditions = rows.conditions()
    return CompiledView(
        document.title,
        document.resource,
        rows.columns,
        shape,
        _extensions(document),
        tuple(sorted(ctx.unknown)),
        ctx.settled(_query(rows.select, rows.layers, conditions)),
        ctx.entered_shapes(),
    )


def _query(select: Sequence[str], layers: Sequence[Layer], conditions: Sequence[str]) -> str:
    # Every name and literal in it was quoted when the view was compiled.
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    inner = f"SELECT * FROM {_SOURCE} AS {ROW}{where}"  # noqa: S608
    for layer in layers:
        inner = layer.sql(inner)
    return f"{', '.join(select)} FROM ({inner}) AS {ROW}"


def _extensions(document: Document) -> frozenset[str]:
    texts = [str(document.selects), *(str(each.value) for each in document.constants.values())]
    return frozenset(url for text in texts for url in re.findall(r"https?://[^\s'\"]+", text))


def _merge(into: Shape, other: Shape) -> None:
    for name, child in other.children.items():
        known = into.children.get(name)
        if known and (known.whole or child.whole) and (known.children or child.children):
            raise ViewDefinitionError(
                f"{child.shown}: one view reads it whole and another its parts. Read the file once "
                "for each."
            )
        merged = into.child(name, child.type, child.many)
        merged.whole = merged.whole or child.whole
        _merge(merged, child)


def _walk(shape: Shape) -> Iterator[Shape]:
    yield shape
    for child in shape.children.values():
        yield from _walk(child)
