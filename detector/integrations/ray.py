"""Ray Data (extra `ray`): a callable class for `Dataset.map_batches`.

pages = ray.data.read_parquet("pages").map_batches(SpunScorer, batch_format="pyarrow", concurrency=(1, 8))
"""

from __future__ import annotations

from detector.integrations import needs_extra
from detector.scoring import load

with needs_extra("ray"):
    import pyarrow as pa

    from detector.integrations.tables import add_columns


class SpunScorer:
    """Adds `tables.FIELDS` to batches; each actor opens the model once, when it starts.

    Give the options in `fn_constructor_kwargs`: `column` holds texts or pages, `drop` leaves out flagged rows, `policy`
    and `model` are those of `detector.load`. Raises ValueError in the actor for options that can't be used.
    """

    def __init__(
        self, column: str = "text", drop: bool = False, policy: str = "balanced", model: str | None = None
    ) -> None:
        self._column = column
        self._drop = drop
        self._detector = load(model, policy)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The batch with the columns added. Raises TypeError for batches that are not Arrow tables."""
        if not isinstance(batch, pa.Table):
            raise TypeError(
                f'got a batch as {type(batch).__name__}: say map_batches(..., batch_format="pyarrow")'
            )
        return add_columns(self._detector, batch, self._column, self._drop)
