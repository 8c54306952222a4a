"""The batcher alone: order, fairness, refusal, failure."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.server.batching import BATCH_DOCUMENTS, Batcher
from detector.server.problems import ProblemError

PATIENCE = 30.0


class Work:
    """Doubles numbers; can be held back; remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        assert self.go.wait(PATIENCE)
        if -1 in items:
            raise ValueError("minus one")
        return [2 * item for item in items]


def run(work: Work, test: Any, threads: int = 1, most: int = 1000) -> None:
    async def inside() -> None:
        batcher: Batcher[int, int] = Batcher(work, lambda item: 1, threads, most, PATIENCE)
        try:
            await test(batcher)
        finally:
            work.go.set()
            batcher.close()
        await asyncio.sleep(0)
        assert batcher.queued == 0

    asyncio.run(inside())


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 4))
def test_every_item_gets_its_own_result(sizes: list[int], threads: int) -> None:
    async def test(batcher: Batcher[int, int]) -> None:
        groups = [list(range(100 * i, 100 * i + size)) for i, size in enumerate(sizes)]
        futures = [batcher.submit(group, owner=i) for i, group in enumerate(groups)]
        for group, waiting in zip(groups, futures, strict=True):
            assert await asyncio.gather(*waiting) == [2 * item for item in group]

    run(work := Work(), test, threads)
    assert all(0 < len(batch) <= BATCH_DOCUMENTS + 3 for batch in work.batches)


def test_one_document_does_not_wait_for_a_large_batch() -> None:
    work = Work()
    work.go.clear()

    async def test(batcher: Batcher[int, int]) -> None:
        large = batcher.submit(range(500), owner="large")
        (one,) = batcher.submit([7000], owner="one")
        work.go.set()
        assert await one == 14000
        assert not large[-1].done()
        await asyncio.gather(*large)

    run(work, test)
    assert 7000 in work.batches[1]


def test_what_is_cancelled_is_not_worked_on() -> None:
    work = Work()
    work.go.clear()

    async def test(batcher: Batcher[int, int]) -> None:
        first = batcher.submit([1], owner="a")
        later = batcher.submit(range(10, 100), owner="b")
        for future in later:
            future.cancel()
        work.go.set()
        assert await asyncio.gather(*first) == [2]
        last = batcher.submit([3], owner="c")
        assert await asyncio.gather(*last) == [6]

    run(work, test)
    assert [item for batch in work.batches for item in batch] == [1, 3]


def test_a_full_queue_refuses_all_of_a_request_or_nothing() -> None:
    work = Work()
    work.go.clear()

    async def test(batcher: Batcher[int, int]) -> None:
        accepted = batcher.submit(range(30), owner="a")  # an empty queue takes more than its size
        with pytest.raises(ProblemError) as refused:
            batcher.submit([1], owner="b")
        assert refused.value.status == 429
        assert int(refused.value.headers["retry-after"]) >= 1
        assert not batcher.has_room()
        work.go.set()
        assert await asyncio.gather(*accepted) == [2 * item for item in range(30)]
        await asyncio.sleep(0)
        assert batcher.has_room(20)

    run(work, test, most=20)


def test_a_batch_that_fails_is_told_to_those_in_it() -> None:
    async def test(batcher: Batcher[int, int]) -> None:
        (bad,) = batcher.submit([-1], owner="a")
        with pytest.raises(ValueError, match="minus one"):
            await bad
        (good,) = batcher.submit([4], owner="b")
        assert await good == 8

    run(Work(), test)
