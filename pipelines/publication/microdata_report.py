"""The report of an anonymised or assessed table: one page that stands on its own.

Belongs here: what the page tells, section by section. Does not belong here: its words
(``catalogue/microdata_report_texts.yml``), how it is laid out (``templates``), the measuring
(``anonymization``), writing it to a file.

The page holds counts, shares and names of columns. No value of the table and no label of a
hierarchy ever reaches it: nothing here reads a table. It needs no script and no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from anonymization.lattice import Evidence
from anonymization.microdata import Anonymized, Solved
from anonymization.policies import MicrodataPolicy, SensitiveAttribute
from anonymization.risk import Diversity, RiskReport
from pipelines.catalogue.model import Language
from pipelines.publication.microdata_pictures import Picture, bars
from pipelines.publication.microdata_words import NOTHING, Cell, Words

Result = Anonymized | Solved
"""What was done to a table, with its records or, where they outgrow memory, without."""

_SIZES: Final = (1, 2, 3, 5, 10, 20, 50, 100, 500)


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes:
        name: What the table is called.
        quasi_identifiers: Columns somebody could be recognised by.
        given: Risk of the table given; of the only one, where it was just assessed.
        policy: What it must hold to, if there is such.
        made: What was done to it, if anything was.
        written: Risk of the table made, measured from its bytes.
        counts_persons: Whether risks count persons that may have several rows, and not rows.
        agreement: The agreement under which it may be used; empty when nobody said.
        purpose: What it may be used for; empty when nobody said.
    """

    name: str
    quasi_identifiers: tuple[str, ...]
    given: RiskReport
    policy: MicrodataPolicy | None = None
    made: Result | None = None
    written: RiskReport | None = None
    counts_persons: bool = False
    agreement: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Rows:
    """A table: its rows begin with their heading. A list has one value a row, of any kind."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_list: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    heading: str
    sentences: tuple[str, ...]
    table: Rows | None = None
    picture: Picture | None = None


def report_page(subject: Subject, language: Language = "nb") -> str:
    """The report as one HTML page.

    Args:
        subject: What it is about.
        language: ``nb``, ``nn`` or ``en``.

    Returns:
        The page, whole: style and pictures are inside it.

    Raises:
        ValueError: If there is no such language.
    """
    words = Words(language)
    return _template().render(
        words=words,
        subject=subject,
        name=_legible(subject.name),
        agreement=_legible(subject.agreement),
        purpose=_legible(subject.purpose),
        sections=[
            _asked(subject, words),
            _sizes(subject, words),
            _risk(subject, words),
            *_given_away(subject, words),
            *_cost(subject, words),
        ],
    )


@cache
def _template() -> Template:
    folder = Path(__file__).with_name("templates")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("microdata_report.html")


def _legible(text: str) -> str:
    """Without what no reader can see, such as marks that turn the direction of reading."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _names(words: Words, names: Iterable[str]) -> Cell:
    return Cell(", ".join(words("quoted", name=_legible(name)) for name in names) or NOTHING)


def _counted(subject: Subject, words: Words) -> str:
    return words("persons" if subject.counts_persons else "records")


def _asked(subject: Subject, words: Words) -> Section:
    policy = subject.policy
    sensitive = [*subject.given.sensitive]
    rows = [
        ("quasi_identifiers", _names(words, subject.quasi_identifiers)),
        ("sensitive_columns", _names(words, sensitive)),
    ]
    if policy is not None:
        if policy.insensitive:
            rows.append(("kept_columns", _names(words, policy.insensitive)))
        rows.append(("asked_k", words.count(policy.k)))
        if policy.sensitive:
            rows.append(
                ("asked_values", Cell("; ".join(_demand(words, one) for one in policy.sensitive)))
            )
        if policy.k_map is not None:
            rows.append(("asked_k_map", words.count(policy.k_map)))
        if policy.presence is not None:
            rows.append(("asked_presence_min", words.share(policy.presence[0])))
            rows.append(("asked_presence_max", words.share(policy.presence[1])))
        rows.append(("limit", words.share(policy.suppression_limit)))
        rows.append(("method", Cell(words(f"method_{policy.method}"))))
        rows.append(("missing", Cell(words(f"missing_{policy.missing}"))))
    return Section(words("asked_head"), (), _listed(words, "asked_head", rows))


def _demand(words: Words, attribute: SensitiveAttribute) -> str:
    """What is asked of an attribute, in the signs of the literature."""
    asked = [f"l = {attribute.l:g} ({words(f'diversity_{attribute.diversity}')})"]
    if attribute.c is not None:
        asked.append(f"c = {attribute.c:g}")
    if attribute.t is not None:
        asked.append(f"t = {attribute.t:g} ({words(f'distance_{attribute.distance}')})")
    return f"{_names(words, [attribute.name]).text}: {', '.join(asked)}"


