"""Processes that extract and score. Each loads the model once; the lexicon is mapped, so they share it.

Processes and not threads, since extraction of HTML holds Python's lock. And since pages are hostile: a page that
crashes the parser, or keeps it busy for LIMIT seconds, costs one process, and is a failed record of its own.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from detector.document import Document
from detector.readers import Extraction, Page, RawRecord
from detector.verdict import Verdict

LIMIT = 120.0
"""Seconds for a batch, and then for each of its records alone. The slowest honest batch takes two."""
WINDOW = 4
"""Batches per process that may be under way or wait for their turn to be written."""
WARM_UP = (
    "The first time on a machine the kernels are compiled, which takes a minute, and they are kept on the disk. This is "
    "done once here, before there are processes that would all begin with it at the same time and be in each other's "
    "way. Any text will do that is long enough to be judged, and that is why this one goes on for a while longer."
)
Batch = list[RawRecord]
Scored = list[tuple[Verdict, str | None]]
"""Verdicts and, if asked for, the texts that their evidence counts in."""


class StartError(RuntimeError):
    """A worker process ended before it could work."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the processes do to each record."""

    model: Path | None
    policy: str
    fpr: float | None
    evidence: bool
    with_text: bool
    extraction: Extraction


def _serve(connection: Connection, work: Work) -> None:
    """The life of a process: batches in, verdicts out, until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent ends us
    from detector.crawl.records import score_records
    from detector.language import is_english
    from detector.readers import extract
    from detector.scoring import load

    detector = load(work.model, work.policy, work.fpr)
    detector.score(WARM_UP, work.evidence)
    is_english(WARM_UP, 0.0, 0.5)  # loads the language identifier: memory stays as it is from here on
    try:
        connection.send(None)  # ready
        while True:
            batch: Batch = connection.recv()
            records = (extract(record, work.extraction) for record in batch)
            out: Scored = []
            for scored in score_records(detector, records, work.evidence):
                shown = work.with_text and scored.verdict.status != "failed"
                out.append((scored.verdict, scored.document.text if shown else None))
            connection.send(out)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class _Worker:
    """One process and the way to it."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        """Returns when it has loaded the model. Raises StartError if it ends instead."""
        try:
            self.connection.recv()
        except (EOFError, OSError):
            raise StartError(
                "a worker process ended while it was starting; its own message stands above. In a script, is the "
                'call guarded by `if __name__ == "__main__":`?'
            ) from None

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


@dataclass(slots=True)
class _Task:
    number: int
    batch: Batch
    worker: _Worker
    deadline: float


class Workers:
    """`jobs` processes. Use as a context manager; entering raises StartError if they can't work."""

    def __init__(self, work: Work, jobs: int, model_name: str) -> None:
        self._work = work
        self._model = model_name
        self._idle = [_Worker(work) for _ in range(jobs)]
        self._busy: dict[Connection, _Task] = {}
        self._window = WINDOW * jobs

    def __enter__(self) -> Workers:
        try:
            for worker in self._idle:
                worker.wait_until_ready()
        except StartError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all():
            worker.stop()

    def processes(self) -> list[int]:
        """Their process ids."""
        return [worker.pid for worker in self._all()]

    def _all(self) -> list[_Worker]:
        return [*self._idle, *(task.worker for task in self._busy.values())]

    def map(self, batches: Iterator[Batch]) -> Iterator[Scored]:
        """The verdicts of each batch, in order."""
        done: dict[int, Scored] = {}
        taken = given = 0
        more = True
        while more or self._busy or done:
            while more and self._idle and taken - given < self._window:
                batch = next(batches, None)
                more = batch is not None
                if batch is not None:
                    self._give(taken, batch)
                    taken += 1
            if given in done:
                yield done.pop(given)
                given += 1
            elif self._busy:
                done.update(self._collect())

    def _give(self, number: int, batch: Batch) -> None:
        worker = self._idle.pop()
        task = _Task(number, batch, worker, time.monotonic() + LIMIT)
        self._busy[worker.connection] = task
        with suppress(OSError):  # it died: `_collect` meets its end
            worker.connection.send(batch)

    def _collect(self) -> Iterator[tuple[int, Scored]]:
        """Wait for the next batches to be done."""
        first = min(task.deadline for task in self._busy.values())
        ready = wait(list(self._busy), max(0.0, first - time.monotonic()))
        late = [c for c, task in self._busy.items() if task.deadline <= time.monotonic()]
        for connection in [c for c in self._busy if c in ready or c in late]:
            task = self._busy.pop(connection)
            try:
                result = connection.recv() if connection in ready else None
            except (EOFError, OSError):
                result = None
            if result is None:
                self._replace(task)
                result = self._one_by_one(task)
            self._idle.append(task.worker)
            yield task.number, result

    def _one_by_one(self, task: _Task) -> Scored:
        """After a crash: each record alone, so that only the one to blame fails."""
        out: Scored = []
        for record in task.batch:
            connection = task.worker.connection
            started = time.monotonic()
            try:
                connection.send([record])
                alive = connection.poll(LIMIT)
                if alive:
                    out += connection.recv()
            except (EOFError, OSError):
                alive = False
            if not alive:
                late = time.monotonic() - started >= LIMIT
                self._replace(task)
                reason = (
                    f"it took more than {LIMIT:.0f} seconds" if late else "the process that read it crashed"
                )
                out.append((self._failed(record, reason), None))
        return out

    def _replace(self, task: _Task) -> None:
        task.worker.stop()
        task.worker = _Worker(self._work)
        task.worker.wait_until_ready()

    def _failed(self, record: RawRecord, reason: str) -> Verdict:
        return Verdict(record.id, "failed", 0, self._model, record.url, error=reason)


def batches(records: Iterator[RawRecord], count: int = 64, size: int = 2_000_000) -> Iterator[Batch]:
    """Groups of at most `count` records that end with the one that brings them to `size` bytes."""
    batch: Batch = []
    held = 0
    for record in records:
        batch.append(record)
        held += _size(record)
        if len(batch) >= count or held >= size:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _size(record: RawRecord) -> int:
    if isinstance(record, Page):
        return len(record.data)
    return len(record.text) if isinstance(record, Document) else len(record.reason)
