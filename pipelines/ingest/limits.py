"""How much of what an ingest puts up with.

Belongs here: the limits and why they are what they are. Does not belong here: enforcing them.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits of one ingest.

    Attributes:
        bad_share: Share of a file's lines that may be quarantined (one in a thousand).
        bad_minimum: Lines that may be quarantined in a small file, where a thousandth is less than
            a line; never more than half of its lines.
        line_bytes: Longest line.
        file_bytes: Largest file after decompression.
        ratio: Largest ratio of decompression. Journal lines repeat themselves and shrink forty
            times or so; what shrinks hundreds of times is a bomb.
        ratio_after: Bytes from which on the ratio is judged; one absurdly long line should reach
            quarantine by itself.
        sample_lines: Lines whose fields are compared with what the standard and the catalogue know.
        sample_bytes: Bytes after which the sample ends.
        stretch_rows: Rows that are parsed and let through the door at once.
        rows_in_memory: Rows of a delivery past which what has passed the door is laid down in files
            until its tables are written.
        cut_rows: Rows of a table that are then sorted at once.
        fill_rows: Rows a file must have before an empty column is taken for a change at the source.
    """

    bad_share: float = 0.001
    bad_minimum: int = 10
    line_bytes: int = 4 * MIB
    file_bytes: int = 8 * 1024 * MIB
    ratio: float = 200.0
    ratio_after: int = 64 * MIB
    sample_lines: int = 100
    sample_bytes: int = 4 * MIB
    stretch_rows: int = 500_000
    rows_in_memory: int = 2_000_000
    cut_rows: int = 500_000
    fill_rows: int = 200

    def tolerated(self, rows: int) -> int:
        """Lines of a file with ``rows`` lines that may be quarantined before it is refused."""
        return max(int(rows * self.bad_share), min(self.bad_minimum, rows // 2))
