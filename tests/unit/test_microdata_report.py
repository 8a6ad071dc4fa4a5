"""The microdata report: the figures of the measures, no value of the table, no foreign markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import polars as pl
import pytest

from anonymization import (
    Hierarchy,
    MicrodataPolicy,
    QuasiIdentifier,
    SensitiveAttribute,
    anonymize,
    assess,
)
from anonymization.grouping import source_of
from anonymization.microdata import solve
from pipelines.catalogue.model import LANGUAGES
from pipelines.publication import microdata_report, microdata_words
from pipelines.publication.microdata_report import Subject, report_page
from pipelines.publication.microdata_words import ReportTexts, Words, report_texts
from tests.support import browser as driver

PLANTED = ["Planted-Elvdal", "Planted-Fjellvik", "Planted-North", "Planted-COPD", "Planted-asthma"]
NASTY = '<script>alert("1")</script>&amp;\u202e\x00'
FRAME = pl.DataFrame(
    {
        "age": [23, 26, 28, 31, 34, 38, 41, 44, 45, 47, 49, 87],
        "place": ["Planted-Elvdal"] * 6 + ["Planted-Fjellvik"] * 5 + ["Planted-Elvdal"],
        NASTY: ["Planted-COPD", "Planted-asthma", "Planted-flu"] * 4,
        "name": [f"Planted-{number}" for number in range(12)],
    }
)
NAMES = ("age", "place")
SENSITIVE = SensitiveAttribute(
    NASTY,
    l=2,
    t=0.7,
    distance="ordered",
    order=("Planted-flu", "Planted-COPD", "Planted-asthma"),
)
POLICY = MicrodataPolicy(
    k=3,
    suppression_limit=0.1,
    quasi_identifiers=(
        QuasiIdentifier("age", Hierarchy.intervals([5, 10, 20], lower=0, upper=119)),
        QuasiIdentifier(
            "place",
            Hierarchy.tree(dict.fromkeys(["Planted-Elvdal", "Planted-Fjellvik"], "Planted-North")),
        ),
    ),
    sensitive=(SENSITIVE,),
)
POPULATION = FRAME.group_by(NAMES).agg(persons=pl.len() * 7)


def subject(policy: MicrodataPolicy = POLICY, *, streamed: bool = False) -> Subject:
    made = anonymize(FRAME, policy)
    return Subject(
        "people.parquet",
        NAMES,
        given=assess(FRAME, NAMES, policy.sensitive, population=POPULATION),
        policy=policy,
        made=solve(source_of(FRAME), policy) if streamed else made,
        written=assess(made.table, NAMES, policy.sensitive, reference=FRAME),
        agreement="Agreement <7>",
    )


class Page(HTMLParser):
    """The rows of the tables as numbers and texts, and what a browser would fetch or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[float | str]] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.language: str | None = None
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]
        self.language = given.get("lang", self.language)
        if tag == "tr":
            self.rows.append([])
        if tag == "data":
            self.rows[-1].append(float(given["value"]))
        self._inside = tag

    def handle_endtag(self, tag) -> None:
        self._inside = ""

    def handle_data(self, data) -> None:
        if self._inside == "bdi" and self.rows:
            self.rows[-1].append(data)

    def after(self, heading: str) -> list[float | str]:
        """Numbers of the first row with a heading."""
        return next(row[1:] for row in self.rows if row and row[0] == heading)


@pytest.fixture(scope="module")
def told() -> Subject:
    return subject()


def test_the_numbers_are_those_of_the_measures(told: Subject) -> None:
    page, words = Page(report_page(told, "en")), Words("en")
    before, after = told.given, told.written
    assert after is not None
    for key, field in {
        "prosecutor_max": "prosecutor_max",
        "marketer": "prosecutor_mean",
        "uniqueness": "uniqueness",
        "number_classes": "classes",
        "k": "k",
    }.items():
        assert page.after(words(key)) == [getattr(before, field), getattr(after, field)], key
    above = words("at_risk", threshold="20%")
    assert page.after(above) == [before.at_risk, after.at_risk]
    assert page.after(words("counted_records")) == [12, after.records]
    # The table written was measured without a population: nothing is known, nothing is drawn.
    assert page.after(words("k_map")) == [7, "–"]
    assert page.after(words("journalist_max")) == [before.journalist_max, "–"]
    assert page.after(words("presence_max")) == [before.presence_max, "–"]


