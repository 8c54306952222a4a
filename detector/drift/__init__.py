"""Drift: have the pages, or what the detector makes of them, changed between two crawls?

`compare(sample(["old.jsonl"], load), sample(["new.jsonl"], load))` says which scores, features, shares and
marked phrases moved by more than chance explains.
"""

from detector.drift.compare import Drift, compare
from detector.drift.sample import Sample, sample

__all__ = ["Drift", "Sample", "compare", "sample"]
