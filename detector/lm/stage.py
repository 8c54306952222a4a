"""The last stage of the cascade: which pages it reads, and what two stages say together.

`spun = a + b fast + c read`, a logistic regression over the log-odds of both stages (stacking, Wolpert 1992),
fitted on texts that neither had seen. It was fitted to one fast model and one reader: another one of either
is refused. Files: `manifest.json` and `probe.npz`, numbers only.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detector.document import Document, ZoneKind
from detector.lm.errors import LanguageModelError, OtherModelError
from detector.lm.probe import Probe
from detector.lm.reader import Reader
from detector.model import Model
from detector.paths import DATA

FITTED = DATA / "lm"
FORMAT = 1
MAX_BYTES = 4 << 20
REFIT = "fit it anew: python -m detector.training.lm"
MARGIN_ZONES = (ZoneKind.TITLE, ZoneKind.META, ZoneKind.ALT, ZoneKind.HIDDEN)
"""Not prose: the reader leaves them out."""


class Reading(NamedTuple):
    """`odds`: spun log-odds of both stages together; `read`: whether the language model took part."""

    odds: float
    read: bool


@dataclass(frozen=True)
class Fitted:
    """What training left. `stack` float64[3]: intercept, fast, read. `band` float64[2]: the fast log-odds between
    which a page is read. `curves` float64[2, G]: thresholds on `spun` at the manifest's rates, where pages in
    the band are read and where all are."""

    probe: Probe
    stack: np.ndarray
    band: np.ndarray
    curves: np.ndarray
    manifest: dict[str, Any]

    def combine(self, fast: float | np.ndarray, read: float | np.ndarray) -> Any:
        """Log-odds of `spun` from those of the two stages."""
        return self.stack[0] + self.stack[1] * fast + self.stack[2] * read


class LastStage:
    """A reader with its probe, ready to read again what the fast stage leaves open. Thread-safe."""

    def __init__(self, reader: Reader, fitted: Fitted, every: bool) -> None:
        """`every`: read all pages, not only those in the band. Raises LanguageModelError if they don't match."""
        if fitted.manifest["reader"] != reader.kind:
            raise LanguageModelError(
                f"the last stage was fitted to {fitted.manifest['reader']}, not to {reader.kind}: "
                f"run 'detector lm build' again, or {REFIT}"
            )
        self.reader, self.fitted, self.every = reader, fitted, every
        self.name = f"lm#{fitted.manifest['sha256'][:8]}"

    def read(self, document: Document, fast: float) -> Reading:
        """Read the page if it is in doubt. `fast`: its spun log-odds from the fast stage."""
        low, high = self.fitted.band
        if not (self.every or low <= fast <= high):
            return Reading(fast, False)
        states = self.reader.states(prose(document))
        if not len(states.values):
            return Reading(fast, False)
        odds, _ = self.fitted.probe(states.values)
        return Reading(float(self.fitted.combine(fast, odds)), True)

    def thresholds_of(self, model: Model) -> Model:
        """The model with the thresholds that hold when the last stage takes part.

        Raises OtherModelError if the stage was fitted to another model."""
        if self.fitted.manifest["model"] != model.digest:
            raise OtherModelError(
                f"the last stage was fitted to another model than {model.name}: score without it, or {REFIT}"
            )
        curves = np.stack([self.fitted.curves[int(self.every)], model.arrays["curves.npy"][1]])
        return replace(model, arrays=model.arrays | {"curves.npy": curves})


def prose(document: Document) -> str:
    """The text that the reader reads: titles, descriptions and hidden text left out."""
    parts, at = [], 0
    for zone in document.zones:
        if zone.kind in MARGIN_ZONES:
            parts.append(document.text[at : zone.start])
            at = zone.end
    parts.append(document.text[at:])
    return "".join(parts).strip()


def open_stage(every: bool, reader: Path | None = None, fitted: Path = FITTED) -> LastStage:
    """The last stage as built and fitted. Raises LanguageModelError if it is missing, damaged or mismatched."""
    return LastStage(Reader(reader), load_fitted(fitted), every)


def load_fitted(folder: Path = FITTED) -> Fitted:
    """Read and check `probe.npz`. Raises LanguageModelError."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        with (folder / "probe.npz").open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if manifest["format"] != FORMAT or hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise ValueError("probe.npz is not the file that manifest.json describes")
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        probe = Probe(**{f.name: arrays[f.name].astype(np.float32) for f in fields(Probe)})
        _check(arrays, probe)
        return Fitted(probe, arrays["stack"], arrays["band"], arrays["curves"], manifest)
    except FileNotFoundError as error:
        raise LanguageModelError(f"{error.filename}: not there: {REFIT}") from None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise LanguageModelError(f"{folder}: not a fitted last stage ({error}): {REFIT}") from None


def _check(arrays: dict[str, np.ndarray], probe: Probe) -> None:
    """Raise ValueError unless all shapes agree and all numbers are finite."""
    width, hidden = len(probe.mean), len(probe.hidden_bias)
    wanted: dict[str, tuple[int, ...]] = {
        "scale": (width,), "hidden": (2 * width, hidden), "token": (hidden + 1,), "page": (hidden + 4,),
        "pool_mean": (width,), "pool_scale": (width,), "pool": (width,), "stack": (3,), "band": (2,),
        "curves": (2, arrays["curves"].shape[-1]),
    }  # fmt: skip
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds values that are not finite")


def save_fitted(folder: Path, fitted: Fitted) -> None:
    """Write `probe.npz` and its manifest. The same numbers give the same bytes."""
    arrays = {
        f.name: getattr(fitted.probe, f.name).astype(np.float16 if f.name in ("hidden",) else np.float32)
        for f in fields(Probe)
    }
    arrays |= {"stack": fitted.stack, "band": fitted.band, "curves": fitted.curves}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "probe.npz").write_bytes(buffer.getvalue())
    manifest = fitted.manifest | {"format": FORMAT, "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
