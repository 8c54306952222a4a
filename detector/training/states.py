"""Hidden states on disk, so that a second fit of the last stage need not read the texts again.

One folder for each reader: `states.f16` (rows of all pages end to end), `spans.i32` (their places in the
text) and `index.jsonl` (hash of the text, first row, rows). Numbers only; delete it at will.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.lm.reader import CHARACTERS, Reader


@dataclass(frozen=True)
class CachedStates:
    """`values` float16[L, W]; `starts`, `ends` int32[L], code points in the text."""

    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def _key(text: str) -> str:
    return hashlib.sha256(text[:CHARACTERS].encode("utf-8", "surrogatepass")).hexdigest()[:24]


class StatesCache:
    """States of texts, read once. For one process at a time."""

    def __init__(self, folder: Path, reader: Reader) -> None:
        self._reader = reader
        self._folder = folder / reader.kind.replace("/", "-")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._rows: dict[str, tuple[int, int]] = {}
        index = self._folder / "index.jsonl"
        if index.exists():
            for line in index.read_text().splitlines():
                key, first, rows = json.loads(line)
                self._rows[key] = (first, rows)

    def of(self, texts: Sequence[str], log: Callable[[str], None], jobs: int = 1) -> list[CachedStates]:
        """The states of each text; those not on disk are computed and kept."""
        missing = list({_key(text): text for text in texts if _key(text) not in self._rows}.items())
        log(f"{len(texts):,} pages, {len(missing):,} of them to be read")
        self._compute(missing, log, jobs)
        width = self._reader.width
        values = np.memmap(self._folder / "states.f16", np.float16, "r").reshape(-1, width)
        spans = np.memmap(self._folder / "spans.i32", np.int32, "r").reshape(-1, 2)
        out = []
        for text in texts:
            first, rows = self._rows[_key(text)]
            cut = slice(first, first + rows)
            out.append(CachedStates(values[cut], spans[cut, 0], spans[cut, 1]))
        return out

    def _compute(self, missing: list[tuple[str, str]], log: Callable[[str], None], jobs: int) -> None:
        started, width = time.monotonic(), self._reader.width
        at = max((first + rows for first, rows in self._rows.values()), default=0)
        with (
            (self._folder / "states.f16").open("ab") as values,
            (self._folder / "spans.i32").open("ab") as spans,
            (self._folder / "index.jsonl").open("a") as index,
            ThreadPoolExecutor(jobs) as pool,
        ):
            values.truncate(at * width * 2)
            spans.truncate(at * 8)
            for done in range(0, len(missing), 64):
                part = missing[done : done + 64]
                for (key, _), states in zip(part, pool.map(lambda item: self._reader.states(item[1]), part)):
                    values.write(states.values.astype(np.float16).tobytes())
                    spans.write(np.stack([states.starts, states.ends], axis=1).astype(np.int32).tobytes())
                    self._rows[key] = (at, len(states.values))
                    at += len(states.values)
                values.flush()
                spans.flush()
                index.writelines(json.dumps([key, *self._rows[key]]) + "\n" for key, _ in part)
                index.flush()
                if done % 1024 == 0:
                    log(f"read {done + len(part):,} pages in {time.monotonic() - started:.0f} s")
