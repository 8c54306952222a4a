"""`detector suggest`: which documents are worth a label."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from detector.cli.common import ERROR, UserError, open_detector, user_errors, warn
from detector.cli.labels import label_errors
from detector.cli.score import Fpr, From, Model, PolicyOption
from detector.cli.settings import settings

if TYPE_CHECKING:
    from detector.document import Document
    from detector.training.suggest import Suggestion


def suggest(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="CORPUS...", help="Files, directories, patterns, or - for standard input."),
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=10_000, help="How many documents.")] = 50,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to fill in, .jsonl or .csv.", show_default=False),
    ] = None,
    policy: PolicyOption = None,
    fpr: Fpr = None,
    from_: From = None,
    seed: Annotated[int, typer.Option(help="Same corpus and seed: same choice.")] = 0,
    model: Model = None,
) -> None:
    """Choose what is worth labelling: unsure, flagged, perhaps missed, and some at random.

        detector suggest crawl/ -n 50 -o to-label.csv

    Fill in the columns spun and stuffed (1 yes, 0 no, empty if you can't tell), then

        detector labels add to-label.csv --annotator anna

    What is in the store of labels already is not suggested again. Without -o a list is shown in a terminal,
    and JSON lines are written into a pipe.

    Exit status 2 if something could not be read, or nothing was found; else 0.
    """  # fmt: skip
    with user_errors(), label_errors():
        chosen = settings(policy, fpr)
        raise typer.Exit(run(paths, count, output, chosen.policy, chosen.fpr, from_, seed, model))


def run(
    paths: list[str], count: int, output: Path | None, policy: str, fpr: float | None, input_format: str | None,
    seed: int, model: Path | None,
) -> int:  # fmt: skip
    """Choose and write; returns the exit status. Raises UserError."""
    from detector.cli.sink import open_sink
    from detector.labels import LabelStore
    from detector.readers import Failure, read
    from detector.training.suggest import suggest

    detector, _ = open_detector(model, policy, fpr)
    labelled = {label.key for label in LabelStore().labels()}
    failures: list[str] = []

    def documents() -> Iterator[Document]:
        for record in read(paths, input_format):
            if isinstance(record, Failure):
                failures.append(record.id)
                warn(f"{record.id}: {record.reason}")
            else:
                yield record

    found = suggest(detector, documents(), count, labelled, seed)
    if not found:
        raise UserError("nothing to suggest: no document there is scored and not yet labelled")
    with open_sink(output, paths) as out:
        if output is None and out.isatty():
            _print(found)
        elif output is not None and output.suffix.lower() == ".csv":
            _write_csv(found, out)
        else:
            out.writelines(json.dumps(s.to_dict(), ensure_ascii=False) + "\n" for s in found)
    if output is not None:
        counts = ", ".join(f"{n} {reason}" for reason, n in Counter(s.reason for s in found).items())
        print(
            f"{output}: {len(found)} documents to label ({counts})\nFill in spun and stuffed (1, 0 or nothing), "
            f"then: detector labels add {output} --annotator YOU",
            file=sys.stderr,
        )
    return ERROR if failures else 0


def _write_csv(found: Iterable[Suggestion], out: TextIO) -> None:
    """One row a suggestion; what is to be filled in stands first, so that it is seen beside the text."""
    columns = ("spun", "stuffed", "why", "text", "id", "source", "annotator", "date", "pair", "reason")
    rows = csv.DictWriter(out, columns)
    rows.writeheader()
    rows.writerows(suggestion.to_dict() for suggestion in found)


def _print(found: Iterable[Suggestion]) -> None:
    from detector.report.places import visible

    for suggestion in found:
        start = " ".join(suggestion.document.text[:200].split())[:90]
        print(f"{visible(suggestion.document.id)}\n  {suggestion.why}\n  {visible(start)}")
    print("\nWith -o to-label.csv these go into a file to fill in.")
