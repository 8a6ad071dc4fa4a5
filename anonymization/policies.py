"""What a k-anonymous table must hold to: the policy of the microdata door.

Belongs here: the policy as plain, checked values. Does not belong here: its execution
(``anonymization.microdata``) and the policy of tables (``anonymization.tables``).

What is not built yet is refused by name. An option that were accepted and ignored would promise a
protection that is not there.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

from anonymization.hierarchies import Hierarchy

DIVERSITIES: Final = ("distinct", "entropy", "recursive")
DISTANCES: Final = ("equal", "ordered", "hierarchical")
METHODS: Final = ("global", "local", "partition")
MISSING: Final = ("value", "unmatched")
LOSSES: Final = ("ncp", "coverage", "entropy", "discernibility", "aecs")
AGGREGATES: Final = ("mean", "geometric")


class PolicyError(ValueError):
    """A policy contradicts itself or names something that does not exist."""


class NotSupportedError(PolicyError):
    """A policy asks for a model or method that is not built yet."""


@dataclass(frozen=True)
class QuasiIdentifier:
    """An attribute by which somebody could recognise a person.

    Attributes:
        name: Column.
        hierarchy: How its values are generalised. Without one they are kept as they are (a year
            that tables must not merge); rows are then suppressed where need be.
        weight: Its part in the loss, relative to the others.
    """

    name: str
    hierarchy: Hierarchy | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        subject = f"Quasi-identifier {self.name!r}"
        _is_a(f"{subject}: hierarchy", self.hierarchy, Hierarchy)
        _number(f"{subject}: weight", self.weight)
        if not 0 < self.weight < math.inf:
            raise PolicyError(f"Quasi-identifier {self.name!r}: expected a weight above 0.")


@dataclass(frozen=True)
class SensitiveAttribute:
    """An attribute that nobody should learn of a person by way of the person's class.

    Attributes:
        name: Column.
        l: How many values each class must hold, a missing value being one of them. ``distinct``:
            so many different ones; ``entropy``: so many equally frequent ones would be as mixed (a
            fraction is allowed); ``recursive``: the commonest must be rarer than c times all from
            the l-th commonest on. 1 asks for nothing (``distinct`` and ``entropy``).
        diversity: ``distinct``, ``entropy`` or ``recursive`` (Machanavajjhala et al. 2007).
        c: Of recursive diversity, above 0.
        t: Greatest distance (0 to 1) of a class from the table given (Li et al. 2007); none asks
            for nothing.
        distance: What it costs to turn one value into another: ``equal``, ``ordered`` or
            ``hierarchical``.
        order: The values as text in their order, for ``ordered`` where they have none of their
            own.
        hierarchy: The tree of the values, for ``hierarchical``.
    """

    name: str
    l: float = 2  # noqa: E741 - the literature's name
    diversity: str = "distinct"
    c: float | None = None
    t: float | None = None
    distance: str = "equal"
    order: tuple[str, ...] | None = None
    hierarchy: Hierarchy | None = None

    def __post_init__(self) -> None:
        subject = f"Sensitive attribute {self.name!r}"
        _one_of(f"{subject}: diversity", self.diversity, DIVERSITIES)
        _one_of(f"{subject}: distance", self.distance, DISTANCES)
        _is_a(f"{subject}: hierarchy", self.hierarchy, Hierarchy)
        _number(f"{subject}: l", self.l)
        for name, value in (("c", self.c), ("t", self.t)):
            _number(f"{subject}: {name}", 1 if value is None else value)
        if self.order is not None:
            object.__setattr__(self, "order", _tuple(self.order))
        self._check_diversity(subject)
        self._check_distance(subject)

    def _check_diversity(self, subject: str) -> None:
        if not 1 <= self.l < math.inf:
            raise PolicyError(f"{subject}: expected l of 1 or more, got {self.l}.")
        if self.diversity != "entropy" and self.l != int(self.l):
            raise PolicyError(
                f"{subject}: expected a whole number as l of {self.diversity} diversity, got "
                f"{self.l}."
            )
        if (self.c is not None) != (self.diversity == "recursive"):
            raise PolicyError(f"{subject}: give c with recursive diversity, and only with it.")
        if self.c is not None and not 0 < self.c < math.inf:
            raise PolicyError(f"{subject}: expected c above 0, got {self.c}.")

    def _check_distance(self, subject: str) -> None:
        if self.t is not None and not 0 <= self.t <= 1:
            raise PolicyError(f"{subject}: expected t from 0 to 1, got {self.t}.")
        if (self.hierarchy is not None) != (self.distance == "hierarchical"):
            raise PolicyError(
                f"{subject}: give a hierarchy with the hierarchical distance, and only with it."
            )
        if self.order is None:
            return
        if self.distance != "ordered":
            raise PolicyError(f"{subject}: give an order only with the ordered distance.")
        if len(set(self.order)) != len(self.order) or not self.order:
            raise PolicyError(f"{subject}: expected an order that names each value once.")


@dataclass(frozen=True)
class MicrodataPolicy:
    """What a table must hold to before analysts may read it.

    Attributes:
        k: Least number of persons in a class of equal quasi-identifiers (Sweeney 2002).
        quasi_identifiers: What is generalised.
        sensitive: What must be diverse in every class.
        insensitive: Further columns that stay as they are. Every column that the policy does not
            name is dropped.
        suppression_limit: Greatest share of records (0 to 1) that may be left out because their
            class fails.
        method: ``global``: one level per attribute for the whole table, the best there is;
            ``local``: each class as fine as it can be, never losing more than that; ``partition``:
            the best intervals of one ordered attribute within each combination of the others, which
            stay as they are.
        loss: What is made as small as possible: ``ncp``, ``coverage``, ``entropy``,
            ``discernibility`` or ``aecs``; defined in ``anonymization.losses``.
        aggregate: How the losses of attributes become one: weighted ``mean``, or ``geometric``
            mean, which only ``coverage`` has: any other loss of an attribute may be 0, and one
            untouched attribute would then make the rest free.
        seed: Only 0 for now: no method draws anything at random.
        person: Column that tells persons apart when one may have several records. ``k``, ``k_map``,
            diversity and closeness then count each person once per class, however many records the
            person has in it; loss and suppression count records. The column is not in the table
            made: records that could be joined by it would tell more than any one of them. None:
            each record is one person.
        missing: Of quasi-identifiers. ``value``: a missing value is a value of its own, so records
            that lack it are a crowd for one another. ``unmatched``: it matches nothing, not even
            another missing one, so a record that lacks a value is in a class of its own until the
            attribute is generalised to ``*``; where it is not, it is suppressed. Choose it where
            somebody may know the value that the table lacks.
        k_map: Least number of persons of the population in each class of the table (Sweeney 2002),
            1 or more; none asks for nothing. Needs a population.
        presence: Least and greatest share (0 to 1) of the population's persons that the table may
            have in each class (delta-presence: Nergiz, Atzori and Clifton 2007). A least share
            above 0 is also asked of classes of the population that the table does not have, and
            allows no suppression: who is left out is known to be absent. Needs a population.
        ordered: The attribute of ``partition``: whole numbers, dates or an enumeration. Without a
            hierarchy every value observed is a band that intervals are made of; with
            ``Hierarchy.intervals([5], lower=0, upper=119)`` each five numbers are.
        periods: A quasi-identifier of ``partition`` whose values share the intervals, such as the
            year: each of them must hold what is asked, so that years can be set side by side.
    """

    quasi_identifiers: tuple[QuasiIdentifier, ...]
    k: int = 5
    sensitive: tuple[SensitiveAttribute, ...] = ()
    insensitive: tuple[str, ...] = ()
    suppression_limit: float = 0.0
    method: str = "global"
    loss: str = "ncp"
    aggregate: str = "mean"
    seed: int = 0
    person: str | None = None
    missing: str = "value"
    k_map: int | None = None
    presence: tuple[float, float] | None = None
    ordered: str | None = None
    periods: str | None = None

    def __post_init__(self) -> None:
        for field in ("quasi_identifiers", "sensitive", "insensitive"):
            object.__setattr__(self, field, _tuple(getattr(self, field)))
        _each("quasi_identifiers", self.quasi_identifiers, QuasiIdentifier)
        _each("sensitive", self.sensitive, SensitiveAttribute)
        _each("insensitive", self.insensitive, str)
        _one_of("method", self.method, METHODS)
        _only("seed", self.seed, 0, ())
        _one_of("loss", self.loss, LOSSES)
        _one_of("aggregate", self.aggregate, AGGREGATES)
        if self.aggregate == "geometric" and self.loss != "coverage":
            raise PolicyError(
                f"aggregate='geometric': expected loss='coverage', got {self.loss!r}, which one "
                "untouched attribute would make 0. Take coverage, or the mean."
            )
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise PolicyError(f"k: expected a whole number of 1 or more, got {self.k}.")
        _number("suppression_limit", self.suppression_limit)
        if not 0 <= self.suppression_limit <= 1:
            raise PolicyError(
                f"suppression_limit: expected a share from 0 to 1, got {self.suppression_limit}."
            )
        if not self.quasi_identifiers:
            raise PolicyError("quasi_identifiers: expected at least one.")
        names = self.needed
        if len(set(names)) != len(names):
            raise PolicyError(
                "A column may be named only once in a policy, and the person's is not in the table."
            )
        self._check_population()
        self._check_partition()
        _one_of("missing", self.missing, MISSING)
        if self.missing == "unmatched" and max(self.k, self.k_map or 0) < 2:
            raise PolicyError("missing='unmatched' asks for nothing with k=1. Raise k.")

    def _check_population(self) -> None:
        if self.k_map is not None and (
            isinstance(self.k_map, bool) or not isinstance(self.k_map, int) or self.k_map < 1
        ):
            raise PolicyError(f"k_map: expected a whole number of 1 or more, got {self.k_map!r}.")
        if self.presence is None:
            return
        shares = _tuple(self.presence)
        for share in shares:
            _number("presence", share)
        object.__setattr__(self, "presence", shares)
        if len(shares) != 2 or not 0 <= shares[0] <= shares[1] <= 1 or shares[1] == 0:
            raise PolicyError(
                f"presence: expected a least and a greatest share from 0 to 1, got {list(shares)}."
            )
        if shares[0] > 0 and self.suppression_limit > 0:
            raise PolicyError(
                "presence: a least share above 0 allows no suppression, since who is left out is "
                "known to be absent. Take suppression_limit=0, or a least share of 0."
            )

    def _check_partition(self) -> None:
        if self.method != "partition":
            if self.ordered is not None or self.periods is not None:
                raise PolicyError("ordered, periods: only method='partition' has them.")
            return
        by_name = {attribute.name: attribute for attribute in self.quasi_identifiers}
        if self.ordered not in by_name:
            raise PolicyError("ordered: method='partition' needs one of the quasi-identifiers.")
        if self.periods is not None and (
            self.periods not in by_name or self.periods == self.ordered
        ):
            raise PolicyError("periods: expected another quasi-identifier than the ordered one.")
        fixed = [a.name for a in self.quasi_identifiers if a.hierarchy and a.name != self.ordered]
        if fixed:
            raise PolicyError(
                f"method='partition' keeps {', '.join(fixed)} as they are. Leave their hierarchies "
                "out, or take another method."
            )
        hierarchy = by_name[self.ordered].hierarchy
        if hierarchy is not None and hierarchy.bands() is None:
            raise PolicyError(
                f"Quasi-identifier {self.ordered!r}: a partition takes no hierarchy but intervals "
                "of one width, which its own are made of."
            )
        if self.loss == "entropy":
            raise PolicyError(
                "loss='entropy' is no sum over intervals. Take ncp, coverage, discernibility or "
                "aecs with method='partition'."
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the policy names, in the order of the table it makes."""
        return (
            *(attribute.name for attribute in self.quasi_identifiers),
            *(attribute.name for attribute in self.sensitive),
            *self.insensitive,
        )

    @property
    def needed(self) -> tuple[str, ...]:
        """Every column that is read."""
        return (*self.columns, *([] if self.person is None else [self.person]))


