"""Adapters: scrapy, datatrove, ray, spark. Each imports its engine; the rest of the package imports none of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Around the import of an engine: if it is missing, say which extra of the package brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        hint = f'pip install "spun-text-detector[{name}]"'
        raise ModuleNotFoundError(f"{error}: this adapter needs an extra, {hint}", name=error.name) from error
