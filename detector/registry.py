"""The user's models: numbered versions side by side, which of them is in use, and who decided that.

A version is a bundle in `DETECTOR_HOME/models/NNNN`, written once and never changed. Which one is in use says
`promotion`. Writers take a lock that the system gives back when a process dies.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from detector import __version__
from detector.model import Model, ModelError, load_model, save_model
from detector.paths import SHIPPED
from detector.promotion import (
    SHIPPED_NAME,
    Promotion,
    models_folder,
    read_promotions,
    write_promotions,
)
from detector.signals.replaced import unpack_weights

LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class Version:
    """A model that can be promoted. `name` is its number ("0003") or "shipped"."""

    name: str
    path: Path
    in_use: bool

    def load(self) -> Model:
        """Read and check the bundle. Raises ModelError."""
        return load_model(self.path)


class Registry:
    """The versions under `folder` (default: `models` in DETECTOR_HOME)."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = models_folder() if folder is None else Path(folder)

    def versions(self) -> list[Version]:
        """The shipped model, then the others in the order they were made."""
        used = self.current_name()
        names = [SHIPPED_NAME, *self._numbers()]
        return [Version(name, self._path(name), name == used) for name in names]

    def find(self, name: str) -> Version:
        """The version of this name or number; "latest", "current" and "shipped" are names too. Raises ModelError
        that lists what there is."""
        versions = self.versions()
        if name == "latest":
            return versions[-1]
        if name == "current":
            name = self.current_name()
        number = name.rpartition("+")[2]
        wanted = f"{int(number):04d}" if number.isascii() and number.isdigit() else name
        for version in versions:
            if version.name in (name, wanted):
                return version
        known = ", ".join(version.name for version in versions)
        raise ModelError(f"no model {name!r} in {self.folder}; there are {known}, latest, current")

    def current_name(self) -> str:
        """The name of the version in use."""
        history = self.history()
        return history[-1].version if history else SHIPPED_NAME

    def history(self) -> list[Promotion]:
        """Every promotion and rollback, the oldest first."""
        return read_promotions(self.folder)

    def add(self, make_manifest: Callable[[str], dict[str, Any]], arrays: dict[str, np.ndarray]) -> Version:
        """Write a bundle as the next version; it is not in use yet. `make_manifest` gets the version string.
        Raises ModelError if the bundle would not load, OSError if it can't be written."""
        with self._locked():
            used = [*self._numbers(), *(entry.version for entry in self.history())]
            number = 1 + max((int(name) for name in used if name.isdigit()), default=0)
            name = f"{number:04d}"
            save_model(self._path(name), make_manifest(f"{__version__}+{number}"), arrays)
        return Version(name, self._path(name), False)

    def promote(
        self,
        name: str,
        by: str = "",
        forced: bool = False,
        objections: tuple[str, ...] = (),
        reason: str = "",
    ) -> Promotion:
        """Put a version in use; the check whether it should be is `training.gate`. `reason` is why it was forced.
        Raises ModelError if it doesn't load, or is in use already."""
        with self._locked():
            version = self.find(name)
            if version.in_use:
                raise ModelError(f"model {version.name} is in use already")
            return self._put_in_use(version, "promote", by, forced, objections, reason)

    def rollback(self, by: str = "") -> Promotion:
        """Put back what was in use before the last promotion. Raises ModelError if there was none."""
        with self._locked():
            before = _stack(self.history())[:-1]
            if not before:
                raise ModelError("nothing to roll back: the shipped model is in use, nothing came before it")
            return self._put_in_use(self.find(before[-1]), "rollback", by)

    def _put_in_use(
        self,
        version: Version,
        action: str,
        by: str,
        forced: bool = False,
        objections: tuple[str, ...] = (),
        reason: str = "",
    ) -> Promotion:
        model = version.load()
        date = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Promotion(version.name, model.digest, action, date, by, forced, objections, reason)
        write_promotions(self.folder, [*self.history(), entry])
        return entry

    def _numbers(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        names = (path.name for path in self.folder.iterdir() if path.is_dir())
        return sorted((name for name in names if name.isascii() and name.isdigit()), key=int)

    def _path(self, name: str) -> Path:
        return SHIPPED if name == SHIPPED_NAME else self.folder / name

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time; what a killed one left behind is taken away."""
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=LOCK_SECONDS):
                for left in (*self.folder.glob(".[0-9]*-*"), *self.folder.glob("promoted.*.tmp")):
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
                yield
        except Timeout:
            raise ModelError(
                f"another process has been writing to {self.folder} for {LOCK_SECONDS:.0f} s: try again later"
            ) from None


def _stack(history: list[Promotion]) -> list[str]:
    """What is in use, and what lies under it: a promotion puts a version on top, a rollback takes one off."""
    stack = [SHIPPED_NAME]
    for entry in history:
        if entry.action == "promote":
            stack.append(entry.version)
        elif len(stack) > 1:
            stack.pop()
    return stack


def differences(a: Model, b: Model) -> dict[str, Any]:
    """What sets two models apart: entries of their records by path, and how far their numbers differ."""
    found: dict[str, Any] = {}
    left, right = (_flat(model.manifest) for model in (a, b))
    for key in sorted(left.keys() | right.keys()):
        if left.get(key) != right.get(key) and not key.startswith(("files.", "features.")):
            found[key] = [left.get(key), right.get(key)]
    weights = [unpack_weights(model.heads.token_weights) for model in (a, b)]
    found["token weights changed"] = int((weights[0] != weights[1]).sum())
    found["largest change of a token weight"] = round(float(np.abs(weights[0] - weights[1]).max()), 4)
    for head in ("spun", "stuffed"):
        found[f"trees of the {head} head"] = [len(getattr(model.heads, head).roots) for model in (a, b)]
    return found


def _flat(record: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(record, dict):
        return {path: record}
    flat: dict[str, Any] = {}
    for key, value in record.items():
        flat |= _flat(value, f"{path}.{key}" if path else str(key))
    return flat
