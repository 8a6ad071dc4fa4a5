"""The disclosure policy of a table: which cells are unsafe, and how wide is safe.

Here: the options and their limits. Not here: the rules' evaluation (``primary``) and the search
for a safe pattern (``secondary``). A policy cannot switch suppression or the audit off; a policy
for public facts sets ``threshold: 1`` and ``minimum_denominator: 0``, by which no count is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class MergeRule(BaseModel):
    """How members of one dimension are put together to groups that are published beside them.

    Groups follow from public facts alone, never from the counts (``merging``). Exactly one of
    ``minimum`` and ``window`` is given.

    Attributes:
        minimum: Size (such as inhabitants) that a group must reach; of several growing ones each
            makes groups of the groups before, so that a member is shown with the smallest safe
            one. Members that have the size themselves are in no group.
        window: Whole numbers (years) that make a group, counted from zero: 2 puts 2024 and 2025
            together. A window of which some code is not in the table makes none.
        providers: ``differ`` says that no provider is behind two members, so that a group has the
            sum of theirs; by default it has the largest number of any member.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum: tuple[float, ...] = ()
    window: int | None = Field(default=None, ge=2)
    providers: Literal["may_be_shared", "differ"] = "may_be_shared"

    @model_validator(mode="after")
    def _is_one_rule(self) -> MergeRule:
        if bool(self.minimum) == (self.window is not None):
            raise ValueError("expected exactly one of minimum and window")
        growing = list(self.minimum) == sorted(set(self.minimum))
        if not growing or any(not 0 < least < float("inf") for least in self.minimum):
            raise ValueError("minimum: expected one or several growing sizes above 0")
        return self


class TablePolicy(BaseModel):
    """Rules by which cells are hidden and hidden cells are held to be safe.

    Attributes:
        threshold: Persons. A count of 1 to ``threshold - 1`` persons in the numerator, in its
            complement or in the denominator is unsafe.
        sensitive_threshold: Persons. The threshold of cells that are marked as sensitive; they are
            refused if null.
        protection_width: Units of the published value. Every hidden cell's feasible interval is
            at least this wide (less only where the public bounds alone are narrower).
        magnitude_width: Share of the value. For magnitudes (days, kroner) the interval is at
            least the larger of ``protection_width`` and this share of the cell's value.
        dominance: Share. A magnitude to which one person gives more than this is unsafe.
        min_contributors: Patients that must stand behind a figure (its denominator where there
            is one, else its numerator); none asked if null.
        min_providers: Providers or units that must stand behind a figure; none asked if null.
        weak_series: Share. A series of which more than this is unsafe is hidden whole; no series
            is if null.
        series: The dimension that a table's series run along, such as the year.
        zeros: Whether a zero (nobody has it) may be shown at all.
        full_groups: Whether 100 % (everybody has it) may be shown at all.
        minimum_denominator: Persons. Zeros and full groups are shown only in groups at least
            this large, where the size of the group is known.
        method: ``suppress`` hides cells; ``round`` publishes small counts as multiples of
            ``rounding_base`` instead, additively (counts only: no denominators, magnitudes or
            providers).
        rounding_base: Units. 5 leaves a small count four values wide; 3 leaves it two, which
            takes a ``protection_width`` of 2.
        rounding_limit: Units. No published cell strays further than this by rounding.
        redundancy_tests: Bound on the number of linear programmes spent on showing secondary
            cells again, per block. More tests hide less and take longer.
        exact_cells: Cells of an independent block up to which the least pattern is sought, and
            proven to be the least where it is found within a bounded effort. Raised so far that
            it holds a region's table of 1 242 cells it hides 5 per cent less by weight there
            than the search does.
        merge: Dimension → how its members are merged to groups that are shown where a member
            alone is not; none by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: int = Field(default=5, ge=1)
    sensitive_threshold: int | None = Field(default=None, ge=1)
    protection_width: float = Field(default=3.0, ge=1, allow_inf_nan=False)
    magnitude_width: float = Field(default=0.15, ge=0, le=1)
    dominance: float = Field(default=0.85, gt=0, le=1)
    min_contributors: int | None = Field(default=None, ge=1)
    min_providers: int | None = Field(default=None, ge=1)
    weak_series: float | None = Field(default=None, ge=0, lt=1)
    series: str | None = None
    zeros: Literal["show", "hide"] = "show"
    full_groups: Literal["show", "hide"] = "show"
    minimum_denominator: int = Field(default=20, ge=0)
    method: Literal["suppress", "round"] = "suppress"
    rounding_base: Literal[3, 5] = 5
    rounding_limit: int = Field(default=20, ge=1)
    redundancy_tests: int = Field(default=500, ge=0)
    exact_cells: int = Field(default=300, ge=0, le=5000)
    merge: Mapping[str, MergeRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _options_go_together(self) -> TablePolicy:
        if self.method == "round" and self.protection_width > self.rounding_base - 1:
            raise ValueError(
                f"rounding to base {self.rounding_base} leaves {self.rounding_base - 1} units of "
                "width: lower protection_width or take the other base"
            )
        if self.sensitive_threshold is not None and self.sensitive_threshold < self.threshold:
            raise ValueError("sensitive_threshold must not lie below threshold")
        hides = "hide" in (self.zeros, self.full_groups)
        others = (
            self.min_contributors,
            self.min_providers,
            self.sensitive_threshold,
            self.weak_series,
        )
        if self.method == "round" and (hides or any(rule is not None for rule in others)):
            raise ValueError("rounding knows no rule but the threshold: suppress instead")
        if self.method == "round" and self.merge:
            raise ValueError("merge: rounding hides nothing that could be merged")
        return self

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any]) -> TablePolicy:
        """Build a policy from a mapping, such as a parsed YAML file.

        Args:
            options: Option names and values; missing options take their defaults.

        Raises:
            pydantic.ValidationError: An option is unknown, of the wrong type or out of range.
        """
        return cls.model_validate(dict(options))