def _listed(words: Words, caption: str, rows: Sequence[tuple[str, Cell]]) -> Rows:
    lines = tuple((Cell(words(key)), cell) for key, cell in rows)
    return Rows(words(caption), (words("what"), words("value")), lines, is_list=True)


def _reports(subject: Subject) -> list[RiskReport]:
    return [subject.given, *([] if subject.written is None else [subject.written])]


def _moments(subject: Subject, words: Words) -> tuple[str, ...]:
    if subject.written is None:
        return (words("measured"),)
    return (words("given"), words("written"))


def _sizes(subject: Subject, words: Words) -> Section:
    counted, moments = _counted(subject, words), _moments(subject, words)
    lows = sorted({*_SIZES, *([] if subject.policy is None else [subject.policy.k])})
    binned = [_binned(report, lows) for report in _reports(subject)]
    labels = [
        words("size_open", low=low)
        if high is None
        else str(low)
        if high == low
        else words("size_range", low=low, high=high)
        for low, high in zip(lows, [*(low - 1 for low in lows[1:]), None], strict=True)
    ]
    rows, drawn = [], []
    for place, label in enumerate(labels):
        found = [sizes.row(place, named=True) for sizes in binned]
        if not any(row["classes"] for row in found):
            continue
        shares = [words.share(row["share"]) for row in found]
        drawn.append((label, shares))
        numbers = [
            (words.count(row["classes"]), words.count(row["records"]), share)
            for row, share in zip(found, shares, strict=True)
        ]
        rows.append((Cell(label), *(cell for of_one in numbers for cell in of_one)))
    head = [
        f"{what} ({moment.lower()})"
        for moment in moments
        for what in (words("classes"), counted.capitalize(), words("share"))
    ]
    caption = words("sizes_alt", counted=counted)
    return Section(
        words("sizes_head"),
        (
            words("sizes", counted=counted),
            *([words("persons_note")] if subject.counts_persons else []),
        ),
        Rows(caption, (words("size"), *head), tuple(rows)),
        bars(caption, moments, drawn),
    )


def _binned(report: RiskReport, lows: Sequence[int]) -> pl.DataFrame:
    """Classes and records by bin; one row per lower border."""
    borders = pl.DataFrame({"low": lows}, schema={"low": pl.Int64})
    sums = (
        report.class_sizes.sort("class_size")
        .join_asof(borders.with_columns(class_size="low"), on="class_size")
        .group_by("low")
        .agg(pl.col("classes").sum(), pl.col("records").sum())
    )
    whole = max(report.records, 1)
    return borders.join(sums, on="low", how="left", maintain_order="left").select(
        pl.col("classes", "records").fill_null(0),
        share=pl.col("records").fill_null(0) / whole,
    )


def _risk(subject: Subject, words: Words) -> Section:
    reports, moments = _reports(subject), _moments(subject, words)
    counted = _counted(subject, words)
    threshold = words.share(subject.given.threshold).text
    shares = [
        (words("prosecutor_max"), [words.share(r.prosecutor_max) for r in reports]),
        (words("marketer"), [words.share(r.marketer) for r in reports]),
        (words("at_risk", threshold=threshold), [words.share(r.at_risk) for r in reports]),
        (words("uniqueness"), [words.share(r.uniqueness) for r in reports]),
    ]
    of_population = any(report.k_map is not None for report in reports)
    if of_population:
        shares.append((words("journalist_max"), [words.share(r.journalist_max) for r in reports]))
        shares.append((words("journalist_mean"), [words.share(r.journalist_mean) for r in reports]))
    rows = [
        *shares,
        (
            words("counted_persons" if subject.counts_persons else "counted_records"),
            [words.count(r.records) for r in reports],
        ),
        (words("number_classes"), [words.count(r.classes) for r in reports]),
        (words("k"), [words.count(r.k) for r in reports]),
        (words("uniques", counted=counted), [words.count(r.uniques) for r in reports]),
        (words("incomplete", counted=counted), [words.count(r.incomplete) for r in reports]),
    ]
    if of_population:
        rows.append((words("k_map"), [words.count(r.k_map) for r in reports]))
        rows.append((words("presence_min"), [words.share(r.presence_min) for r in reports]))
        rows.append((words("presence_max"), [words.share(r.presence_max) for r in reports]))
    table = Rows(
        words("risk_alt"),
        (words("what"), *moments),
        tuple((Cell(label), *cells) for label, cells in rows),
    )
    picture = bars(words("risk_alt"), moments, shares)
    return Section(words("risk_head"), (words("risk"),), table, picture)


