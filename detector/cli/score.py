"""`detector score`: verdicts on files, directories, patterns or standard input."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from detector.cli.common import (
    ERROR,
    ExtractionName,
    InputFormat,
    OutputFormat,
    PolicyName,
    Tally,
    UserError,
    open_detector,
    plan_lm,
    stop_politely,
    stopped,
    user_errors,
    warn,
)
from detector.cli.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from detector.cli.writers import Writer
    from detector.crawl.parts import PartFormat
    from detector.readers import Extraction
    from detector.report.places import Scored

FLUSH_SECONDS = 1.0
"""How long a verdict may wait in memory: so much is lost if the process is killed."""
BULK_FORMATS = (OutputFormat.jsonl, OutputFormat.csv, OutputFormat.parquet)
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
Lm = Annotated[
    bool | None,
    typer.Option(
        "--lm/--no-lm",
        help="Let a language model re-read what is in doubt (extra lm, 'detector lm build'). "
        "Default: only for a single document, where it is built.",
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
ExtractionOption = Annotated[
    ExtractionName,
    typer.Option(help="Text of web pages: fast, or precise (trafilatura; takes longer)."),
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
            help="Threads (in bulk runs processes); 0 for one per core. Results do not depend on it. [default: 1]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write to this file instead, in one step at the end.", show_default=False
        ),
    ] = None,
    output_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Bulk run: write parts to this folder (or URL). Run again after a stop, and it goes on where it was.",
            show_default=False,
        ),
    ] = None,
    part_size: Annotated[
        int | None,
        typer.Option(min=1, help="Records in a part of a bulk run. [default: 10000]", show_default=False),
    ] = None,
    extraction: ExtractionOption = ExtractionName.fast,
    exit_zero: ExitZero = False,
    model: Model = None,
    lm: Lm = None,
) -> None:
    """Score documents: is this spun, is it stuffed, and where?

    Reads .txt .md .html .jsonl .csv .tsv .parquet .warc .wet, also as .gz and .zst, also from URLs.

        detector score article.txt

        detector score pages/ --format html -o report.html

        detector score 'crawl/**/*.jsonl.gz' --jobs 0 --no-explain > verdicts.jsonl

        detector score labels.csv --fpr 0.005 --format csv

        pbpaste | detector score - --explain

        detector score 'crawl/*.warc.gz' --output-dir verdicts --jobs 0 --no-explain

    Exit status: 0 nothing flagged, 1 something flagged, 2 usage or input error (the other documents are
    scored all the same). Defaults can stand in pyproject.toml: \\[tool.detector] policy, fpr, format, jobs.
    """  # fmt: skip
    with user_errors():
        chosen = settings(policy, fpr, format, jobs)
        if not paths:
            raise UserError("nothing to score: name files or directories, or - for standard input")
        jobs = chosen.jobs or os.cpu_count() or 1
        if output_dir is not None:
            if output is not None:
                raise UserError("--output and --output-dir exclude each other: give one of them")
            if lm:
                raise UserError("--lm does not go with --output-dir: a bulk run uses the fast stage alone")
            bulk = format or (chosen.format if chosen.format in BULK_FORMATS else None) or OutputFormat.jsonl
            raise typer.Exit(
                run_bulk(
                    paths, output_dir, bulk, chosen.policy, chosen.fpr, explain is not False, with_text, from_,
                    extraction.value, part_size, jobs, exit_zero, model,
                )
            )  # fmt: skip
        if part_size is not None:
            raise UserError("--part-size goes with --output-dir")
        form = chosen.format if format or not output else _by_suffix(output) or chosen.format
        raise typer.Exit(
            run(
                paths, form or _default_format(output), chosen.policy, chosen.fpr, explain, with_text,
                from_, extraction.value, jobs, output, exit_zero, model, lm,
            )
        )  # fmt: skip


def run(
    paths: list[str], format: OutputFormat, policy: str, fpr: float | None, explain: bool | None,
    with_text: bool, input_format: str | None, extraction: Extraction, jobs: int, output: Path | None,
    exit_zero: bool, model: Path | None, lm: bool | None,
) -> int:  # fmt: skip
    """Score and write; returns the exit status. Raises UserError."""
    from detector.cli.sink import open_sink, silence_stdout
    from detector.cli.writers import make_writer
    from detector.crawl.records import score_records
    from detector.readers import read

    if with_text and format not in (OutputFormat.json, OutputFormat.jsonl):
        raise UserError(f"--with-text goes with --format json or jsonl, not {format}")
    if format is OutputFormat.parquet:
        raise UserError("--format parquet goes with --output-dir")
    use, records = plan_lm(lm, read(paths, input_format, extraction))
    detector, limits = open_detector(model, policy, fpr, use, lm_required=lm is True)
    scored = score_records(detector, records, explain is not False, jobs)
    tally = Tally()
    try:
        with open_sink(output, paths) as out:
            _write_all(
                scored,
                make_writer(format, out, limits, explain, with_text),
                tally,
                output is not None or not out.isatty(),
                out.flush,
            )
    except BrokenPipeError:
        silence_stdout()
        return tally.status(exit_zero)
    except KeyboardInterrupt as reason:
        warn(f"interrupted after {tally.total:,} documents")
        return stopped(reason)
    return _conclude(tally, paths, format is OutputFormat.human and output is None, exit_zero)


def run_bulk(
    paths: list[str], folder: str, format: OutputFormat, policy: str, fpr: float | None, evidence: bool,
    with_text: bool, input_format: str | None, extraction: Extraction, part_size: int | None, jobs: int,
    exit_zero: bool, model: Path | None,
) -> int:  # fmt: skip
    """Score into a folder, or go on where an earlier start stopped; returns the exit status. Raises UserError."""
    from detector.cli.progress import Progress
    from detector.crawl import PART_SIZE, CrawlError, Plan
    from detector.crawl import run as run_plan

    if format not in BULK_FORMATS:
        raise UserError(f"--output-dir takes --format {', '.join(BULK_FORMATS)}, not {format}")
    if with_text and format is OutputFormat.csv:
        raise UserError("--with-text goes with --format jsonl or parquet, not csv")
    detector, _ = open_detector(model, policy, fpr)
    plan = Plan(
        paths, folder, cast("PartFormat", format.value), input_format, evidence, with_text, extraction, part_size or PART_SIZE,
        model, policy, fpr,
    )  # fmt: skip
    progress = Progress(True, logged=True)
    stop_politely()
    try:
        standing = run_plan(plan, detector, jobs, progress.show_run)
    except CrawlError as error:
        progress.clear()
        raise UserError(str(error)) from None
    except KeyboardInterrupt as reason:
        progress.clear()
        warn(f"interrupted; the same command goes on from the last finished part in {folder}")
        return stopped(reason)
    progress.clear()
    tally = Tally(standing.counts)
    parts = ", ".join(f"{count:,} {name}" for name, count in sorted(tally.counts.items()))
    before = f", {standing.resumed:,} of them before this start" if standing.resumed else ""
    warn(f"{folder} is complete: {tally.total:,} documents ({parts}){before}")
    return tally.status(exit_zero)


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


def _write_all(
    scored: Iterable[Scored], writer: Writer, tally: Tally, progress_wanted: bool, flush: Callable[[], None]
) -> None:
    """Write as verdicts come; an interruption still gets a proper ending, and a kill costs FLUSH_SECONDS."""
    from detector.cli.progress import Progress

    progress = Progress(progress_wanted)
    due = time.monotonic() + FLUSH_SECONDS
    try:
        for item in scored:
            if tally.total == 0:  # not before: a compiler that is interrupted fails in its own way
                stop_politely()
            writer.add(item)
            tally.add(item)
            progress.show(tally.counts)
            if time.monotonic() >= due:
                flush()
                due = time.monotonic() + FLUSH_SECONDS
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
