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

from detector.model import ARRAYS, OPTIONAL, ModelError, load_model
from detector.promotion import in_use, models_folder, pointer
from detector.scoring import Detector, load
from detector.server.sample import WARM_UP
from detector.server.settings import Settings

log = logging.getLogger(__name__)
Signature = tuple[tuple[str, int, int, int], ...]


def model_path(settings: Settings) -> Path:
    """The bundle to use now: the one that was named, else the promoted one. Raises ModelError if the record of
    promotions is damaged."""
    return in_use().path if settings.model is None else settings.model


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
            signature = await asyncio.to_thread(_signature, self._settings)
            if signature == self._seen and not force:
                return False
            self._seen = signature
            detector = await self._try(self._settings.model)
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

    async def _try(self, model: Path | None) -> Detector | None:
        try:
            return await asyncio.to_thread(self._open, model)
        except (ValueError, OSError) as error:
            self._observe("refused", "")
            log.error("model refused", extra={"fields": {"why": str(error)}})
            return None

    def _open(self, model: Path | None) -> Detector:
        """A detector that has scored texts, so that the kernels are compiled and the tables in memory."""
        detector = load(model, self._settings.policy, self._settings.fpr)
        for text in WARM_UP:
            detector.score(text)
        target = self._settings.last_good
        if target is not None and target != model:
            with suppress(OSError, ValueError):  # the files changed meanwhile: the next look will see that
                _keep(model_path(self._settings), detector.model.digest, target)
        return detector


def _keep(path: Path, digest: str, target: Path) -> None:
    """Put a copy of the bundle at `target`, unless `path` has changed again since it was loaded."""
    fresh = target.with_name(f"{os.getpid()}-{target.name}")
    if path.is_dir():
        with zipfile.ZipFile(fresh, "w") as archive:
            for name in ("manifest.json", *ARRAYS):
                if name not in OPTIONAL or (path / name).exists():
                    archive.write(path / name, name)
    else:
        shutil.copyfile(path, fresh)
    if load_model(fresh).digest == digest:
        fresh.replace(target)


def _signature(settings: Settings) -> Signature:
    """Changes with any write to the files that say which model to use, and to the model's own."""
    files = [] if settings.model is not None else [pointer(models_folder())]
    with suppress(OSError, ModelError):
        path = model_path(settings)
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    found = []
    for file in files:
        with suppress(OSError):
            status = file.stat()
            found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
