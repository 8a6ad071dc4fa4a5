"""What a k-anonymous table must hold to: the policy of the microdata door.

Belongs here: the policy as plain, checked values. Does not belong here: its execution
(``anonymization.microdata``) and the policy of tables (``anonymization.tables``).

What is not built yet is refused by name. An option that were accepted and ignored would promise a
protection that is not there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from anonymization.hierarchies import Hierarchy


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
        if not self.weight > 0:
            raise PolicyError(f"Quasi-identifier {self.name!r}: expected a weight above 0.")


@dataclass(frozen=True)
class SensitiveAttribute:
    """An attribute that nobody should learn of a person by way of the person's class.

    Attributes:
        name: Column.
        l: Least number of distinct values in each class; a missing value counts as one.
        diversity: Only ``distinct`` for now (Machanavajjhala et al. 2007).
        c: Of recursive diversity; not supported yet.
        t: Of t-closeness; not supported yet.
        distance: Of t-closeness; not supported yet.
    """

    name: str
    l: int = 2  # noqa: E741 - the literature's name
    diversity: str = "distinct"
    c: float | None = None
    t: float | None = None
    distance: str | None = None

    def __post_init__(self) -> None:
        subject = f"Sensitive attribute {self.name!r}"
        _only(f"{subject}: diversity", self.diversity, "distinct", ("entropy", "recursive"))
        _only(f"{subject}: c", self.c, None, ())
        _only(f"{subject}: t", self.t, None, ())
        _only(f"{subject}: distance", self.distance, None, ())
        if self.l < 1:
            raise PolicyError(f"{subject}: expected l of 1 or more, got {self.l}.")


@dataclass(frozen=True)
class MicrodataPolicy:
    """What a table must hold to before analysts may read it.

    Attributes:
        k: Least number of records in a class of equal quasi-identifiers (Sweeney 2002). One record
            must be one person; see ``anonymization.person_year_table``.
        quasi_identifiers: What is generalised.
        sensitive: What must be diverse in every class.
        insensitive: Further columns that stay as they are. Every column that the policy does not
            name is dropped.
        suppression_limit: Greatest share of records (0 to 1) that may be left out because their
            class fails.
        method: Only ``global`` for now: one level per attribute for the whole table.
        loss: Only ``ncp`` for now: mean over records and attributes of
            (leaves - 1) / (domain - 1); a suppressed record counts 1.
        aggregate: Only ``mean`` (weighted) for now.
        seed: Only 0 for now: the global method draws nothing at random.
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

    def __post_init__(self) -> None:
        for field in ("quasi_identifiers", "sensitive", "insensitive"):
            object.__setattr__(self, field, _tuple(getattr(self, field)))
        _only("method", self.method, "global", ("local", "partition"))
        _only("loss", self.loss, "ncp", ("coverage", "discernibility", "entropy", "aecs"))
        _only("aggregate", self.aggregate, "mean", ("geometric",))
        _only("seed", self.seed, 0, ())
        if self.k < 1:
            raise PolicyError(f"k: expected 1 or more, got {self.k}.")
        if not 0 <= self.suppression_limit <= 1:
            raise PolicyError(
                f"suppression_limit: expected a share from 0 to 1, got {self.suppression_limit}."
            )
        if not self.quasi_identifiers:
            raise PolicyError("quasi_identifiers: expected at least one.")
        names = self.columns
        if len(set(names)) != len(names):
            raise PolicyError("A column may be named only once in a policy.")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the policy names, in the order of the table it makes."""
        return (
            *(attribute.name for attribute in self.quasi_identifiers),
            *(attribute.name for attribute in self.sensitive),
            *self.insensitive,
        )


def _only(option: str, got: Any, supported: Any, later: tuple[str, ...]) -> None:  # noqa: ANN401
    if got == supported:
        return
    if got in later or not isinstance(got, str):
        raise NotSupportedError(
            f"{option}={got!r} is not supported yet; only {supported!r} is. Leave it out."
        )
    raise PolicyError(f"{option}: expected {supported!r}; got {got!r}.")


def _tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    if isinstance(values, str):
        raise PolicyError("Expected a list of columns, got one string. Put it in a list.")
    return tuple(values)
