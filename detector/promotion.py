"""Which model is in use: the last line of the record of promotions in DETECTOR_HOME, else the shipped one.

`models/promoted.json` is that record, and the pointer too: it is replaced as a whole by one rename, so that
every reader sees the old state or the new one, and no change of the model goes without its record.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detector.model import ModelError, sync_folder, write_synced
from detector.paths import SHIPPED, home

SHIPPED_NAME = "shipped"
MAX_BYTES = 16 << 20
_FIELDS = {
    "version": str,
    "hash": str,
    "action": str,
    "date": str,
    "by": str,
    "forced": bool,
    "objections": list,
    "reason": str,
}
_LATER = {"reason": ""}
"""Fields that older records lack."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the model in use. `version` is a folder in `models/` or "shipped"; `hash` that of its
    manifest; `action` "promote" or "rollback"; `objections` what the gate said against it, `reason` why it was
    done all the same."""

    version: str
    hash: str
    action: str
    date: str
    by: str = ""
    forced: bool = False
    objections: tuple[str, ...] = ()
    reason: str = ""


def models_folder() -> Path:
    """Where the user's models lie."""
    return home() / "models"


def read_promotions(folder: Path) -> list[Promotion]:
    """The record in `folder`, the oldest first; empty if nothing was ever promoted. Raises ModelError."""
    path = pointer(folder)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror or error}") from None
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
        return [_promotion(entry) for entry in json.loads(data)["history"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{path} is not a record of promotions ({error}): move it away to use the shipped model"
        ) from None


def _promotion(entry: dict[str, Any]) -> Promotion:
    entry = _LATER | entry
    for name, kind in _FIELDS.items():
        if not isinstance(entry[name], kind):
            raise ValueError(f"{name} is not a {kind.__name__}")
    if Path(entry["version"]).name != entry["version"] or entry["version"] in (".", ".."):
        raise ValueError("a version is not the name of a folder")
    return Promotion(**(entry | {"objections": tuple(map(str, entry["objections"]))}))


def write_promotions(folder: Path, history: list[Promotion]) -> None:
    """Replace the record, in one rename. Raises OSError, and then nothing has changed."""
    fresh = pointer(folder).with_suffix(f".{os.getpid()}.tmp")
    data = {"schema": 1, "history": [asdict(entry) for entry in history]}
    try:
        write_synced(fresh, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())
        fresh.replace(pointer(folder))
        sync_folder(folder)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def pointer(folder: Path) -> Path:
    """The file to watch: it is replaced whenever another model comes into use."""
    return folder / "promoted.json"


@dataclass(frozen=True, slots=True)
class InUse:
    """The bundle in use; `hash` is what its manifest must have, empty for the shipped one."""

    path: Path
    version: str = SHIPPED_NAME
    hash: str = ""


def in_use() -> InUse:
    """The bundle that `load()` opens if none is named. Raises ModelError if the record is damaged."""
    folder = models_folder()
    history = read_promotions(folder)
    if not history or history[-1].version == SHIPPED_NAME:
        return InUse(SHIPPED)
    return InUse(folder / history[-1].version, history[-1].version, history[-1].hash)
