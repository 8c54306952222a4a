"""A line on standard error for long work: documents, documents a second, flags, time left.

In a terminal it is written over and over; elsewhere (the log of a batch job) only bulk runs write one now and then.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.crawl import Standing

FIRST_AFTER, EVERY = 1.0, 0.2
"""Seconds before the first line, and between lines."""
EVERY_LOGGED = 60.0
"""Seconds between lines of a bulk run's log."""


class Progress:
    """Call `show` after each document; it writes when there is reason to."""

    def __init__(self, enabled: bool, logged: bool = False) -> None:
        self._terminal = sys.stderr.isatty()
        self._enabled = enabled and (self._terminal or logged)
        self._started = time.monotonic()
        self._next = self._started + FIRST_AFTER
        self._shown = False

    def show(self, counts: Counter[str]) -> None:
        """Write the line anew, if it is time; `counts` are documents by badge."""
        if self._due():
            self._write(counts, counts.total() / (time.monotonic() - self._started), None)

    def show_run(self, standing: Standing) -> None:
        """The same for a bulk run, with the time left."""
        if self._due():
            self._write(standing.counts, standing.rate, standing.seconds_left)

    def _due(self) -> bool:
        if not self._enabled or (now := time.monotonic()) < self._next:
            return False
        self._next = now + (EVERY if self._terminal else EVERY_LOGGED)
        return True

    def _write(self, counts: Counter[str], rate: float, seconds_left: float | None) -> None:
        parts = [f"{counts.total():,} documents", f"{rate:,.0f}/s"]
        parts += [f"{counts[name]:,} {name}" for name in ("spam", "suspect", "failed") if counts[name]]
        if seconds_left is not None:
            parts.append(f"{timedelta(seconds=round(seconds_left))} left")
        line = " \u00b7 ".join(parts)
        if self._terminal:
            self._shown = True
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(f"detector: {line}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
