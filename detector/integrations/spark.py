"""Spark (extra `spark`): a data frame with the verdicts' columns added.

`mapInArrow`, which is `mapInPandas` without the conversion: nullable integers, dates and lists of the other columns
come back as they were. Each Python worker opens the model once and keeps it for the tasks that follow.
"""

from __future__ import annotations

from collections.abc import Iterator

from detector.integrations import needs_extra
from detector.integrations.rows import process_detector

with needs_extra("spark"):
    import pyarrow as pa
    from pyspark.sql import DataFrame
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructType

    from detector.integrations.tables import FIELDS, add_columns, check_columns


def add_scores(
    frame: DataFrame,
    column: str = "text",
    drop: bool = False,
    policy: str = "balanced",
    model: str | None = None,
) -> DataFrame:
    """The frame with `tables.FIELDS` added; lazy, as all of Spark.

    `column` holds texts or pages, as strings or binary; `drop` leaves out flagged rows; `policy` and `model` are those
    of `detector.load`, and a `model` must lie at the same path on every worker. Raises ValueError at once for
    options that can't be used here.
    """
    check_columns(frame.columns, column)
    process_detector(model, policy)

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        detector = process_detector(model, policy)
        for batch in batches:
            yield add_columns(detector, batch, column, drop)

    added = from_arrow_schema(pa.schema(FIELDS))
    return frame.mapInArrow(score, StructType([*frame.schema.fields, *added.fields]))
