"""Detect spun text and keyword stuffing, with evidence.

>>> from detector import load
>>> verdict = load().score(text)  # doctest: +SKIP
>>> verdict.spun, verdict.stuffed, verdict.verdict  # doctest: +SKIP
(0.97, 0.12, 'spam')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.document import Document, Zone, ZoneKind
    from detector.scoring import Detector, load
    from detector.sklearn import SpunFeatures
    from detector.training.fit import train
    from detector.verdict import Evidence, Verdict

__version__ = "0.1.0"
__all__ = ["Detector", "Document", "Evidence", "SpunFeatures", "Verdict", "Zone", "ZoneKind", "load", "train"]
_HOMES = {
    "Detector": "detector.scoring",
    "load": "detector.scoring",
    "Document": "detector.document",
    "Zone": "detector.document",
    "ZoneKind": "detector.document",
    "Evidence": "detector.verdict",
    "Verdict": "detector.verdict",
    "SpunFeatures": "detector.sklearn",
    "train": "detector.training.fit",
}


def __getattr__(name: str) -> Any:
    """Import public names on first use, so that `import detector` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'detector' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