def test_what_was_asked_and_what_it_cost(told: Subject) -> None:
    page, words = Page(report_page(told, "en")), Words("en")
    made = told.made
    assert made is not None
    assert page.after(words("asked_k")) == [3]
    assert page.after(words("rows_left_out")) == [made.suppressed] == [1]
    assert page.after(words("share_left_out")) == [1 / 12]
    assert page.after(words("dropped")) == ["“name”"]
    assert page.after("“age”")[1] == made.report.loss_by_attribute["age"] > 0
    evidence = made.report.evidence
    parts = ["checked", *(f"ruled_out_by_{how}" for how in ("projection", "monotony", "bound"))]
    parts.append("left_open")
    counts = [page.after(words(part)) for part in parts]
    assert counts == [[getattr(evidence, part)] for part in parts]
    assert page.after(words("nodes")) == [sum(number for (number,) in counts)]
    assert words.number(evidence.best_loss).text in report_page(told, "en")


def test_sensitive_attributes_before_after_and_asked(told: Subject) -> None:
    rows = {row[1]: row[2:] for row in Page(report_page(told, "en")).rows if len(row) == 5}
    words = Words("en")
    before, after = told.given.sensitive[NASTY], told.written.sensitive[NASTY]
    distance = words("t", distance=words("distance_ordered"))
    assert rows[words("distinct")] == [before.distinct, after.distinct, "at least 2 different"]
    assert rows[words("entropy")] == [before.entropy, after.entropy, "–"]
    assert rows[distance] == [before.t, after.t, "t at most 0.7"]


def test_class_sizes_add_up(told: Subject) -> None:
    rows = [row for row in Page(report_page(told, "en")).rows if len(row) == 7]
    for report, first in ((told.given, 1), (told.written, 4)):
        classes, records, shares = (sum(row[first + n] for row in rows) for n in range(3))
        assert (classes, records) == (report.classes, report.records)
        assert shares == pytest.approx(1)
    assert [row[0] for row in rows] == ["1", "3–4", "5–9"]


def test_no_bin_holds_sizes_below_and_above_k() -> None:
    sizes = pl.DataFrame({"age": [1] * 3 + [2] * 4, "place": ["a"] * 7})
    given = assess(sizes, NAMES)
    bins = {
        k: [row[0] for row in Page(report_page(Subject("x", NAMES, given, policy), "en")).rows
            if len(row) == 4]
        for k, policy in {3: replace(POLICY, k=3), 4: replace(POLICY, k=4)}.items()
    }  # fmt: skip
    assert bins == {3: ["3–4"], 4: ["3", "4"]}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "policy",
    [
        POLICY,
        replace(POLICY, method="local"),
        replace(
            POLICY,
            method="partition",
            ordered="age",
            suppression_limit=0.2,
            quasi_identifiers=(
                QuasiIdentifier("age", Hierarchy.intervals([5], lower=0, upper=119)),
                QuasiIdentifier("place"),
            ),
        ),
    ],
    ids=lambda policy: policy.method,
)
def test_no_value_of_the_table_is_on_the_page(policy: MicrodataPolicy, language) -> None:
    page = report_page(subject(policy), language)
    assert "Planted" not in page
    assert not re.search(r"\b87\b", page)
    assert Page(page).language == language
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_a_value_that_slipped_in_would_be_found(told: Subject) -> None:
    assert "Planted" in report_page(replace(told, name=PLANTED[0]))


def test_names_are_no_markup(told: Subject) -> None:
    nasty = replace(told, name=NASTY, purpose=NASTY, quasi_identifiers=(NASTY,))
    page = report_page(nasty)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert page.count("&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&amp;amp;") >= 4
    assert "Agreement &lt;7&gt;" in page


def test_the_page_fetches_and_runs_nothing(told: Subject) -> None:
    page = report_page(told)
    parsed = Page(page)
    assert parsed.links == []
    assert parsed.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
    assert re.findall(r"url\(|@import|https?:|\son\w+=", page) == []
    assert "default-src 'none'" in page
    # Each picture has its title and description.
    assert page.count("<svg") == page.count("<title id=") == page.count("<desc id=") == 3


