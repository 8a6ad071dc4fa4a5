"""Dates, dateTimes and times of any precision: comparing them, and their boundaries.

Belongs here: SQL over their FHIR text. Does not belong here: which operands may meet.

A partial date is a span of time. One date is before another when its whole span is; two of one
span are equal; where spans overlap otherwise nothing is known, and the answer is null. A value
without a zone that meets one with a zone may lie anywhere between UTC+14 and UTC-12, as the
boundary functions have it.
"""

from __future__ import annotations

MOMENTS = frozenset(("date", "dateTime", "instant"))
TIME = "time"

_ZONE = r"'(Z|[+-]\d{2}:\d{2})$'"
_DAY_OF_TIME = "1970-01-01T"
_FIRST = "'0001-01-01T00:00:00'"


def compared_sql(operator: str, left: str, right: str, time: bool, fresh: tuple[str, str]) -> str:
    """A comparison; null where the precision of the two does not tell.

    Args:
        operator: One of ``= != < <= > >=``.
        left: SQL of the text on the left.
        right: SQL of the text on the right.
        time: Both are times of day.
        fresh: Two names for lambdas.
    """
    if operator in (">", ">="):
        left, right, operator = right, left, operator.replace(">", "<")
    a, b = fresh
    lows = {side: _bound(side, other, "lo", "14 HOUR", "-") for side, other in ((a, b), (b, a))}
    highs = {side: _bound(side, other, "hi", "12 HOUR", "+") for side, other in ((a, b), (b, a))}
    same = f"({lows[a]} = {lows[b]} AND {highs[a]} = {highs[b]})"
    before, after = f"{highs[a]} < {lows[b]}", f"{lows[a]} > {highs[b]}"
    answer = {
        "=": f"CASE WHEN {same} THEN true WHEN {before} OR {after} THEN false END",
        "!=": f"CASE WHEN {same} THEN false WHEN {before} OR {after} THEN true END",
        "<": f"CASE WHEN {before} THEN true WHEN {after} OR {same} THEN false END",
        "<=": f"CASE WHEN {before} OR {same} THEN true WHEN {after} THEN false END",
    }[operator]
    inner = f"list_transform([{_span(right, time, b)}], lambda {b}: {answer})[1]"
    return f"(list_transform([{_span(left, time, a)}], lambda {a}: {inner})[1])"


def _bound(side: str, other: str, end: str, most: str, sign: str) -> str:
    widened = f"{side}.zone IS NULL AND {other}.zone IS NOT NULL"
    return (
        f"({side}.{end} {sign} CASE WHEN {widened} THEN INTERVAL {most} ELSE INTERVAL 0 HOUR END)"
    )


def _span(sql: str, time: bool, name: str) -> str:
    """A struct of the first and last moment (UTC where there is a zone), and the zone."""
    text = f"('{_DAY_OF_TIME}' || {sql})" if time else sql
    t, p, m = f"{name}t", f"{name}p", f"{name}m"
    parts = (
        f"struct_pack(core := regexp_replace({t}, {_ZONE}, ''), "
        f"zone := nullif(regexp_extract({t}, {_ZONE}, 1), ''))"
    )
    offset = (
        f"CASE WHEN {p}.zone IS NULL OR {p}.zone = 'Z' THEN INTERVAL 0 MINUTE ELSE "
        f"to_minutes(CAST({p}.zone[1] || '1' AS BIGINT) * "
        f"(60 * CAST({p}.zone[2:3] AS BIGINT) + CAST({p}.zone[5:6] AS BIGINT))) END"
    )
    moments = (
        f"struct_pack(lo := CAST({p}.core || substr({_FIRST}, length({p}.core) + 1) AS TIMESTAMP) "
        f"- {offset}, n := length({p}.core), zone := {p}.zone)"
    )
    width = (
        f"CASE {m}.n WHEN 4 THEN INTERVAL 1 YEAR WHEN 7 THEN INTERVAL 1 MONTH "
        f"WHEN 10 THEN INTERVAL 1 DAY WHEN 13 THEN INTERVAL 1 HOUR WHEN 16 THEN INTERVAL 1 MINUTE "
        f"ELSE INTERVAL 1 MICROSECOND END"
    )
    span = (
        f"struct_pack(lo := {m}.lo, hi := {m}.lo + {width} - INTERVAL 1 MICROSECOND, "
        f"zone := {m}.zone)"
    )
    return (
        f"(list_transform(list_transform(list_transform([{text}], lambda {t}: {parts}), "
        f"lambda {p}: {moments}), lambda {m}: {span})[1])"
    )


def boundary_sql(sql: str, kind: str, high: bool, name: str) -> str:
    """The earliest or latest moment of a value, as text: dates to the day, times to milliseconds.

    Args:
        sql: SQL of the text.
        kind: FHIR type.
        high: The latest.
        name: A name for a lambda.
    """
    t = name
    day = (
        f"(CASE length({t}) WHEN 4 THEN {t} || '-12-31' WHEN 7 THEN "
        f"strftime(last_day(CAST({t} || '-01' AS DATE)), '%Y-%m-%d') ELSE {t} END)"
        if high
        else f"({t} || substr('0001-01-01', length({t}) + 1))"
    )
    clock = "23:59:59.999" if high else "00:00:00.000"
    if kind == "date":
        body = day
    elif kind == TIME:
        body = f"({t} || substr('{clock}', length({t}) + 1))"
    else:
        zone = "-12:00" if high else "+14:00"
        core = f"regexp_replace({t}, {_ZONE}, '')"
        given = f"nullif(regexp_extract({t}, {_ZONE}, 1), '')"
        body = (
            f"(CASE WHEN contains({t}, 'T') THEN {core} || "
            f"substr('0001-01-01T{clock}', length({core}) + 1) || coalesce({given}, '{zone}') "
            f"ELSE {day} || 'T{clock}{zone}' END)"
        )
    return f"(list_transform([{sql}], lambda {t}: {body})[1])"


def decimal_boundary_sql(sql: str, high: bool, name: str) -> str:
    """The least or greatest number that is written like this one, half of its last digit away.

    Args:
        sql: SQL of the decimal as it is written.
        high: The greatest.
        name: A name for a lambda.
    """
    t = name
    power = f"nullif(regexp_extract({t}, '[eE]([+-]?\\d+)$', 1), '')"
    fraction = f"length(regexp_extract({t}, '\\.(\\d+)', 1))"
    digits = f"({fraction} - coalesce(CAST({power} AS BIGINT), 0))"
    half = f"0.5 * pow(10, -{digits})"
    sign = "+" if high else "-"
    body = f"round(CAST({t} AS DOUBLE) {sign} {half}, CAST({digits} + 1 AS INTEGER))"
    return f"(list_transform([{sql}], lambda {t}: {body})[1])"
