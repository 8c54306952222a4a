"""`detector explain`: one self-contained HTML report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.common import (
    ExtractionName,
    Tally,
    UserError,
    open_detector,
    plan_lm,
    user_errors,
    warn,
)
from detector.cli.score import ExitZero, ExtractionOption, Fpr, From, Lm, Model, PolicyOption
from detector.cli.settings import settings

if TYPE_CHECKING:
    from detector.readers import Extraction
    from detector.report.page import HtmlReport
    from detector.report.places import Scored


def explain(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The document, or - for standard input.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The report; - for standard output. [default: FILE's name with .report.html, here]",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = None,
    fpr: Fpr = None,
    from_: From = None,
    extraction: ExtractionOption = ExtractionName.fast,
    exit_zero: ExitZero = False,
    model: Model = None,
    lm: Lm = None,
) -> None:
    """Write a report on a document that shows each marked place and what most likely stood there.

    One HTML file without scripts: open it in a browser, print it, send it to a colleague.

        detector explain article.txt

        detector explain article.html -o report.html --policy precise

    Exit status as for detector score.
    """  # fmt: skip
    with user_errors():
        chosen = settings(policy, fpr)
        raise typer.Exit(
            run(file, output, chosen.policy, chosen.fpr, from_, extraction.value, exit_zero, model, lm)
        )


def run(
    file: str, output: Path | None, policy: str, fpr: float | None, input_format: str | None,
    extraction: Extraction, exit_zero: bool, model: Path | None, lm: bool | None,
) -> int:  # fmt: skip
    """Write the report and say where; returns the exit status. Raises UserError."""
    from detector.cli.sink import open_sink
    from detector.crawl.records import score_records
    from detector.readers import file_stem, read
    from detector.report.page import HtmlReport

    use, records = plan_lm(lm, read([file], input_format, extraction))
    detector, limits = open_detector(model, policy, fpr, use, lm_required=lm is True)
    tally = Tally()
    target = Path(f"{file_stem(file)}.report.html") if output is None else output
    to_stdout = str(target) == "-"
    with HtmlReport(limits) as report:
        last = _collect(score_records(detector, records, True), report, tally)
        if last is None:
            raise UserError(f"{file}: nothing in it could be read, so there is no report")
        with open_sink(None if to_stdout else target, [file]) as out:
            report.write(out)
    if not to_stdout:
        print(f"{_sentence(last, tally)}\nReport: {target}")
    return tally.status(exit_zero)


def _collect(items: Iterable[Scored], report: HtmlReport, tally: Tally) -> Scored | None:
    """Put all into the report; returns the last document that could be read."""
    last = None
    for item in items:
        report.add(item)
        tally.add(item)
        if item.verdict.status == "failed":
            warn(f"{item.verdict.id}: {item.verdict.error}")
        else:
            last = item
    return last


def _sentence(last: Scored, tally: Tally) -> str:
    from detector.report.places import badge, headline, visible

    if tally.total > 1:
        return f"{tally.total:,} documents: " + ", ".join(f"{n:,} {name}" for name, n in tally.counts.items())
    return visible(f"{last.verdict.id}: {badge(last.verdict)}, {headline(last.verdict)}")
