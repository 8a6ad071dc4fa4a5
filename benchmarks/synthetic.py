"""Make and write a synthetic region, and print rows by entity, seconds and peak memory.

Usage: python benchmarks/synthetic.py [--scale 0.1] [--years 3] [--format tables] [--life]
[--out FOLDER]. Without a folder what is written is thrown away.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

from pipelines.synthetic import FORMATS, Format, SyntheticSettings, generate_tables, write_extract


def peak() -> float:
    """GiB of memory that this process has needed at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def told(step: str, rows: int, seconds: float) -> None:
    """One line a step."""
    print(f"{step:<26} {rows:>12,} rows {seconds:7.1f} s   peak {peak():.2f} GiB", flush=True)


def measure(settings: SyntheticSettings, form: Format, out: Path) -> None:
    """Make, write and print."""
    begun = perf_counter()
    region = generate_tables(settings, told)
    made = perf_counter()
    deliveries = write_extract(region, out, told, form=form)
    written = perf_counter()
    rows: Counter[str] = Counter()
    for delivery in deliveries:
        rows.update(delivery.rows)
    print()
    for name, count in rows.most_common():
        print(f"{name:<26} {count:>12,}")
    size = sum(delivery.bytes for delivery in deliveries) / 1e9
    print(f"{'all':<26} {sum(rows.values()):>12,} rows, {size:.2f} GB in {form}")
    print(f"made in {made - begun:.0f} s, written in {written - made:.0f} s, peak {peak():.2f} GiB")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--format", choices=FORMATS, default="tables")
    parser.add_argument("--life", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    settings = SyntheticSettings(scale=given.scale, years=given.years, whole=True, life=given.life)
    if given.out is not None:
        measure(settings, given.format, given.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(settings, given.format, Path(folder))


if __name__ == "__main__":
    main()
