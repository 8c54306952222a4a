"""Arrow tables with the columns of `rows` added: what Ray Data and Spark hand to their Python workers."""

from __future__ import annotations

from typing import TypeVar

import pyarrow as pa

from detector.integrations.rows import COLUMNS, PREFIX, columns, score_values
from detector.scoring import Detector

_KINDS = {
    "spun": pa.float64(),
    "stuffed": pa.float64(),
    "reasons": pa.list_(pa.string()),
    "words": pa.int64(),
    "truncated": pa.bool_(),
}
FIELDS = tuple(pa.field(PREFIX + name, _KINDS.get(name, pa.string())) for name in COLUMNS)
"""Names and types of the added columns."""
Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


def check_columns(names: list[str], column: str) -> None:
    """Raise ValueError if there is no such column, or if columns that are to be added are there already."""
    if column not in names:
        raise ValueError(f"no column {column!r} to score; there are {', '.join(map(repr, names))}")
    taken = [field.name for field in FIELDS if field.name in names]
    if taken:
        raise ValueError(f"the data has {', '.join(taken)} already: drop or rename them before scoring")


def add_columns(detector: Detector, rows: Rows, column: str, drop: bool) -> Rows:
    """The rows with FIELDS added, without the flagged ones if `drop`. Raises ValueError as `check_columns`."""
    check_columns(rows.schema.names, column)
    verdicts = list(score_values(detector, rows.column(column).to_pylist()))
    records = [columns(verdict) for verdict in verdicts]
    for name, field in zip(COLUMNS, FIELDS, strict=True):
        rows = rows.append_column(field, pa.array([record[name] for record in records], field.type))
    return rows.filter(pa.array([not verdict.flagged for verdict in verdicts], pa.bool_())) if drop else rows