def test_a_table_that_was_only_assessed(told: Subject) -> None:
    only = Subject("people.csv", NAMES, given=assess(FRAME, NAMES), counts_persons=True)
    page = Page(report_page(only, "nn"))
    words = Words("nn")
    assert page.after(words("prosecutor_max")) == [1.0]
    assert page.after(words("counted_persons")) == [12]
    assert words("persons_note") in report_page(only, "nn")
    assert words("persons_note") not in report_page(told, "nn")
    assert report_page(only).count("<svg") == 2
    assert words("not_stated") in report_page(only, "nn")


def test_a_table_without_records() -> None:
    empty = Subject("none.csv", NAMES, given=assess(FRAME.clear(), NAMES, [NASTY]))
    page = Page(report_page(empty, "en"))
    assert page.after(Words("en")("k")) == ["–"]


def test_streamed_and_held_in_memory_tell_the_same(told: Subject) -> None:
    assert report_page(subject(streamed=True)) == report_page(told)


@pytest.mark.parametrize(
    ("language", "share", "number", "count"),
    [
        ("nb", "12,5\u00a0%", "0,1235", "1\u00a0234"),
        ("nn", "12,5\u00a0%", "0,1235", "1\u00a0234"),
        ("en", "12.5%", "0.1235", "1,234"),
    ],
)
def test_numbers_are_written_as_the_language_does(language, share, number, count) -> None:
    words = Words(language)
    assert words.share(0.125).text == share
    assert words.number(0.12345678).text == number
    assert words.count(1234).text == count
    assert words.share(1e-9).text.startswith("<")
    assert words.share(0).text.startswith("0")
    assert words.number(float("inf")).text == "∞"
    assert words.share(None).value is None


def test_an_unknown_language_is_refused(told: Subject) -> None:
    with pytest.raises(ValueError, match="expected one of nb, nn, en; got 'sv'"):
        report_page(told, "sv")  # type: ignore[arg-type]


def test_texts_are_complete_and_used() -> None:
    whole = {"nb": "a", "nn": "a", "en": "a"}
    with pytest.raises(ValueError, match="lacks"):
        ReportTexts({"x": {"nb": "a", "en": "a"}})
    with pytest.raises(ValueError, match="other placeholders"):
        ReportTexts({"x": whole | {"en": "{k}"}})
    folder = microdata_words.CATALOGUE.parent / "publication"
    sources = [
        folder / "microdata_report.py",
        folder / "templates" / "microdata_report.html",
    ]
    code = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    fields = {*_fields_of_evidence(), "k", "t", "distinct", "entropy"}
    families = r"^(method|missing|distance|demand|measure|diversity)_"
    unused = [
        key
        for key in report_texts()
        if f'"{key}"' not in code and key not in fields and not re.match(families, key)
    ]
    assert unused == []


def _fields_of_evidence() -> set[str]:
    from anonymization.intervals import PartitionEvidence
    from anonymization.lattice import Evidence

    return {*Evidence.__dataclass_fields__, *PartitionEvidence.__dataclass_fields__}


def test_colours_can_be_told_apart() -> None:
    """WCAG 2.2: 1.4.3 asks 4.5 of text, 1.4.11 asks 3 of graphics."""
    style = (microdata_report.Path(microdata_report.__file__).parent / "templates").joinpath(
        "microdata_report.html"
    )
    text = style.read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", text))
    grounds = ["#ffffff", re.search(r"aside \{[^}]*background: (#\w+)", text)[1]]
    for ground in grounds:
        assert contrast(colours["ink"], ground) >= 4.5
    assert contrast(colours["muted"], "#ffffff") >= 4.5
    assert contrast(colours["bar"], "#ffffff") >= 3
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def contrast(one: str, other: str) -> float:
    light = sorted(luminance(colour) for colour in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.nightly  # starts a browser of its own, for seconds
@pytest.mark.browser
def test_the_page_in_a_browser(told: Subject, tmp_path) -> None:
    file = tmp_path / "report.html"
    file.write_text(report_page(told), encoding="utf-8")
    with driver.browser() as chromium, driver.visit(chromium, file.as_uri(), 390, 844) as reader:
        page = reader.page
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.get_by_role("img").count() == 3
        bars = page.locator("svg").first.locator("rect").all()
        sizes = [bar.bounding_box() for bar in bars]
        assert all(size is not None for size in sizes)
        headings = [int(level) for level in page.locator("h1, h2, h3").evaluate_all(
            "all => all.map(one => one.tagName.slice(1))")]  # fmt: skip
        assert headings[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(headings))
        assert reader.complaints == []
        assert reader.outside() == set()
