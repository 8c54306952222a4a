"""`detector labels`: keep what people said about texts, look at it, take it out again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli.common import ERROR, FLAGGED, UserError, user_errors, warn

if TYPE_CHECKING:
    from detector.labels import Label, StoredLabel

labels = typer.Typer(no_args_is_help=True, help="Keep labels: what people said about texts.")
Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="JSON lines, CSV or an export; - for standard input.")
]
Annotator = Annotated[str, typer.Option(help="Who labelled, where the records do not say.")]
History = Annotated[bool, typer.Option("--history", help="Every row ever added, undone ones included.")]


class ListFormat(StrEnum):
    """How `labels list` answers."""

    human = "human"
    jsonl = "jsonl"


@labels.callback()
def root() -> None:
    """Keep labels: what people said about texts. Rows are added, never changed or deleted.

    They lie in labels.sqlite3 in DETECTOR_HOME (default: the user's data folder).
    """


@labels.command()
def add(
    files: Files,
    annotator: Annotator = "",
    source: Annotated[str, typer.Option(help="Where the texts come from, where the records don't say.")] = "",
) -> None:
    """Add the labels of files to the store.

        detector labels add new.jsonl --annotator anna

        detector labels add export-of-label-studio.json labels.csv

    Reads {"text", "spun", "stuffed", ...} a line, CSV of text,label, and exports of Label Studio, Prodigy and
    Argilla. Exit status 2 if a record could not be used; the others are added all the same.
    """  # fmt: skip
    with user_errors(), label_errors():
        raise typer.Exit(_add(files, annotator, source))


def _add(files: list[str], annotator: str, source: str) -> int:
    from detector.labels import LabelStore

    failed = [0]
    store = LabelStore()
    added = store.add_all(read_all(files, annotator, source, failed))
    print(f"{added.new:,} labels added to {store.path}, {added.known:,} were there already")
    if failed[0]:
        warn(f"{failed[0]:,} records could not be used (see above)")
    return ERROR if failed[0] or not sum(added) else 0


def read_all(files: Iterable[str], annotator: str, source: str, failed: list[int]) -> Iterator[Label]:
    """The labels of all files; what can't be used is said on standard error and counted in `failed[0]`."""
    from detector.labels.formats import read_labels
    from detector.readers.base import Failure

    for file in files:
        for item in read_labels(file, annotator, source):
            if isinstance(item, Failure):
                failed[0] += 1
                warn(f"{item.id}: {item.reason}")
            else:
                yield item.label


@labels.command()
def check(
    files: Files,
    format: Annotated[ListFormat, typer.Option(help="human or jsonl.")] = ListFormat.human,
) -> None:
    """Look for what is wrong with files of labels, before they are added: line by line, and what to do.

        detector labels check new.jsonl

    Duplicates and near-duplicates, conflicts, likely mistakes (extra: labels), copies of the frozen hold-out,
    texts too short or not English; then what the files hold. Exit status 0 nothing found, 1 something found,
    2 a record can't be read.
    """  # fmt: skip
    with user_errors(), label_errors():
        raise typer.Exit(_check(files, format))


def _check(files: list[str], format: ListFormat) -> int:
    from detector.labels.formats import read_labels
    from detector.readers.base import Failure
    from detector.training.label_check import Finding, Placed
    from detector.training.label_check import check as check_labels

    placed: list[Placed] = []
    unread: list[Finding] = []
    for file in files:
        for item in read_labels(file):
            if isinstance(item, Failure):
                unread.append(Finding(item.id, "unusable", item.reason))
            else:
                placed.append(Placed(f"{file}:{item.number}", item.label))
    try:
        report = check_labels(placed)
    except ValueError as error:
        raise UserError(str(error)) from None
    findings = unread + report.findings
    for finding in findings:
        if format is ListFormat.jsonl:
            print(json.dumps(asdict(finding), ensure_ascii=False))
        else:
            print(visible_line(f"{finding.place}: {finding.problem}: {finding.message}"))
    if format is ListFormat.jsonl:
        print(json.dumps({"summary": report.summary, "notes": report.notes}, ensure_ascii=False))
    else:
        print("\n".join(visible_line(line) for line in ["", *_summary_lines(report.summary), *report.notes]))
    return ERROR if unread else FLAGGED if findings else 0


def visible_line(line: str) -> str:
    """A line whose control characters can't move the cursor of a terminal."""
    from detector.report.places import visible

    return visible(line)


def _summary_lines(summary: dict[str, Any]) -> Iterator[str]:
    for key, value in summary.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name or '(unnamed)'} {count:,}" for name, count in value.items()) or "none"
        yield f"{key:<18} {value}"


@labels.command("list")
def show(
    limit: Annotated[int, typer.Option("-n", min=0, help="Only the last N; 0 for all.")] = 20,
    history: History = False,
    format: Annotated[ListFormat, typer.Option(help="human or jsonl.")] = ListFormat.human,
) -> None:
    """Show the labels that stand: the last of each annotator on each text.

    detector labels list -n 50
    """
    with user_errors(), label_errors():
        rows = _rows(history)
    shown = rows[-limit:] if limit else rows
    if format is ListFormat.jsonl:
        for stored in shown:
            print(json.dumps(_record(stored), ensure_ascii=False))
        return
    _print_table(shown)
    print(f"{len(shown):,} of {len(rows):,} rows" if rows else "no labels yet: detector labels add FILE")


@labels.command()
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead.")] = None,
    history: History = False,
) -> None:
    """Write the labels as JSON lines, as `labels add` reads them.

    detector labels export -o labels.jsonl
    """
    from detector.cli.sink import open_sink

    with user_errors(), label_errors():
        rows = _rows(history)
        with open_sink(output) as out:
            for stored in rows:
                record = _record(stored) if history else stored.label.to_dict()
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
    if output:
        print(f"{len(rows):,} labels: {output}")


@labels.command()
def undo(
    row: Annotated[int, typer.Argument(help="The number of the row, as `labels list` shows it.")],
    annotator: Annotator = "",
) -> None:
    """Take a label back. The row stays, and so does the record of who took it back.

    detector labels undo 17 --annotator anna
    """
    from detector.labels import LabelStore

    with user_errors(), label_errors():
        number = LabelStore().undo(row, annotator)
    print(f"row {row} is undone (by row {number})")


@contextmanager
def label_errors() -> Iterator[None]:
    """A LabelError is the user's to put right."""
    from detector.labels import LabelError

    try:
        yield
    except LabelError as error:
        raise UserError(str(error)) from None


def _rows(history: bool) -> list[StoredLabel]:
    from detector.labels import LabelStore

    return LabelStore().history() if history else LabelStore().standing()


def _record(stored: StoredLabel) -> dict[str, Any]:
    record = {"row": stored.row, "added": stored.added, **stored.label.to_dict()}
    return record if stored.undoes is None else record | {"undoes": stored.undoes}


def _print_table(rows: list[StoredLabel]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from detector.report.places import visible

    table = Table("row", "label", "annotator", "source", "added", "text", box=None, pad_edge=False)
    for stored in rows:
        label = stored.label
        answer = f"undoes {stored.undoes}" if stored.undoes is not None else label.words
        start = " ".join(label.text[:80].split())
        cells = (str(stored.row), answer, label.annotator, label.source, stored.added[:16], start)
        table.add_row(*(Text(visible(cell), no_wrap=True, overflow="ellipsis") for cell in cells))
    Console(highlight=False, markup=False, emoji=False).print(table)
