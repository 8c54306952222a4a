"""What the commands share: errors for users, the choices of options, opening a detector."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from detector.report.places import Policy, Scored
    from detector.scoring import Detector

OK, FLAGGED, ERROR, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses. Input errors win over flags."""


class UserError(Exception):
    """Something the user can put right: the message says what was wrong, with what, and what to do."""


class PolicyName(StrEnum):
    """How many honest documents may be flagged: at most 0.1 %, 1 %, 5 %."""

    precise = "precise"
    balanced = "balanced"
    sensitive = "sensitive"


class OutputFormat(StrEnum):
    """How verdicts are written."""

    human = "human"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    html = "html"
    parquet = "parquet"


class InputFormat(StrEnum):
    """What files hold, where neither suffix nor content says so."""

    text = "text"
    html = "html"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    warc = "warc"


class ExtractionName(StrEnum):
    """How the text is taken out of web pages."""

    fast = "fast"
    precise = "precise"


def warn(message: str) -> None:
    """One line on standard error."""
    print(f"detector: {message}", file=sys.stderr)


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn a UserError into one line on standard error and exit status 2."""
    try:
        yield
    except UserError as error:
        warn(f"error: {error}")
        raise typer.Exit(ERROR) from None


def open_detector(model: Path | None, policy: str, fpr: float | None) -> tuple[Detector, Policy]:
    """The detector and, for reports, its policy. Raises UserError for unusable files or options."""
    from detector.kernels import is_warm
    from detector.report.places import Policy
    from detector.scoring import load

    if not is_warm():
        warn("compiling for this machine, about 20 seconds, this once")
    try:
        detector = load(model, policy, fpr)
    except ValueError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"the model can't be read: {error}") from None
    return detector, Policy(detector.policy, *detector.thresholds)


class Tally:
    """Counts documents by badge and knows the exit status."""

    def __init__(self, counts: Counter[str] | None = None) -> None:
        self.counts: Counter[str] = Counter() if counts is None else counts

    def add(self, scored: Scored) -> None:
        """Count one document."""
        from detector.report.places import badge

        self.counts[badge(scored.verdict)] += 1

    @property
    def total(self) -> int:
        """Documents so far."""
        return self.counts.total()

    def status(self, exit_zero: bool) -> int:
        """2 if anything failed, else 1 if anything was flagged (0 with `exit_zero`), else 0."""
        if self.counts["failed"]:
            return ERROR
        return FLAGGED if self.counts["spam"] and not exit_zero else OK
