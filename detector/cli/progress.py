"""A line on standard error for long work: documents, documents a second, flags. Only for a terminal."""

from __future__ import annotations

import sys
import time
from collections import Counter

FIRST_AFTER, EVERY = 1.0, 0.2
"""Seconds before the first line, and between lines."""


class Progress:
    """Call `show` after each document; it writes when there is reason to."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled and sys.stderr.isatty()
        self._started = time.monotonic()
        self._next = self._started + FIRST_AFTER
        self._shown = False

    def show(self, counts: Counter[str]) -> None:
        """Write the line anew, if it is time; `counts` are documents by badge."""
        if not self._enabled or (now := time.monotonic()) < self._next:
            return
        self._next = now + EVERY
        self._shown = True
        total = counts.total()
        parts = [f"{total:,} documents", f"{total / (now - self._started):,.0f}/s"]
        parts += [f"{counts[name]:,} {name}" for name in ("spam", "suspect", "failed") if counts[name]]
        print("\r\x1b[2K" + " \u00b7 ".join(parts), end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
