"""A verdict as a flat row, for tables."""

from __future__ import annotations

from typing import Any

from detector.verdict import Verdict

COLUMNS = (
    "id", "url", "status", "spun", "stuffed", "verdict", "reasons", "words", "evidence", "truncated", "error",
    "model",
)  # fmt: skip
"""Of CSV output; `evidence` is the number of marked places, empty with --no-explain."""


def flat_row(verdict: Verdict, with_count: bool) -> dict[str, Any]:
    """{column: value} for CSV; None becomes an empty cell."""
    record: dict[str, Any] = {"truncated": False, **verdict.to_dict()}
    record["reasons"] = "+".join(record["reasons"])
    record["evidence"] = len(record["evidence"]) if with_count else None
    record["truncated"] = "true" if record["truncated"] else ""
    return {name: record.get(name) for name in COLUMNS}
