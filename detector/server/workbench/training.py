"""A training that was started from a page: `detector train` in a process of its own, one at a time.

Whatever happens to it, the server goes on; and it can be stopped at any moment, for a version appears whole or
not at all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal

COMMAND = (sys.executable, "-P", "-m", "detector", "train")
"""-P: a folder named `detector` where the server was started is not ours."""
MAX_LINES = 200
_MADE = re.compile(r"model (\d+) is made: ")
_ADVICE = re.compile(r"It is not in use yet|\s+detector model promote")
"""What the command says next is for a terminal."""
State = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class Run:
    """How a training stands: what it has said so far, the seconds it took, the version it made if it is done."""

    state: State
    lines: tuple[str, ...]
    seconds: float
    version: str | None = None


class Training:
    """Thread-safe. The last run is remembered until the next one."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._stopped = False
        self._began = self._ended = 0.0
        self._reader: threading.Thread | None = None

    def start(self) -> bool:
        """Train on all labels that stand; False if a training is running already. Raises OSError if no process
        can be started."""
        with self._lock:
            if self._reader is not None and self._reader.is_alive():
                return False
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            )
            self._lines.clear()
            self._stopped, self._began = False, time.monotonic()
            self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
            self._reader.start()
            return True

    def stop(self) -> None:
        """End the training, if one is running, and wait for its end."""
        with self._lock:
            reader, process = self._reader, self._process
            if reader is None or process is None or not reader.is_alive():
                return
            self._stopped = True
            process.terminate()
        reader.join()

    def run(self) -> Run | None:
        """How the last training stands; None if there was none."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return None
        said = self._lines.copy()
        lines = tuple(line for line in said if not _ADVICE.match(line) and not _MADE.match(line))
        if reader.is_alive():
            return Run("running", lines, time.monotonic() - self._began)
        seconds = self._ended - self._began
        made = next((found[1] for line in said if (found := _MADE.match(line))), None)
        if made is not None:
            return Run("done", lines, seconds, made)
        return Run("stopped" if self._stopped else "failed", lines, seconds)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self._lines.append(line.rstrip())
        process.wait()
        self._ended = time.monotonic()
