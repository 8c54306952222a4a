"""`detector families`: which documents of a corpus are spun versions of one another."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from detector.cli.common import ERROR, INTERRUPTED, OK, UserError, announce_compiling, user_errors, warn
from detector.cli.score import From
from detector.document import Document

if TYPE_CHECKING:
    from detector.families import Family
    from detector.readers import Record


class FamiliesFormat(StrEnum):
    """How families are written."""

    human = "human"
    jsonl = "jsonl"
    html = "html"


def families(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS...",
            help="Files, directories (searched recursively), patterns, or - for standard input.",
        ),
    ],
    format: Annotated[
        FamiliesFormat | None,
        typer.Option(
            help="Default: human in a terminal, else jsonl, or what the suffix of --output says.",
            show_default=False,
        ),
    ] = None,
    similarity: Annotated[
        float,
        typer.Option(help="Least share of content in the same order, in (0, 1]. Higher: surer and fewer."),
    ] = 0.25,
    from_: From = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write to this file instead, in one step at the end.", show_default=False
        ),
    ] = None,
) -> None:
    """Group documents that are spun versions of one another, and show which words vary.

    Reads the same formats as score.

        detector families crawl/ -o families.html

        detector families 'crawl/*.jsonl.gz' > families.jsonl

    JSON lines: one for each member, with family, size, id, url, similarity to the head of the family (its first
    line), and slots: the places of the document that vary, by the number of the slot in the family.

    Exit status: 0 done, whether or not families were found, 2 usage or input error (the rest is grouped).
    """  # fmt: skip
    with user_errors():
        if not 0 < similarity <= 1:
            raise UserError(f"--similarity {similarity:g}: expected a number in (0, 1]")
        raise typer.Exit(_run(paths, _format(format, output), similarity, from_, output))


class _Input:
    """The documents of the records, counted; failures are told of at once."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = records
        self.counts: Counter[str] = Counter()

    def documents(self) -> Iterator[Document]:
        """The readable ones, with a progress line."""
        from detector.cli.progress import Progress

        progress = Progress(True)
        for record in self._records:
            if isinstance(record, Document):
                self.counts["read"] += 1
                yield record
            else:
                self.counts["failed"] += 1
                progress.clear()
                warn(f"{record.id}: {record.reason}")
            progress.show(self.counts)
        progress.clear()


def _run(
    paths: list[str], format: FamiliesFormat, similarity: float, input_format: str | None, output: Path | None
) -> int:
    from detector.cli.sink import open_sink, silence_stdout
    from detector.families import find_families
    from detector.readers import read

    source = _Input(read(paths, input_format))
    try:
        found = find_families(source.documents(), similarity)
    except (ModuleNotFoundError, ValueError) as error:
        raise UserError(str(error)) from None
    announce_compiling()
    try:
        with open_sink(output, paths) as out:
            tally = _write(found, format, out)
            out.flush()
    except BrokenPipeError:
        silence_stdout()
        return OK
    except KeyboardInterrupt:
        warn(f"interrupted after reading {source.counts.total():,} documents")
        return INTERRUPTED
    if not source.counts.total():
        where = ", ".join(paths)
        warn(f"error: no documents in {where}: no files with a known suffix (name others one by one)")
        return ERROR
    warn(
        f"{source.counts['read']:,} documents, {tally['families']:,} families with {tally['members']:,} of them"
    )
    return ERROR if source.counts["failed"] else OK


def _write(found: Iterator[Family], format: FamiliesFormat, out: TextIO) -> Counter[str]:
    """Write as families come; returns how many families and members."""
    from detector.families.page import describe, write_page

    tally: Counter[str] = Counter()

    def counted() -> Iterator[Family]:
        for family in found:
            tally.update(families=1, members=len(family.members))
            yield family

    if format is FamiliesFormat.html:
        write_page(counted(), out)
        return tally
    for family in counted():
        if format is FamiliesFormat.human:
            out.write(describe(family) + "\n")
        else:
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in family.records())
    return tally


def _format(format: FamiliesFormat | None, output: Path | None) -> FamiliesFormat:
    if format is not None:
        return format
    if output is not None and output.suffix.lower() in (".html", ".htm"):
        return FamiliesFormat.html
    if output is not None and output.suffix.lower() == ".txt":
        return FamiliesFormat.human
    return FamiliesFormat.human if output is None and sys.stdout.isatty() else FamiliesFormat.jsonl
