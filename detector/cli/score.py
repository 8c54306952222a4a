"""`detector score`: verdicts on files, directories, patterns or standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.common import (
    ERROR,
    INTERRUPTED,
    InputFormat,
    OutputFormat,
    PolicyName,
    Tally,
    UserError,
    open_detector,
    score_records,
    user_errors,
    warn,
)
from detector.cli.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.cli.writers import Writer
    from detector.report.places import Scored

Fpr = Annotated[
    float | None,
    typer.Option(
        help="Instead of a policy: a false-positive rate in (0, 0.5], such as 0.005.", show_default=False
    ),
]
Model = Annotated[
    Path | None, typer.Option(help="A model folder or .zip, instead of the one in use.", show_default=False)
]
PolicyOption = Annotated[
    PolicyName | None,
    typer.Option(
        help="Honest documents that may be flagged: precise 0.1 %, balanced 1 %, sensitive 5 %. [default: balanced]",
        show_default=False,
    ),
]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 where it would be 1 (flagged).")]
From = Annotated[
    InputFormat | None,
    typer.Option(
        "--from", help="What the input holds, if neither suffix nor content says so.", show_default=False
    ),
]


def score(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH|DIR|GLOB|-]...",
            show_default=False,
            help="Files, directories (searched recursively), patterns, or - for standard input.",
        ),
    ] = None,
    format: Annotated[
        OutputFormat | None,
        typer.Option(
            help="Default: human in a terminal, else jsonl, or what the suffix of --output says.",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = None,
    fpr: Fpr = None,
    explain: Annotated[
        bool | None,
        typer.Option(
            "--explain/--no-explain",
            help="Show all evidence, or look for none (faster). Default: the main evidence.",
            show_default=False,
        ),
    ] = None,
    with_text: Annotated[
        bool,
        typer.Option(
            "--with-text",
            help="Add the text that was scored to each JSON record: offsets count its code points.",
        ),
    ] = False,
    from_: From = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Threads; 0 for one per core. Results do not depend on it. [default: 1]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write to this file instead, in one step at the end.", show_default=False
        ),
    ] = None,
    exit_zero: ExitZero = False,
    model: Model = None,
) -> None:
    """Score documents: is this spun, is it stuffed, and where?

    Reads .txt .md .html .jsonl .csv .tsv, each also as .gz; other files by what they hold.

        detector score article.txt

        detector score pages/ --format html -o report.html

        detector score 'crawl/**/*.jsonl.gz' --jobs 0 --no-explain > verdicts.jsonl

        detector score labels.csv --fpr 0.005 --format csv

        pbpaste | detector score - --explain

    Exit status: 0 nothing flagged, 1 something flagged, 2 usage or input error (the other documents are
    scored all the same). Defaults can stand in pyproject.toml: \\[tool.detector] policy, fpr, format, jobs.
    """  # fmt: skip
    with user_errors():
        chosen = settings(policy, fpr, format, jobs)
        if not paths:
            raise UserError("nothing to score: name files or directories, or - for standard input")
        form = chosen.format if format or not output else _by_suffix(output) or chosen.format
        raise typer.Exit(
            run(
                paths, form or _default_format(output), chosen.policy, chosen.fpr, explain, with_text,
                from_, chosen.jobs or os.cpu_count() or 1, output, exit_zero, model,
            )
        )  # fmt: skip


def run(
    paths: list[str], format: OutputFormat, policy: str, fpr: float | None, explain: bool | None,
    with_text: bool, input_format: str | None, jobs: int, output: Path | None, exit_zero: bool,
    model: Path | None,
) -> int:  # fmt: skip
    """Score and write; returns the exit status. Raises UserError."""
    from detector.cli.sink import open_sink, silence_stdout
    from detector.cli.writers import make_writer
    from detector.readers import read

    if with_text and format not in (OutputFormat.json, OutputFormat.jsonl):
        raise UserError(f"--with-text goes with --format json or jsonl, not {format}")
    detector, limits = open_detector(model, policy, fpr)
    scored = score_records(detector, read(paths, input_format), explain is not False, jobs)
    tally = Tally()
    try:
        with open_sink(output, paths) as out:
            _write_all(
                scored,
                make_writer(format, out, limits, explain, with_text),
                tally,
                output is not None or not out.isatty(),
            )
            out.flush()
    except BrokenPipeError:
        silence_stdout()
        return tally.status(exit_zero)
    except KeyboardInterrupt:
        warn(f"interrupted after {tally.total:,} documents")
        return INTERRUPTED
    return _conclude(tally, paths, format is OutputFormat.human and output is None, exit_zero)


def _conclude(tally: Tally, paths: list[str], seen: bool, exit_zero: bool) -> int:
    """Say on standard error what the records alone might not tell; `seen`: the user has them before him."""
    if tally.total == 0:
        where = ", ".join(paths)
        warn(f"error: no documents in {where}: no files with a known suffix (name others one by one)")
        return ERROR
    failed = tally.counts["failed"]
    if failed and not seen:
        warn(f"{failed:,} of {tally.total:,} documents could not be read: see the records with status failed")
    return tally.status(exit_zero)


def _write_all(scored: Iterable[Scored], writer: Writer, tally: Tally, progress_wanted: bool) -> None:
    """Write as verdicts come; an interruption still gets a proper ending."""
    from detector.cli.progress import Progress

    progress = Progress(progress_wanted)
    try:
        for item in scored:
            writer.add(item)
            tally.add(item)
            progress.show(tally.counts)
    except KeyboardInterrupt:
        progress.clear()
        writer.finish()
        raise
    progress.clear()
    writer.finish()


def _by_suffix(output: Path) -> OutputFormat | None:
    suffix = output.suffix.lower().removeprefix(".")
    return {"txt": OutputFormat.human, "htm": OutputFormat.html}.get(suffix) or (
        OutputFormat(suffix) if suffix in set(OutputFormat) else None
    )


def _default_format(output: Path | None) -> OutputFormat:
    return OutputFormat.human if output is None and sys.stdout.isatty() else OutputFormat.jsonl
