"""FHIRPath, the part of it that ViewDefinitions need: from text to a syntax tree.

Belongs here: tokens, grammar and precedence (FHIRPath 2.0.0, http://hl7.org/fhirpath/N1/; the
subset of SQL on FHIR v2). Does not belong here: what an expression means (``expressions``).
What is outside the subset is refused by name, never skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Literal = str | int | float | bool


class FhirPathError(ValueError):
    """An expression that is not FHIRPath, or is FHIRPath that is not supported."""


@dataclass(frozen=True)
class Value:
    """A literal, and its FHIR type."""

    value: Literal
    type: str


@dataclass(frozen=True)
class Constant:
    """``%name``."""

    name: str


@dataclass(frozen=True)
class This:
    """``$this``, and the focus that a bare name starts from."""


@dataclass(frozen=True)
class Member:
    """``target.name``."""

    target: Node
    name: str


@dataclass(frozen=True)
class Call:
    """``target.name(arguments)``."""

    target: Node
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Index:
    """``target[position]``, from 0; the position is a literal or a constant."""

    target: Node
    position: Value | Constant


@dataclass(frozen=True)
class Binary:
    """``left operator right``; the operators are those of ``OPERATORS``."""

    operator: str
    left: Node
    right: Node


Node = Value | Constant | This | Member | Call | Index | Binary

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<moment>@T?[0-9](?:[0-9T:Z+-]|\.(?=[0-9]))*)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<constant>%[A-Za-z_][A-Za-z0-9_]*)
    | (?P<special>\$[A-Za-z]+)
    | (?P<quoted>`(?:[^`\\]|\\.)*`)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol>!=|<=|>=|!~|[=~<>+\-*/|&.,()\[\]{}@])
    )""",
    re.VERBOSE,
)
_LEVELS = (("or",), ("and",), ("=", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/"))
OPERATORS = tuple(operator for level in _LEVELS for operator in level)
"""The operators that are supported, the loosest first."""
REFUSED_OPERATORS = (
    *("xor", "implies", "in", "contains", "~", "!~", "|", "is", "as", "&", "div", "mod", "{}"),
)
"""What FHIRPath has beyond them; SQL on FHIR asks for none of it."""
_REFUSED = frozenset((*REFUSED_OPERATORS, "{"))
_MOMENTS = {
    "date": re.compile(r"\d{4}(-\d\d(-\d\d)?)?"),
    "dateTime": re.compile(
        r"\d{4}(-\d\d(-\d\d)?)?T(\d\d(:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?"
    ),
    "time": re.compile(r"T\d\d(:\d\d(:\d\d(\.\d+)?)?)?"),
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def parse(text: str) -> Node:
    """Parse one expression.

    Args:
        text: The expression.

    Raises:
        FhirPathError: It is malformed, or uses an operator outside the subset; names which.
    """
    parser = _Parser(text, _tokens(text))
    node = parser.binary(0)
    parser.expect_end()
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None or match.lastgroup is None:
            raise FhirPathError(f"{text!r}: not understood from character {position + 1} on.")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, text: str, tokens: list[tuple[str, str]]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._signed()
        left = self.binary(level + 1)
        while self._peek()[1] in _LEVELS[level] and self._peek()[0] in ("name", "symbol"):
            operator = self._take()[1]
            left = Binary(operator, left, self.binary(level + 1))
        return left

    def expect_end(self) -> None:
        kind, text = self._peek()
        if kind == "end":
            return
        if text in _REFUSED:
            raise FhirPathError(f"{self._text!r}: operator {text!r} is not supported.")
        raise FhirPathError(f"{self._text!r}: {text!r} was not expected here.")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._next += 1
        return token

    def _symbol(self, symbol: str) -> None:
        kind, text = self._peek()
        if (kind, text) != ("symbol", symbol):
            self._refuse_operator(text)
            raise FhirPathError(f"{self._text!r}: expected {symbol!r}, got {text or 'the end'!r}.")
        self._next += 1

    def _refuse_operator(self, text: str) -> None:
        if text in _REFUSED:
            raise FhirPathError(f"{self._text!r}: operator {text!r} is not supported.")

    def _signed(self) -> Node:
        if self._peek() not in (("symbol", "-"), ("symbol", "+")):
            return self._postfix()
        negative = self._take()[1] == "-"
        node = self._signed()
        return Binary("-", Value(0, "integer"), node) if negative else node

    def _postfix(self) -> Node:
        node = self._term()
        while self._peek() in (("symbol", "."), ("symbol", "[")):
            if self._take()[1] == ".":
                node = self._member(node)
            else:
                position = self.binary(0)
                whole = isinstance(position, Value) and position.type == "integer"
                if not isinstance(position, Value | Constant) or not (
                    whole or isinstance(position, Constant)
                ):
                    raise FhirPathError(f"{self._text!r}: an index must be a whole number.")
                self._symbol("]")
                node = Index(node, position)
        return node

    def _term(self) -> Node:
        kind, text = self._take()
        if kind == "string":
            return Value(_unescape(text[1:-1]), "string")
        if kind == "number":
            return Value(float(text), "decimal") if "." in text else Value(int(text), "integer")
        if kind == "moment":
            return self._moment(text[1:])
        if kind == "constant":
            return Constant(text[1:])
        if kind == "special":
            if text != "$this":
                raise FhirPathError(f"{self._text!r}: {text} is not supported.")
            return This()
        if kind == "name" and text in ("true", "false"):
            return Value(text == "true", "boolean")
        if kind in ("name", "quoted"):
            self._next -= 1
            return self._member(This())
        if (kind, text) == ("symbol", "("):
            node = self.binary(0)
            self._symbol(")")
            return node
        self._refuse_operator(text)
        raise FhirPathError(f"{self._text!r}: expected a value, got {text or 'the end'!r}.")

    def _moment(self, text: str) -> Node:
        for kind, pattern in _MOMENTS.items():
            if pattern.fullmatch(text):
                # In FHIRPath a T says that more could follow; in FHIR a dateTime goes without.
                return Value(text.strip("T"), kind)
        raise FhirPathError(f"{self._text!r}: '@' must be followed by a date, dateTime or time.")

    def _member(self, target: Node) -> Node:
        kind, text = self._take()
        if kind not in ("name", "quoted"):
            raise FhirPathError(f"{self._text!r}: expected a name after the dot.")
        name = _unescape(text[1:-1]) if kind == "quoted" else text
        if kind == "quoted" or self._peek() != ("symbol", "("):
            return Member(target, name)
        self._take()
        arguments: list[Node] = []
        if self._peek() != ("symbol", ")"):
            arguments.append(self.binary(0))
            while self._peek() == ("symbol", ","):
                self._take()
                arguments.append(self.binary(0))
        self._symbol(")")
        return Call(target, name, tuple(arguments))


def _unescape(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        return _ESCAPES.get(escape, escape)

    plain = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", replaced, text)
    if "\0" in plain:
        raise FhirPathError("a string must not hold a NUL character.")
    return plain
