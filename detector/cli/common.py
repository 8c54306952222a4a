"""What the commands share: errors for users, the choices of options, opening a detector."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from detector.readers import Record
    from detector.report.places import Policy, Scored
    from detector.scoring import Detector

LmUse = bool | Literal["always"]
OK, FLAGGED, ERROR, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
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


class ReportFormat(StrEnum):
    """How what was found out is written, for people or for programs."""

    human = "human"
    json = "json"


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


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run as Ctrl-C does, so that what was done is kept."""


def stop_politely() -> None:
    """Turn SIGTERM into an exception, where there is such a signal and this is the main thread."""

    def stop(signum: int, frame: object) -> None:
        raise Terminated

    with suppress(ValueError, AttributeError):
        signal.signal(signal.SIGTERM, stop)


def stopped(reason: KeyboardInterrupt) -> int:
    """The exit status after an interruption."""
    return TERMINATED if isinstance(reason, Terminated) else INTERRUPTED


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn a UserError into one line on standard error and exit status 2."""
    try:
        yield
    except UserError as error:
        warn(f"error: {error}")
        raise typer.Exit(ERROR) from None


@contextmanager
def model_errors() -> Iterator[None]:
    """Errors of models, labels and files are the user's to put right."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise UserError(str(error)) from None


def announce_compiling() -> None:
    """Say so where the first call on a machine takes its time."""
    from detector.kernels import is_warm

    if not is_warm():
        warn("compiling for this machine, about a quarter of a minute, this once")


def open_detector(
    model: Path | None, policy: str, fpr: float | None, lm: LmUse = False, lm_required: bool = True
) -> tuple[Detector, Policy]:
    """The detector and, for reports, its policy. Unless `lm_required`, a language model that can't be used is
    left out, silently if it just belongs to another model. Raises UserError for unusable files or options."""
    from detector.lm.errors import LanguageModelError, OtherModelError
    from detector.report.places import Policy
    from detector.scoring import load

    announce_compiling()
    try:
        try:
            detector = load(model, policy, fpr, lm=lm)
        except LanguageModelError as error:
            if lm_required:
                raise
            if not isinstance(error, OtherModelError):
                warn(f"scoring without the language model: {error}")
            detector = load(model, policy, fpr)
    except ValueError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"the model can't be read: {error}") from None
    return detector, Policy(detector.policy, *detector.thresholds)


def plan_lm(wanted: bool | None, records: Iterable[Record]) -> tuple[LmUse, Iterable[Record]]:
    """How the language model takes part, and all records again: a single document it always reads, of several
    only those in doubt, and without `wanted` only a single one, where it is built."""
    from detector.lm.folder import is_ready

    if wanted is False or (wanted is None and not is_ready()):
        return False, records
    rest = iter(records)
    first = list(islice(rest, 2))
    several = len(first) > 1
    return (bool(wanted) if several else "always"), chain(first, rest)


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
