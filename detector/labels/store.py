"""The store of labels: one SQLite file, to which rows are added and from which none is ever taken.

An undo is a row of its own. What stands is, for each text and annotator, the last row that was not undone.
Triggers refuse UPDATE and DELETE, whoever asks; writers wait for one another; a committed row is on disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from detector.labels.label import Label, LabelError
from detector.paths import home

SCHEMA = 1
WAIT_SECONDS = 60.0
"""How long a writer waits for another."""
_TABLES = f"""
CREATE TABLE IF NOT EXISTS labels (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  undoes INTEGER REFERENCES labels (row),
  key TEXT NOT NULL, text TEXT NOT NULL,
  spun INTEGER, stuffed INTEGER,
  source TEXT NOT NULL, annotator TEXT NOT NULL, date TEXT NOT NULL, pair TEXT NOT NULL, id TEXT NOT NULL,
  spans TEXT NOT NULL,
  added TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS undone_once ON labels (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_text ON labels (key, annotator);
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON labels
  BEGIN SELECT RAISE(ABORT, 'labels are never deleted: undo the row instead'); END;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON labels
  BEGIN SELECT RAISE(ABORT, 'labels are never changed: add a new row instead'); END;
PRAGMA user_version = {SCHEMA};
"""
_COLUMNS = "row, undoes, text, spun, stuffed, source, annotator, date, pair, id, spans, added"


def _standing(condition: str = "TRUE") -> str:
    """The query for what stands, among the rows of a condition on key and annotator."""
    return f"""
SELECT {_COLUMNS} FROM labels WHERE row IN (
  SELECT max(row) FROM labels AS l
  WHERE {condition} AND undoes IS NULL AND NOT EXISTS (SELECT 1 FROM labels AS u WHERE u.undoes = l.row)
  GROUP BY key, annotator
) ORDER BY row"""


class Added(NamedTuple):
    """How many labels were new, and how many stood there already, word for word."""

    new: int
    known: int


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A row: its number, when it was added (ISO 8601, UTC), and the row that it undoes, if it is an undo."""

    row: int
    added: str
    label: Label
    undoes: int | None = None


class LabelStore:
    """The labels under `path` (default: `labels.sqlite3` in DETECTOR_HOME). Safe to share between threads and
    processes: each call opens the file anew. Raises LabelError if it can't be used."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = home() / "labels.sqlite3" if path is None else Path(path)

    def add(self, label: Label) -> int:
        """Append one label; returns its row. The date is set to now if the label has none."""
        with self._writing() as connection:
            return _insert(connection, label)

    def add_all(self, labels: Iterable[Label]) -> Added:
        """Append labels, all of them or, after an error, none. Those that stand there already, with the same
        text, annotator and answer, are not repeated."""
        new = known = 0
        with self._writing() as connection:
            for label in labels:
                if _stands(connection, label):
                    known += 1
                else:
                    _insert(connection, label)
                    new += 1
        return Added(new, known)

    def undo(self, row: int, annotator: str = "") -> int:
        """Append an undo of `row` by `annotator`; returns its row. What stood before stands again. Raises
        LabelError if there is no such row, or it is an undo or undone already."""
        with self._writing() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM labels WHERE row = ?", (row,)).fetchone()
            if found is None:
                raise LabelError(f"there is no row {row} in {self.path}")
            stored = _stored(found)
            if stored.undoes is not None:
                raise LabelError(f"row {row} is an undo itself: add the label again instead")
            if connection.execute("SELECT 1 FROM labels WHERE undoes = ?", (row,)).fetchone():
                raise LabelError(f"row {row} is undone already")
            label = Label(stored.label.text, stored.label.spun, stored.label.stuffed, annotator=annotator)
            return _insert(connection, label, undoes=row)

    def standing(self) -> list[StoredLabel]:
        """What stands: the last label of each annotator on each text that was not undone, by row."""
        return list(self._select(_standing()))

    def labels(self) -> list[Label]:
        """The labels of what stands."""
        return [stored.label for stored in self.standing()]

    def history(self) -> list[StoredLabel]:
        """Every row that was ever added, undos included, by row."""
        return list(self._select(f"SELECT {_COLUMNS} FROM labels ORDER BY row"))

    def last(self, annotator: str, count: int = 1) -> list[StoredLabel]:
        """The last `count` standing labels of one annotator, the newest first: what an undo key would undo."""
        return list(self._select(f"{_standing('annotator = ?')} DESC LIMIT ?", annotator, count))

    def _select(self, query: str, *values: object) -> Iterator[StoredLabel]:
        if not self.path.exists():
            return
        with self._opened() as connection:
            yield from map(_stored, connection.execute(query, values))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed as a whole at the end, or not at all."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(
                sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
            ) as connection:
                self._prepare(connection)
                yield connection
        except sqlite3.Error as error:
            raise LabelError(f"the store of labels {self.path} can't be used: {error}") from error
        except OSError as error:
            raise LabelError(f"the store of labels {self.path} can't be used: {error.strerror}") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise LabelError(f"{self.path} was written by a newer release: upgrade this one")
        connection.execute("PRAGMA synchronous = FULL")
        if version < SCHEMA:
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")


def _insert(connection: sqlite3.Connection, label: Label, undoes: int | None = None) -> int:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cursor = connection.execute(
        "INSERT INTO labels (undoes, key, text, spun, stuffed, source, annotator, date, pair, id, spans, added)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            undoes, label.key, label.text, label.spun, label.stuffed, label.source, label.annotator,
            label.date or now, label.pair, label.id, json.dumps(label.spans), now,
        ),
    )  # fmt: skip
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _stands(connection: sqlite3.Connection, label: Label) -> bool:
    query = _standing("key = ? AND annotator = ?")
    found = connection.execute(query, (label.key, label.annotator)).fetchone()
    if found is None:
        return False
    standing = _stored(found).label
    return (standing.spun, standing.stuffed, standing.spans) == (label.spun, label.stuffed, label.spans)


def _stored(found: tuple[object, ...]) -> StoredLabel:
    row, undoes, text, spun, stuffed, source, annotator, date, pair, id, spans, added = found
    marked = tuple((start, end) for start, end in json.loads(str(spans)))
    label = Label(text, spun, stuffed, source, annotator, date, pair, id, marked)  # type: ignore[arg-type]
    return StoredLabel(row, added, label, undoes)  # type: ignore[arg-type]
