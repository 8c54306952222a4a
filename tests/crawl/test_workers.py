import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.crawl import workers
from detector.crawl.workers import Work, Workers, batches
from detector.document import Document
from detector.readers import Failure, Page, RawRecord
from tests.readers.warcs import PROSE, html


@pytest.fixture
def work(made_up: Path) -> Work:
    return Work(made_up, "balanced", None, False, False, "fast")


def documents(first: int, last: int) -> list[RawRecord]:
    return [Document(f"{PROSE} {i}", str(i)) for i in range(first, last)]


@pytest.mark.parametrize("jobs", [1, 3])
def test_batches_come_back_in_order(work: Work, jobs: int) -> None:
    groups = [documents(i, i + 1 + i % 5) for i in range(30)]
    with Workers(work, jobs, "m") as pool:
        found = list(pool.map(iter(groups)))
        again = list(pool.map(iter(groups[:3])))
    assert [[verdict.id for verdict, _ in batch] for batch in found] == [[d.id for d in g] for g in groups]
    assert again == found[:3]


def test_a_process_that_dies_costs_nothing_but_its_time(work: Work) -> None:
    def feed(pool: Workers) -> Iterator[list[RawRecord]]:
        for i in range(6):
            if i == 3:
                for worker in pool.processes():
                    os.kill(worker, signal.SIGKILL)
            yield documents(10 * i, 10 * i + 10)

    with Workers(work, 2, "m") as pool:
        found = [verdict for batch in pool.map(feed(pool)) for verdict, _ in batch]
    assert [verdict.id for verdict in found] == [str(i) for i in range(60)]
    assert {verdict.status for verdict in found} == {"scored"}


def test_a_record_that_takes_too_long_fails_alone(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resiliparse")
    with Workers(work, 1, "m") as pool:
        list(pool.map(iter([documents(0, 1)])))
        monkeypatch.setattr(workers, "LIMIT", 3.0)
        slow = Page(("<p>" + "<font>x " * 1990 + "</p>").encode() * 5 + b"<x>" * 1990, "slow", "https://x")
        started = time.monotonic()
        (batch,) = pool.map(iter([[*documents(0, 2), slow, *documents(3, 4)]]))
    assert [verdict.id for verdict, _ in batch] == ["0", "1", "slow", "3"]
    assert [verdict.status == "failed" for verdict, _ in batch][:2] == [False, False]
    assert time.monotonic() - started < 60


def test_texts_come_back_if_asked_for(made_up: Path) -> None:
    pytest.importorskip("resiliparse")
    with Workers(Work(made_up, "balanced", None, True, True, "fast"), 1, "m") as pool:
        ((first, second),) = pool.map(iter([[Page(html(), "p"), Failure("f", "why")]]))
    assert PROSE[:20] in (first[1] or "")
    assert (second[0].status, second[0].error, second[1]) == ("failed", "why", None)


def test_batches_are_bounded_by_count_and_size() -> None:
    records = [Page(b"x" * size, str(size)) for size in (10, 10, 5, 100, 1, 1, 1, 1)]
    sizes = [[len(item.data) for item in batch] for batch in batches(iter(records), 3, 50)]  # type: ignore[union-attr]
    assert sizes == [[10, 10, 5], [100], [1, 1, 1], [1]]
    assert list(batches(iter([]))) == []
