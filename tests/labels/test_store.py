"""The store loses nothing: not to an undo, a second writer, a killed process or a bad record."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.labels import Label, LabelError, LabelStore

WRITER = """
import sys
from detector.labels import Label, LabelStore
store = LabelStore(sys.argv[1])
for i in range(int(sys.argv[3])):
    print(store.add(Label(f"text {i}", spun=1, annotator=sys.argv[2])), flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path / "labels.sqlite3")


def writer(store: LabelStore, annotator: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(store.path), annotator, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def answers(store: LabelStore) -> list[tuple[str, int | None]]:
    return [(stored.label.text, stored.label.spun) for stored in store.standing()]


def test_what_is_added_comes_back(store: LabelStore) -> None:
    label = Label(
        "Some té\0xt \U0001f600", 1, 0, "forum", "anna", "2026-03-31", "p1", "a-1", ((0, 4), (5, 7))
    )
    row = store.add(label)
    (stored,) = LabelStore(store.path).standing()
    assert (stored.row, stored.label) == (row, label)


def test_a_store_that_is_not_there_is_empty(store: LabelStore) -> None:
    assert store.standing() == store.history() == []
    assert not store.path.exists()


def test_the_last_answer_of_each_annotator_stands(store: LabelStore) -> None:
    for annotator, spun in (("anna", 1), ("ben", 0), ("anna", 0)):
        store.add(Label("a text", spun, annotator=annotator))
    assert [(s.label.annotator, s.label.spun) for s in store.standing()] == [("ben", 0), ("anna", 0)]
    assert len(store.history()) == 3


def test_an_undo_is_a_row_and_brings_back_what_stood_before(store: LabelStore) -> None:
    first, second = store.add(Label("a", 1)), store.add(Label("a", 0))
    undo = store.undo(second, "ben")
    assert answers(store) == [("a", 1)]
    store.undo(first)
    assert answers(store) == []
    rows = store.history()
    assert [row.undoes for row in rows] == [None, None, second, first]
    assert (rows[2].row, rows[2].label.annotator) == (undo, "ben")
    for row, reason in ((second, "undone already"), (undo, "an undo itself"), (99, "no row 99")):
        with pytest.raises(LabelError, match=reason):
            store.undo(row)


def test_the_last_labels_of_an_annotator_newest_first(store: LabelStore) -> None:
    for text in "abc":
        store.add(Label(text, 1, annotator="anna"))
        store.add(Label(text, 0, annotator="ben"))
    assert [s.label.text for s in store.last("anna", 2)] == ["c", "b"]


def test_adding_a_file_twice_adds_it_once(store: LabelStore) -> None:
    labels = [Label("a", 1), Label("b", 0), Label("a", 1, annotator="ben")]
    assert store.add_all(labels) == (3, 0)
    assert store.add_all([*labels, Label("c", 1)]) == (1, 3)
    assert store.add_all([Label("a", 0)]) == (1, 0)


def test_a_batch_that_fails_half_way_leaves_nothing(store: LabelStore) -> None:
    def half() -> object:
        yield Label("a", 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add_all(half())  # type: ignore[arg-type]
    assert store.history() == []


@pytest.mark.parametrize("statement", ["DELETE FROM labels", "UPDATE labels SET spun = 0"])
def test_the_file_itself_refuses_to_forget(store: LabelStore, statement: str) -> None:
    store.add(Label("a", 1))
    with sqlite3.connect(store.path) as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)
    assert answers(store) == [("a", 1)]


CREATORS = """
import sys, time
from detector.labels import Label, LabelStore
folder, annotator, start = sys.argv[1:]
for i in range(20):
    while time.time() < float(start) + i / 10:
        pass
    LabelStore(f"{folder}/{i}.sqlite3").add(Label("text", spun=1, annotator=annotator))
"""


def test_a_store_can_be_created_by_several_at_once(tmp_path: Path) -> None:
    start = str(time.time() + 1)
    creators = [
        subprocess.Popen([sys.executable, "-c", CREATORS, str(tmp_path), name, start]) for name in "abcd"
    ]
    assert [process.wait(timeout=60) for process in creators] == [0] * 4
    assert {len(LabelStore(tmp_path / f"{i}.sqlite3").history()) for i in range(20)} == {4}


def test_two_writers_at_once_lose_nothing(store: LabelStore) -> None:
    writers = [writer(store, name, 60) for name in ("anna", "ben")]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    rows = store.history()
    assert len(rows) == 120
    assert {(r.label.annotator, r.label.text) for r in rows} == {
        (name, f"text {i}") for name in ("anna", "ben") for i in range(60)
    }


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a thing of POSIX")
def test_kill_9_loses_no_label_that_was_acknowledged(store: LabelStore) -> None:
    acknowledged: list[int] = []
    for round in range(4):
        process = writer(store, f"anna {round}", 100_000)
        assert process.stdout
        acknowledged.append(int(process.stdout.readline()))
        time.sleep(0.02 * round)
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.communicate()[0].split("\n")[:-1]]
    rows = [stored.row for stored in store.history()]
    assert set(acknowledged) <= set(rows)
    assert rows == list(range(1, len(rows) + 1))
    assert len(rows) <= len(acknowledged) + 4  # at most the one being acknowledged in each round


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be looked at" * 50, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_store_is_named(store: LabelStore, content: bytes) -> None:
    store.path.write_bytes(content)
    with pytest.raises(LabelError, match=r"labels\.sqlite3 can't be used: "):
        store.add(Label("a", 1))
    assert store.path.read_bytes() == content


def test_a_store_of_a_newer_release_is_left_alone(store: LabelStore) -> None:
    store.add(Label("a", 1))
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LabelError, match="newer release"):
        store.standing()


@given(text=st.text(min_size=1).filter(lambda t: t.strip()), row=st.integers())
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str, row: int) -> None:
    store = LabelStore(tmp_path_factory.mktemp("any") / "labels.sqlite3")
    label = Label(text, 1, annotator="anna", spans=((0, 1),))
    store.add(label)
    assert [stored.label.text for stored in store.standing()] == [label.text]
    assert len(label.text) == len(text)
    assert store.add_all([label]) == (0, 1)
