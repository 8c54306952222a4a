"""Micro-batching: documents of all requests are scored together, by a few threads off the event loop.

Nothing waits for a batch to fill. While all threads are busy documents queue up, and a thread that becomes
free takes the next few. It takes a few of each request in turn, so that a batch of a thousand does not keep
a single document waiting.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from detector.server.problems import busy

BATCH_DOCUMENTS, BATCH_CHARACTERS = 8, 60_000
"""About 20 ms of work: larger batches save nothing and make the others wait."""
TURN = 4
"""Documents of one request in a row."""
MAX_RETRY_SECONDS = 60
_FIRST_GUESS = 0.01
"""Seconds per document, until some were scored."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Runs `work` on small batches in `threads` threads. For one event loop; `close` when it ends.

    `work` gets a list of items and returns as many results; `size` is an item's weight in characters. At most
    `most` items wait, and no more than can be done in `patience` seconds at the speed of the last ones.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], list[Result]],
        size: Callable[[Item], int],
        threads: int,
        most: int,
        patience: float,
        observe: Callable[[int], None] = lambda documents: None,
    ) -> None:
        self._work = work
        self._size = size
        self._threads = threads
        self._free = threads
        self._most = most
        self._patience = patience
        self._observe = observe
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="score")
        self._waiting: OrderedDict[object, deque[tuple[Item, asyncio.Future[Result]]]] = OrderedDict()
        self._seconds = _FIRST_GUESS
        self.queued = 0
        """Documents accepted and not finished."""

    def has_room(self, documents: int = 1) -> bool:
        """Whether so many more would be accepted. An empty queue takes any number."""
        return self.queued == 0 or (
            self.queued + documents <= self._most and self._seconds_left <= self._patience
        )

    def require_room(self, documents: int = 1) -> None:
        """Raises ProblemError 429 unless there is room."""
        if not self.has_room(documents):
            raise busy(
                f"{self.queued:,} documents are waiting: send it again after the time in Retry-After",
                self.retry_seconds(),
            )

    def submit(self, items: Iterable[Item], owner: object) -> list[asyncio.Future[Result]]:
        """Accept items; `owner` stands for the request that they came with. Raises ProblemError 429.

        A future that is cancelled before its turn costs nothing any more.
        """
        loop = asyncio.get_running_loop()
        entries = [(item, loop.create_future()) for item in items]
        self.require_room(len(entries))
        self.queued += len(entries)
        for _, future in entries:
            future.add_done_callback(self._leave)
        if entries:
            self._waiting.setdefault(owner, deque()).extend(entries)
        self._dispatch()
        return [future for _, future in entries]

    def retry_seconds(self) -> int:
        """When the queue will most likely be empty, from the time that documents took lately."""
        return min(MAX_RETRY_SECONDS, max(1, math.ceil(self._seconds_left)))

    @property
    def _seconds_left(self) -> float:
        return self.queued * self._seconds / self._threads

    def close(self) -> None:
        """Let the threads end; call it when nothing is queued."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _leave(self, future: asyncio.Future[Result]) -> None:
        self.queued -= 1

    def _dispatch(self) -> None:
        while self._free and (batch := self._take()):
            self._free -= 1
            self._observe(len(batch))
            loop = asyncio.get_running_loop()
            started = loop.time()
            running = loop.run_in_executor(self._pool, self._work, [item for item, _ in batch])
            running.add_done_callback(partial(self._finish, [future for _, future in batch], started))

    def _take(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        """The next batch: TURN items of each owner."""
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        characters = 0
        while self._waiting and len(batch) < BATCH_DOCUMENTS and characters < BATCH_CHARACTERS:
            owner, entries = self._waiting.popitem(last=False)
            for _ in range(min(TURN, len(entries))):
                item, future = entries.popleft()
                if not future.done():
                    batch.append((item, future))
                    characters += self._size(item)
            if entries:
                self._waiting[owner] = entries
        return batch

    def _finish(
        self, futures: list[asyncio.Future[Result]], started: float, done: asyncio.Future[list[Result]]
    ) -> None:
        self._free += 1
        took = (asyncio.get_running_loop().time() - started) / len(futures)
        self._seconds += 0.1 * (took - self._seconds)
        error = done.exception()
        for i, future in enumerate(futures):
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result()[i])
        self._dispatch()
