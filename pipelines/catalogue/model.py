"""The strict model of an indicator file: what may be said, and what must be.

Belongs here: the shape of ``indicators/*.yml`` and the rules that one file must keep by itself.
Does not belong here: rules that need several files (``loader.py``) and anything that computes.
An unknown key is an error: a misspelt privacy option must never be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Language = Literal["nb", "nn", "en"]
Text = TypeVar("Text")
LANGUAGES: tuple[Language, ...] = ("nb", "nn", "en")
ValueKind = Literal["crude", "direct_esp2013", "direct_region", "indirect"]
Service = Literal["hospital", "municipal_care", "gp", "portal", "documentation", "none"]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")]

OPEN_AGE = 199
"""Upper end of an open age group; nobody is older, so comparisons need no special case."""

PERCENT = 100

PUBLIC_MEASURES = frozenset({"residents", "person_years"})
"""Denominators that the population register gives, by municipality, sex and year of age."""
PUBLIC_NUMERATORS = frozenset({"residents_live"})
"""Numerators that are made of inhabitants alone, and come from where the denominator comes from."""

DATED_SERVICES = frozenset({"hospital", "municipal_care", "portal", "documentation", "gp"})
"""Services of which parts of a year are known to be covered: by the calendar of go-lives, which
covers a place by the day, whoever lives there, or (gp) as the year is."""

OPEN_TEXT = "TODO"
"""How a text begins that is still to be written; no such text is ever shown."""

READING_FIELDS = frozenset({"area", "period", "value", "lower", "upper", "comparison"})


def every_language(texts: Mapping[Language, Text]) -> Mapping[Language, Text]:
    """Texts as they are, once they are there in every language.

    Args:
        texts: Texts by language.

    Raises:
        ValueError: A language is missing.
    """
    if missing := set(LANGUAGES) - set(texts):
        raise ValueError(f"texts lack {sorted(missing)}")
    return texts


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Numerator(Strict):
    """What is counted: a measure (a dbt model) and the unit of its values.

    ``part_of`` names another indicator's numerator that holds all of this one: the two are
    protected together, since their difference can be worked out.
    """

    measure: Identifier
    unit: Identifier
    part_of: Identifier | None = None


class Denominator(Strict):
    """What it is counted among; ``public`` when anyone can look the number up."""

    measure: Identifier
    unit: Identifier
    public: bool


class Ages(Strict):
    """Age limits in whole years, inclusive; ``max`` null means no upper limit."""

    min: int = Field(ge=0, le=120)
    max: int | None = Field(default=None, ge=0, le=120)


class KnownYears(Strict):
    """Calendar years for which a figure can be computed at all; in others it is missing."""

    first: int = Field(ge=2000, le=2100)
    last: int = Field(ge=2000, le=2100)

    @model_validator(mode="after")
    def _ordered(self) -> KnownYears:
        if self.first > self.last:
            raise ValueError("known_years.first must not be after known_years.last")
        return self


class Median(Strict):
    """A median of persons' amounts beside their mean, rounded to a step in the numerator's unit."""

    step: float = Field(gt=0)


class Coverage(Strict):
    """The service whose go-live bounds numerator and denominator alike.

    ``full`` and ``flagged`` are shares of covered person-time: at least ``full`` is shown,
    between the two is shown with a flag, below ``flagged`` is not shown.
    """

    service: Service
    full: float = Field(default=0.95, gt=0, le=1)
    flagged: float = Field(default=0.80, gt=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Coverage:
        if self.flagged > self.full:
            raise ValueError("coverage.flagged must not exceed coverage.full")
        return self


class Code(Strict):
    """All codes of one system that begin with ``prefix`` (no dot, upper case).

    IPLOS codes have one or two digits: there, ``prefix`` is the whole code.
    """

    system: Literal["icd10", "icpc2", "atc", "iplos", "nlk", "loinc"]
    prefix: str = Field(pattern=r"^[A-Z0-9-]{1,8}$")


class Caveat(Strict):
    """Something a reader must know, shown beside the figure."""

    id: Identifier
    text: str = Field(min_length=10)

    @field_validator("text")
    @classmethod
    def _written(cls, text: str) -> str:
        if text.startswith(OPEN_TEXT):
            raise ValueError("is still to be written")
        return text


class Texts(Strict):
    """What a planner reads, in one language."""

    title: str = Field(min_length=3)
    short_title: str = Field(min_length=3, max_length=40)
    unit: str = Field(min_length=1)
    definition: str = Field(min_length=20)
    numerator: str = Field(min_length=5)
    denominator: str = Field(min_length=5)
    why: str = Field(min_length=20)
    reading: str = Field(min_length=10)
    caveats: tuple[Caveat, ...] = Field(min_length=1)

    @field_validator("*")
    @classmethod
    def _written(cls, text: object) -> object:
        if isinstance(text, str) and text.startswith(OPEN_TEXT):
            raise ValueError("is still to be written")
        return text

    @field_validator("reading")
    @classmethod
    def _known_fields(cls, text: str) -> str:
        from string import Formatter

        if "\n" in text.strip():
            raise ValueError("reading must be one sentence on one line")
        named = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        if unknown := named - READING_FIELDS:
            raise ValueError(f"reading uses unknown fields {sorted(unknown)}")
        return text


class Indicator(Strict):
    """One figure, from measure to text: everything derived about it is derived from here."""

    id: Identifier
    version: int = Field(ge=1)
    number: int = Field(ge=1)
    theme: Literal[
        "hospital_use",
        "collaboration",
        "municipal_care",
        "care_quality",
        "chronic_disease",
        "primary_care",
        "prevention",
        "digital",
        "adoption",
    ]
    statutory_heading: Literal[
        "population",
        "living_conditions",
        "environment",
        "injuries",
        "health_behaviour",
        "health_status",
    ]
    key_figure: bool = False
    """Stands in the barometer of a municipality's profile; the others are folded below it."""
    numerator: Numerator
    denominator: Denominator
    counting: Literal["strata", "flow"]
    kind: Literal["rate", "proportion"]
    repeat_events: bool = False
    magnitude: bool = False
    median: Median | None = None
    """The middle person's amount is published beside the mean; null: it is not."""
    full_count: bool = False
    """Everybody is counted and nothing is estimated: no interval, no comparison by chance."""
    ages: Ages
    age_groups: tuple[int, ...] = ()
    multiplier: int = Field(ge=1)
    decimals: int = Field(ge=0, le=4)
    value_kinds: tuple[ValueKind, ...] = Field(min_length=1)
    headline_kind: ValueKind
    polarity: Literal["lower_is_better", "higher_is_better", "neutral"]
    period: Literal["year"]
    periods: tuple[Literal["year", "month", "quarter"], ...] = ("year",)
    """Lengths that are published: the year, and its months or quarters of all sexes and ages."""
    pooled_years: Literal[3, 5] | None = None
    """Years of the periods published beside single ones, for areas too small for a year."""
    timing: Literal["flow", "on_date"]
    known_years: KnownYears | None = None
    parameters: dict[Identifier, int] = Field(default_factory=dict)
    code_sets: dict[Identifier, tuple[Code, ...]] = Field(default_factory=dict)
    coverage: Coverage
    policy: Identifier
    breakdowns: tuple[Identifier, ...] = ()
    """Splits of the year that are published beside it, of all sexes and ages together."""
    comparable_to: tuple[str, ...] = ()
    texts: dict[Language, Texts]

    @model_validator(mode="after")
    def _hangs_together(self) -> Indicator:
        every_language(self.texts)
        if self.headline_kind not in self.value_kinds:
            raise ValueError("headline_kind must be one of value_kinds")
        if self.counting == "flow" and (self.age_groups or self.value_kinds != ("crude",)):
            raise ValueError("a flow has no age groups and only the crude value")
        if self.counting == "strata" and not self.age_groups:
            raise ValueError("an indicator over strata names its age groups")
        ids = {tuple(sorted(c.id for c in t.caveats)) for t in self.texts.values()}
        if len(ids) != 1:
            raise ValueError("the three languages must hold the same caveats")
        return self

    @model_validator(mode="after")
    def _public_is_in_the_register(self) -> Indicator:
        known = self.counting == "strata" and self.denominator.measure in PUBLIC_MEASURES
        if self.denominator.public and not known:
            raise ValueError(
                "a public denominator is counted over strata and one of "
                f"{sorted(PUBLIC_MEASURES)}: nothing else is in the population register"
            )
        return self

    @model_validator(mode="after")
    def _months_have_dates(self) -> Indicator:
        if self.periods not in (("year",), ("year", "month"), ("year", "quarter")):
            raise ValueError("periods is [year], [year, month] or [year, quarter]")
        if self.part_of_year is None:
            return self
        if self.coverage.service not in DATED_SERVICES:
            raise ValueError(
                f"months and quarters need a service of {sorted(DATED_SERVICES)}, for which it is "
                "known which of them are covered"
            )
        if self.timing == "on_date" and self.coverage.service == "gp":
            raise ValueError("general practice is looked at once a year: no months on a date")
        among = "person_years" if self.timing == "flow" else "residents"
        if self.denominator.public and self.denominator.measure != among:
            raise ValueError(
                "among the public, parts of a year are counted per person_years (timing: flow) or "
                "residents (timing: on_date)"
            )
        if self.numerator.part_of is not None:
            raise ValueError("a numerator that is part of another has no months or quarters")
        return self

    @model_validator(mode="after")
    def _splits_events(self) -> Indicator:
        if not self.breakdowns:
            return self
        if len(set(self.breakdowns)) != len(self.breakdowns):
            raise ValueError("breakdowns: one is there twice")
        if self.denominator.public or self.numerator.part_of is not None:
            raise ValueError(
                "breakdowns: a public denominator has no attributes of events, and a numerator "
                "that is part of another is protected with it alone; neither is split"
            )
        if self.counting == "strata" and not self.repeat_events:
            raise ValueError(
                "breakdowns: persons may be of several values, which then do not add up to the "
                "year; only events are split"
            )
        return self

    @model_validator(mode="after")
    def _pools_persons(self) -> Indicator:
        if self.pooled_years is None:
            return self
        if self.counting != "strata" or self.numerator.measure in PUBLIC_NUMERATORS:
            raise ValueError("pooled_years: only events and states of persons are pooled")
        if self.magnitude or self.full_count or self.numerator.part_of is not None:
            raise ValueError(
                "pooled_years: amounts, full counts and parts of another numerator are not pooled"
            )
        if self.part_of_year is not None:
            raise ValueError("pooled_years: an indicator has shorter periods or longer, not both")
        return self

    @model_validator(mode="after")
    def _has_a_middle(self) -> Indicator:
        if self.median is None:
            return self
        amounts = self.kind == "rate" and self.magnitude and not self.denominator.public
        if not amounts or self.multiplier != 1:
            raise ValueError(
                "median: only amounts per person counted have one (kind: rate, magnitude: true, "
                "multiplier: 1, a denominator that is not public)"
            )
        return self

    @model_validator(mode="after")
    def _groups_ordered(self) -> Indicator:
        groups = self.age_groups
        if list(groups) != sorted(set(groups)):
            raise ValueError("age_groups must be ascending lower bounds without repeats")
        if groups and groups[0] != self.ages.min:
            raise ValueError("the first age group must begin at ages.min")
        return self

    @property
    def part_of_year(self) -> Literal["month", "quarter"] | None:
        """What is published beside the year: its months, its quarters, or neither."""
        return next((part for part in self.periods if part != "year"), None)

    @property
    def unit(self) -> str:
        """Unit of the indicator's values: ``percent`` for shares, ``days_per_1000_persons``."""
        if self.multiplier == PERCENT and self.kind == "proportion":
            return "percent"
        return f"{self.numerator.unit}_per_{self.multiplier}_{self.denominator.unit}"

    @property
    def age_max(self) -> int:
        """Upper age limit in years, ``OPEN_AGE`` when there is none."""
        return OPEN_AGE if self.ages.max is None else self.ages.max

    def age_bands(self) -> tuple[tuple[int, int, str], ...]:
        """Published age groups as (lowest age, highest age, label), in order."""
        ends = (*(lower - 1 for lower in self.age_groups[1:]), self.age_max)
        return tuple(
            (low, high, age_label(low, high))
            for low, high in zip(self.age_groups, ends, strict=True)
        )


def age_label(low: int, high: int) -> str:
    """Label of an age group: ``18-44``, or ``80+`` where it is open."""
    return f"{low}+" if high >= OPEN_AGE else f"{low}-{high}"


class PolicyTexts(Strict):
    """The rule as it is printed on a page."""

    title: str
    rule: str


class Policy(Strict):
    """A disclosure policy.

    ``rules`` is read by the door that applies it, which refuses any option it does not know.
    """

    id: Identifier
    version: int = Field(ge=1)
    kind: Literal["table", "microdata", "strata"]
    rules: dict[str, object]
    owner: str
    reason: str
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    texts: dict[Language, PolicyTexts]

    @field_validator("texts")
    @classmethod
    def _every_language(cls, texts: dict[Language, PolicyTexts]) -> dict[Language, PolicyTexts]:
        return dict(every_language(texts))

    @field_validator("date", mode="before")
    @classmethod
    def _date_text(cls, value: object) -> str:
        return str(value)