def _only(option: str, got: Any, supported: Any, later: tuple[str, ...]) -> None:  # noqa: ANN401
    if got == supported:
        return
    if got in later or not isinstance(got, str):
        raise NotSupportedError(
            f"{option}={got!r} is not supported yet; only {supported!r} is. Leave it out."
        )
    raise PolicyError(f"{option}: expected {supported!r}; got {got!r}.")


def _each(option: str, got: tuple[Any, ...], kind: type) -> None:
    for one in got:
        if not isinstance(one, kind):
            raise PolicyError(
                f"{option}: expected each to be a {kind.__name__}, got {type(one).__name__}."
                + ("" if kind is str else f" Write {kind.__name__}(name, …) around the name.")
            )


def _is_a(option: str, got: Any, kind: type) -> None:  # noqa: ANN401
    if got is not None and not isinstance(got, kind):
        raise PolicyError(f"{option}: expected a {kind.__name__}, got {type(got).__name__}.")


def _number(option: str, got: Any) -> None:  # noqa: ANN401
    if isinstance(got, bool) or not isinstance(got, Real):
        raise PolicyError(f"{option}: expected a number, got {type(got).__name__}.")


def _one_of(option: str, got: str, offered: tuple[str, ...]) -> None:
    if got not in offered:
        raise PolicyError(f"{option}: expected one of {', '.join(offered)}; got {got!r}.")


def _tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    if isinstance(values, str):
        raise PolicyError("Expected a list of columns, got one string. Put it in a list.")
    if not isinstance(values, Iterable):
        raise PolicyError(f"Expected a list, got {type(values).__name__}. Put it in a list.")
    return tuple(values)
