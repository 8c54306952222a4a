import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.crawl import workers
from detector.crawl.workers import StartError, Work, Workers, batches
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
        assert list(pool.map(iter([]))) == []
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


class Trap:
    """Stands for a page that hangs or crashes the parser: it does so when a process takes it up."""

    def __init__(self, action: Callable[..., Any], *arguments: Any) -> None:
        self.action, self.arguments = action, arguments

    def __reduce__(self) -> Any:
        return self.action, self.arguments


@pytest.mark.parametrize(
    ("trap", "reason"), [(Trap(time.sleep, 600), "more than 4 seconds"), (Trap(os._exit, 9), "crashed")]
)
def test_a_record_that_hangs_or_crashes_its_process_fails_alone(
    work: Work, monkeypatch: pytest.MonkeyPatch, trap: Trap, reason: str
) -> None:
    monkeypatch.setattr(workers, "LIMIT", 4.0)
    bad = Page(trap, "bad", "https://x.example")  # type: ignore[arg-type]
    with Workers(work, 1, "model") as pool:
        first, second = pool.map(iter([[*documents(0, 2), bad, *documents(3, 4)], documents(4, 6)]))
    found = [verdict for verdict, _ in [*first, *second]]
    assert [verdict.id for verdict in found] == ["0", "1", "bad", "3", "4", "5"]
    assert [verdict.status for verdict in found] == [
        "scored",
        "scored",
        "failed",
        "scored",
        "scored",
        "scored",
    ]
    assert (found[2].url, found[2].model) == ("https://x.example", "model")
    assert reason in (found[2].error or "")


def test_a_process_that_can_not_start_says_so(work: Work, tmp_path: Path) -> None:
    lost = Workers(replace(work, model=tmp_path / "none"), 1, "m")
    with pytest.raises(StartError, match="ended while it was starting"), lost:
        pass


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
