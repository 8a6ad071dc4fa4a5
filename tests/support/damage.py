"""Damage a delivery in ways that deliveries are damaged in.

Belongs here: one function, ``plant_damage``. Does not belong here: what must come of it.

Damage to a line or to what a file holds keeps the manifest true to the damaged bytes, so that the
line itself has to be found. Damage to a file or its manifest does not.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal[
    "broken_line",
    "nul",
    "bad_utf8",
    "duplicate_key",
    "oversized_field",
    "truncated_gzip",
    "flipped_bit",
    "wrong_count",
    "unknown_entity",
    "missing_manifest",
]
LINE_KINDS: tuple[Kind, ...] = (
    "broken_line",
    "nul",
    "bad_utf8",
    "duplicate_key",
    "oversized_field",
)
FILE_KINDS: tuple[Kind, ...] = ("truncated_gzip", "flipped_bit", "wrong_count", "unknown_entity")
DELIVERY_KINDS: tuple[Kind, ...] = ("missing_manifest",)
KINDS = LINE_KINDS + FILE_KINDS + DELIVERY_KINDS

_LineDamage = Callable[[bytes, int], bytes]
_LINE_DAMAGE: dict[str, _LineDamage] = {
    "broken_line": lambda line, _: line[: len(line) // 2],
    "nul": lambda line, _: line[:20] + b"\x00" + line[20:],
    "bad_utf8": lambda line, _: line.replace(b'"id":"', b'"id":"\xff\xfe', 1),
    "duplicate_key": lambda line, _: b'{"id":"twice",' + line[1:],
    "oversized_field": lambda line, size: line[:-1] + b',"implicitRules":"' + b"x" * size + b'"}',
}


@dataclass(frozen=True)
class Damage:
    """What was damaged: the level, the file (null for the delivery) and the line (from 1)."""

    kind: Kind
    level: Literal["line", "file", "delivery"]
    file: str | None
    line: int | None


def plant_damage(
    delivery_dir: Path,
    kind: Kind,
    *,
    entity: str | None = None,
    line: int = 2,
    oversize: int = 20_000_000,
) -> Damage:
    """Damage one delivery.

    Args:
        delivery_dir: Folder with ``manifest.json``.
        kind: What kind of damage.
        entity: Which entity's first file; by default the first file that the kind can hit.
        line: Which line, from 1, for damage to a line.
        oversize: Bytes of the oversized field.

    Returns:
        What was damaged.

    Raises:
        ValueError: If the kind is unknown, or no file fits it.
    """
    if kind not in KINDS:
        raise ValueError(f"plant_damage: expected one of {', '.join(KINDS)}; got {kind!r}.")
    path = delivery_dir / "manifest.json"
    if kind == "missing_manifest":
        path.unlink()
        return Damage(kind, "delivery", None, None)
    manifest = json.loads(path.read_text(encoding="utf-8"))
    listed = _choose(manifest["files"], kind, entity)
    file = delivery_dir / listed["name"]
    if kind in LINE_KINDS:
        _damage_line(file, kind, line, oversize)
        _tell_truth(listed, file)
        damage = Damage(kind, "line", listed["name"], line)
    else:
        damage = Damage(kind, "file", _damage_file(delivery_dir, listed, kind), None)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return damage


def _choose(files: list[dict], kind: Kind, entity: str | None) -> dict:
    for listed in files:
        packed = listed["compression"] == "gzip" or kind != "truncated_gzip"
        if packed and entity in (None, listed["entity"]):
            return listed
    raise ValueError(f"plant_damage: no file of {entity or 'any entity'} fits {kind!r}.")


def _tell_truth(listed: dict, file: Path) -> None:
    content = file.read_bytes()
    listed["bytes"] = len(content)
    listed["sha256"] = hashlib.sha256(content).hexdigest()


def _damage_line(file: Path, kind: Kind, line: int, oversize: int) -> None:
    packed = file.suffix == ".gz"
    content = file.read_bytes()
    lines = (gzip.decompress(content) if packed else content).split(b"\n")
    if not 1 <= line < len(lines):
        raise ValueError(f"plant_damage: expected a line from 1 to {len(lines) - 1}, got {line}.")
    lines[line - 1] = _LINE_DAMAGE[kind](lines[line - 1], oversize)
    joined = b"\n".join(lines)
    file.write_bytes(gzip.compress(joined, compresslevel=1, mtime=0) if packed else joined)


def _damage_file(delivery_dir: Path, listed: dict, kind: Kind) -> str:
    file = delivery_dir / listed["name"]
    content = file.read_bytes()
    if kind == "truncated_gzip":
        file.write_bytes(content[: len(content) * 2 // 3])
        _tell_truth(listed, file)
    elif kind == "flipped_bit":
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif kind == "wrong_count":
        listed["rows"] += 1
    else:
        name = listed["name"].replace(listed["entity"], "Spaceship", 1)
        file.rename(delivery_dir / name)
        listed["name"], listed["entity"] = name, "Spaceship"
    return listed["name"]
