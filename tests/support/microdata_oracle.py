"""Slow counts of what the microdata door measures, straight from the definitions.

Belongs here: classes as lists of records, distances by other formulas than the library's, every
node of a lattice tried on records. Does not belong here: anything of the library.
"""

import math
from collections import Counter
from itertools import product

from scipy.stats import wasserstein_distance


def classes_of(keys, values):
    """Lists of values by key."""
    classes = {}
    for key, value in zip(keys, values, strict=True):
        classes.setdefault(key, []).append(value)
    return classes


def effective(members):
    shares = [n / len(members) for n in Counter(members).values()]
    return math.exp(-sum(q * math.log(q) for q in shares))


def recursive(members, least):
    counts = sorted(Counter(members).values(), reverse=True)
    tail = sum(counts[least - 1 :])
    return counts[0] / tail if tail else math.inf


def equal(members, whole):
    inside, outside = Counter(members), Counter(whole)
    values = set(inside) | set(outside)
    return 0.5 * sum(abs(inside[v] / len(members) - outside[v] / len(whole)) for v in values)


def ordered(members, whole, order):
    if len(order) < 2:
        return 0.0
    places = {value: index for index, value in enumerate(order)}
    inside, outside = ([places[v] for v in part] for part in (members, whole))
    return wasserstein_distance(inside, outside) / (len(order) - 1)


def hierarchical(members, whole, paths):
    """By the flow over each edge of the tree: two leaves meet half their distance up."""
    height = len(next(iter(paths.values()))) - 1
    if height < 1:
        return 0.0
    flow = 0.0
    for level in range(height):
        inside = Counter(paths[v][level] for v in members)
        outside = Counter(paths[v][level] for v in whole)
        nodes = set(inside) | set(outside)
        flow += sum(abs(inside[n] / len(members) - outside[n] / len(whole)) for n in nodes)
    return flow / (2 * height)


class Column:
    """A column with its hierarchy as a table from value to labels."""

    def __init__(self, values, table, weight=1.0):
        self.values, self.weight = values, weight
        self.paths = {row[0]: list(row) for row in table}
        height = len(table[0])
        lacking, ends = None in values and None not in self.paths, {row[-1] for row in table}
        if height == 1 or len(ends) > 1 or (lacking and "*" not in ends):
            self.paths = {value: [*path, "*"] for value, path in self.paths.items()}
        if lacking:
            height = len(next(iter(self.paths.values())))
            self.paths[None] = [None] * (height - 1) + ["*"]
        self.height = len(next(iter(self.paths.values())))
        self.domain = len(self.paths)
        self.leaves = [
            Counter(path[level] for path in self.paths.values()) for level in range(self.height)
        ]
        self.seen = Counter(values)

    def labels(self, level):
        return [self.paths[value][level] for value in self.values]


def best_node(columns, sensitive, holds, loss, k, allowed):
    """Least loss over all nodes, and all nodes that have it; none when there is none."""
    number = len(columns[0].values)
    found = []
    for levels in product(*(range(column.height) for column in columns)):
        keys = list(zip(*(c.labels(n) for c, n in zip(columns, levels, strict=True)), strict=True))
        sizes = Counter(keys)
        bad = {key for key in sizes if sizes[key] < k}
        for values, check in zip(sensitive, holds, strict=True):
            bad |= {key for key, m in classes_of(keys, values).items() if not check(m, values)}
        gone = [key in bad for key in keys]
        if sum(gone) <= allowed:
            found.append((loss(columns, levels, keys, gone, k) if number else 0.0, levels))
    if not found:
        return None
    least = min(loss for loss, _ in found)
    return least, {levels for loss, levels in found if loss <= least + 1e-9}


def _cells(cell):
    def by_attribute(columns, levels, gone):
        """Levels of the columns; or, for each column, of each record."""
        parts = []
        for c, level in zip(columns, levels, strict=True):
            each = [level] * len(gone) if isinstance(level, int) else level
            rows = zip(each, c.values, gone, strict=True)
            parts.append(sum(cell(c, n, v, g) for n, v, g in rows) / len(gone))
        return parts

    return by_attribute


def _mean(by_attribute):
    def loss(columns, levels, keys, gone, k):
        parts = by_attribute(columns, levels, gone)
        weights = [c.weight for c in columns]
        return sum(w * p for w, p in zip(weights, parts, strict=True)) / sum(weights)

    return loss


def _geometric(by_attribute):
    def loss(columns, levels, keys, gone, k):
        parts = by_attribute(columns, levels, gone)
        total = sum(c.weight for c in columns)
        return math.prod(p ** (c.weight / total) for c, p in zip(columns, parts, strict=True))

    return loss


def _ncp(column, level, value, gone):
    leaves = column.leaves[level][column.paths[value][level]]
    return 1.0 if gone else (leaves - 1) / max(column.domain - 1, 1)


def _coverage(column, level, value, gone):
    leaves = column.leaves[level][column.paths[value][level]]
    return 1.0 if gone else leaves / column.domain


def _entropy(column, level, value, gone):
    number, own = len(column.values), column.seen[value]
    everything = sum(math.log(number / column.seen[v]) for v in column.values) / number
    if everything <= 0:
        return 0.0
    label = column.paths[value][level]
    together = sum(n for v, n in column.seen.items() if column.paths[v][level] == label)
    return math.log((number if gone else together) / own) / everything


def _discernibility(columns, levels, keys, gone, k):
    sizes = Counter(keys)
    return sum(len(keys) if g else sizes[key] for key, g in zip(keys, gone, strict=True)) / (
        len(keys) ** 2
    )


def _aecs(columns, levels, keys, gone, k):
    stay = {key for key, g in zip(keys, gone, strict=True) if not g}
    return len(keys) / max(len(stay), 1) / k


LOSSES = {
    ("ncp", "mean"): _mean(_cells(_ncp)),
    ("coverage", "mean"): _mean(_cells(_coverage)),
    ("coverage", "geometric"): _geometric(_cells(_coverage)),
    ("entropy", "mean"): _mean(_cells(_entropy)),
    ("discernibility", "mean"): _discernibility,
    ("aecs", "mean"): _aecs,
}
