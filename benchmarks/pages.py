"""Figures go into pages that are otherwise written by hand, between `<!-- PLACE -->` and `<!-- /PLACE -->`."""

from __future__ import annotations

from pathlib import Path


def write(page: Path, place: str, markdown: str) -> None:
    """Put `markdown` into its place in the page; what stood there goes. Raises SystemExit if there is no such place."""
    start, end = f"<!-- {place} -->", f"<!-- /{place} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{page} has no {start} ... {end}: put them where the figures belong")
    page.write_text(f"{before}{start}\n{markdown.strip()}\n{end}{after}", encoding="utf-8")