def _given_away(subject: Subject, words: Words) -> list[Section]:
    if not subject.given.sensitive:
        return []
    asked = {a.name: a for a in ([] if subject.policy is None else subject.policy.sensitive)}
    rows = []
    for name in subject.given.sensitive:
        measured = [report.sensitive[name] for report in _reports(subject)]
        wanted = _demands(asked.get(name), words)
        rows += [
            (_names(words, [name]), Cell(what), *cells, Cell(wanted.get(key, NOTHING)))
            for key, what, cells in _measures(measured, words)
            if key != "recursive" or key in wanted
        ]
    head = (words("column"), words("what"), *_moments(subject, words), words("demands"))
    table = Rows(words("sensitive_head"), head, tuple(rows))
    return [Section(words("sensitive_head"), (words("sensitive"),), table)]


def _measures(measured: Sequence[Diversity], words: Words) -> list[tuple[str, str, list[Cell]]]:
    distance = words(f"distance_{measured[0].distance}")
    return [
        ("distinct", words("distinct"), [words.count(one.distinct) for one in measured]),
        ("entropy", words("entropy"), [words.number(one.entropy) for one in measured]),
        ("recursive", words("recursive"), [words.number(one.recursive) for one in measured]),
        ("t", words("t", distance=distance), [words.number(one.t) for one in measured]),
    ]


def _demands(attribute: SensitiveAttribute | None, words: Words) -> dict[str, str]:
    """What is asked of an attribute, by the measure that it is asked of."""
    if attribute is None:
        return {}
    values = {"l": words.number(attribute.l).text}
    if attribute.c is not None:
        values["c"] = words.number(attribute.c).text
    wanted = {attribute.diversity: words(f"demand_{attribute.diversity}", **values)}
    if attribute.t is not None:
        wanted["t"] = words("demand_t", t=words.number(attribute.t).text)
    return wanted


def _cost(subject: Subject, words: Words) -> list[Section]:
    made, policy = subject.made, subject.policy
    if made is None or policy is None:
        return []
    return [
        _loss(made, policy, words),
        _certificate(made, policy, words),
        _left_out(made, policy, words),
    ]


def _loss(made: Result, policy: MicrodataPolicy, words: Words) -> Section:
    by_name = made.report.loss_by_attribute
    lost = [(_legible(name), words.share(loss)) for name, loss in by_name.items()]
    levels = [Cell(_level(made, policy, name, words)) for name in by_name]
    table = Rows(
        words("loss_alt"),
        (words("column"), words("level"), words("lost")),
        tuple(
            (_names(words, [name]), level, loss)
            for name, level, (_, loss) in zip(by_name, levels, lost, strict=True)
        ),
    )
    whole = words(
        "whole_loss", measure=words(f"measure_{policy.loss}"), loss=words.number(made.loss).text
    )
    drawn = [(label, [loss]) for label, loss in lost]
    picture = bars(words("loss_alt"), (words("lost"),), drawn)
    return Section(words("loss_head"), (words("loss"), whole), table, picture)


def _level(made: Result, policy: MicrodataPolicy, name: str, words: Words) -> str:
    if policy.method == "partition":
        return words("level_intervals" if name == policy.ordered else "level_as_given")
    level = made.levels.get(name)
    if level is None:
        return words("level_by_class")
    return words("level_as_given") if level == 0 else str(level)


def _certificate(made: Result, policy: MicrodataPolicy, words: Words) -> Section:
    evidence = made.report.evidence
    best, whole = words.number(evidence.best_loss).text, words.number(made.loss).text
    rows = [
        (field.name, words.count(getattr(evidence, field.name)))
        for field in fields(evidence)
        if isinstance(getattr(evidence, field.name), int)
    ]
    table = _listed(words, "certificate_head", rows)
    if not isinstance(evidence, Evidence):
        told = (words("certificate_partition", loss=best),)
        return Section(words("certificate_head"), told, table)
    sentences = [words("certificate", loss=best)]
    if evidence.best_remaining_bound is not None:
        bound = words.number(evidence.best_remaining_bound).text
        sentences.append(words("certificate_bound", bound=bound))
    if policy.method == "local":
        sentences.append(words("certificate_local", loss=whole))
    return Section(words("certificate_head"), tuple(sentences), table)


def _left_out(made: Result, policy: MicrodataPolicy, words: Words) -> Section:
    report = made.report
    share = report.suppressed / report.records if report.records else None
    rows = [
        ("rows_given", words.count(report.records)),
        *([] if policy.person is None else [("persons_given", words.count(report.persons))]),
        ("rows_left_out", words.count(report.suppressed)),
        ("share_left_out", words.share(share)),
        ("limit", words.share(policy.suppression_limit)),
        ("dropped", _names(words, report.dropped_columns)),
    ]
    table = _listed(words, "left_out_head", rows)
    return Section(words("left_out_head"), (words("left_out"),), table)
