"""Rows, seconds and bytes: what every asset reports of itself.

Belongs here: the shape of that metadata. Does not belong here: any other fact about an asset.
"""

from pathlib import Path
from time import perf_counter


class Measure:
    """Starts counting seconds when it is made."""

    def __init__(self) -> None:
        self._begun = perf_counter()

    def of(self, rows: int, *files: Path) -> dict[str, int | float]:
        """Metadata of one asset.

        Args:
            rows: Rows it holds.
            files: Files it was written to.

        Returns:
            ``dagster/row_count``, ``seconds`` since the measure was made, ``bytes`` on disk.
        """
        return {
            "dagster/row_count": rows,
            "seconds": round(perf_counter() - self._begun, 2),
            "bytes": sum(file.stat().st_size for file in files),
        }
