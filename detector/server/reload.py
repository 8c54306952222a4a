"""The model in use, and its replacement by a new one without losing a request.

The files are looked at every few seconds (and at SIGHUP). A new model is loaded and tried beside the old one,
in a thread; requests see it from one batch to the next. One that can't be used is refused, with the reason in
the log, and the old one stays.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from detector.model import ARRAYS, load_model
from detector.paths import SHIPPED
from detector.scoring import Detector, load
from detector.server.sample import WARM_UP
from detector.server.settings import Settings

log = logging.getLogger(__name__)
Signature = tuple[str, tuple[tuple[str, int, int, int], ...]]


def model_path(settings: Settings) -> Path:
    """Where the model to use lies now; asked before every look, so that it may change while we run."""
    return SHIPPED if settings.model is None else settings.model


class LiveModel:
    """Holds the detector in use. `detector` is None until the first one is loaded."""

    def __init__(self, settings: Settings, observe: Callable[[str, str], None] = lambda outcome, name: None):
        self._settings = settings
        self._observe = observe
        self._seen: Signature | None = None
        self._lock = asyncio.Lock()
        self.detector: Detector | None = None

    async def refresh(self, force: bool = False) -> bool:
        """Load the model if its files changed (or anyway); True if a new one is in use. Never raises for files."""
        async with self._lock:
            path = model_path(self._settings)
            signature = await asyncio.to_thread(_signature, path)
            if signature == self._seen and not force:
                return False
            self._seen = signature
            detector = await self._try(path)
            if detector is None and self.detector is None and self._settings.last_good is not None:
                detector = await self._try(self._settings.last_good)
            if detector is None:
                return False
            same = self.detector is not None and detector.model.digest == self.detector.model.digest
            if same and not force:
                return False
            self.detector = detector
            self._observe("loaded", detector.model.name)
            log.info(
                "model loaded", extra={"fields": {"model": detector.model.name, "policy": detector.policy}}
            )
            return True

    async def watch(self) -> None:
        """Refresh for ever."""
        while True:
            await asyncio.sleep(self._settings.reload_seconds)
            await self.refresh()

    async def _try(self, path: Path) -> Detector | None:
        try:
            return await asyncio.to_thread(self._open, path)
        except (ValueError, OSError) as error:
            self._observe("refused", "")
            log.error("model refused", extra={"fields": {"path": str(path), "why": str(error)}})
            return None

    def _open(self, path: Path) -> Detector:
        """A detector that has scored texts, so that the kernels are compiled and the tables in memory."""
        detector = load(path, self._settings.policy, self._settings.fpr)
        for text in WARM_UP:
            detector.score(text)
        target = self._settings.last_good
        if target is not None and target != path:
            with suppress(OSError, ValueError):  # the files changed meanwhile: the next look will see that
                _keep(path, detector.model.digest, target)
        return detector


def _keep(path: Path, digest: str, target: Path) -> None:
    """Put a copy of the bundle at `target`, unless `path` has changed again since it was loaded."""
    fresh = target.with_name(f"{os.getpid()}-{target.name}")
    if path.is_dir():
        with zipfile.ZipFile(fresh, "w") as archive:
            for name in ("manifest.json", *ARRAYS):
                archive.write(path / name, name)
    else:
        shutil.copyfile(path, fresh)
    if load_model(fresh).digest == digest:
        fresh.replace(target)


def _signature(path: Path) -> Signature:
    """Changes with any write to the model's files."""
    found = []
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in files:
            status = os.stat(file)
            found.append((file.name, status.st_ino, status.st_size, status.st_mtime_ns))
    except OSError as error:
        found.append((type(error).__name__, 0, 0, 0))
    return str(path), tuple(found)
