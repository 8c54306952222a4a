"""One class per output format, each with `add(scored)` and `finish()`; all of them stream."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import Protocol, TextIO

from detector.cli.common import OutputFormat
from detector.report.places import Policy, Scored, badge
from detector.report.rows import COLUMNS, flat_row


class Writer(Protocol):
    """Writes verdicts as they come."""

    def add(self, scored: Scored) -> None: ...

    def finish(self) -> None:
        """Write what belongs at the end; called once, after an interruption too."""


def make_writer(
    format: OutputFormat, out: TextIO, policy: Policy, explain: bool | None, with_text: bool
) -> Writer:
    """The writer of a format. `explain` is the option as given: None shows the main evidence."""
    if format is OutputFormat.human:
        return HumanWriter(out, policy, explain is True)
    if format is OutputFormat.html:
        return HtmlWriter(out, policy)
    if format is OutputFormat.csv:
        return CsvWriter(out, explain is not False)
    return JsonWriter(out, with_text, array=format is OutputFormat.json)


class JsonWriter:
    """JSON lines, or with `array` one JSON array; `docs/verdict.schema.json` describes a record."""

    def __init__(self, out: TextIO, with_text: bool, array: bool) -> None:
        self._out = out
        self._with_text = with_text
        self._between, self._end = ("[\n", "\n]\n") if array else ("", "\n")
        self._separator = ",\n" if array else "\n"
        self._empty = "[]\n" if array else ""
        self._any = False

    def add(self, scored: Scored) -> None:
        record = scored.verdict.to_dict()
        if self._with_text and scored.verdict.status != "failed":
            record["text"] = scored.document.text
        self._out.write(self._separator if self._any else self._between)
        self._out.write(json.dumps(record, ensure_ascii=False))
        self._any = True

    def finish(self) -> None:
        self._out.write(self._end if self._any else self._empty)


class CsvWriter:
    """Comma-separated values with a header, one row a document."""

    def __init__(self, out: TextIO, with_count: bool) -> None:
        self._rows = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        self._rows.writeheader()
        self._with_count = with_count

    def add(self, scored: Scored) -> None:
        self._rows.writerow(flat_row(scored.verdict, self._with_count))

    def finish(self) -> None:
        pass


class HumanWriter:
    """Blocks for people; coloured if `out` is a terminal."""

    def __init__(self, out: TextIO, policy: Policy, explain: bool) -> None:
        from rich.console import Console

        width = None if out.isatty() else 110
        self._console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
        self._policy = policy
        self._explain = explain
        self._counts: Counter[str] = Counter()

    def add(self, scored: Scored) -> None:
        from detector.report.terminal import print_scored

        print_scored(self._console, scored, self._policy, self._explain)
        self._counts[badge(scored.verdict)] += 1

    def finish(self) -> None:
        from detector.report.terminal import print_summary

        if self._counts.total() > 1:
            print_summary(self._console, self._counts)


class HtmlWriter:
    """One page for all documents, written at the end."""

    def __init__(self, out: TextIO, policy: Policy) -> None:
        from detector.report.page import HtmlReport

        self._report = HtmlReport(policy)
        self._out = out

    def add(self, scored: Scored) -> None:
        self._report.add(scored)

    def finish(self) -> None:
        with self._report:
            self._report.write(self._out)
