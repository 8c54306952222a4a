"""`detector evaluate`: two models side by side, on documents that neither was trained on."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli.common import ReportFormat, UserError, model_errors, user_errors

if TYPE_CHECKING:
    from rich.console import Console

    from detector.training.gate import Change, Comparison, Row
    from detector.verdict import Verdict

SHOWN_CHANGES, SHOWN_EVIDENCE = 10, 6


def evaluate(
    a: Annotated[
        str, typer.Argument(metavar="[MODEL_A", help="A version, shipped, current or latest.")
    ] = "current",
    b: Annotated[str, typer.Argument(metavar="MODEL_B]", help="The one to compare with it.")] = "latest",
    everything: Annotated[
        bool, typer.Option("--all", help="Also rows in which nothing differs, and all changed verdicts.")
    ] = False,
    format: Annotated[ReportFormat, typer.Option(help="human or json.")] = ReportFormat.human,
) -> None:
    """Compare two models on the frozen hold-out and on your labels.

        detector evaluate

        detector evaluate shipped 3 --all

    Spam found at 1 % of honest texts flagged, honest texts left alone, by source, with exact 95 % intervals of
    the differences; then the labelled texts whose verdict changed, with the evidence of both models; then what
    the gate would object to.
    """  # fmt: skip
    with user_errors(), model_errors():
        comparison, found = _compare(a, b)
    if format is ReportFormat.json:
        print(json.dumps(to_record(comparison, found), indent=1, ensure_ascii=False))
        return
    show(comparison, found, everything)


def _compare(a: str, b: str) -> tuple[Comparison, list[str]]:
    from detector.labels import LabelStore
    from detector.registry import Registry
    from detector.training.gate import judge

    registry = Registry()
    first, second = registry.find(a), registry.find(b)
    if first.name == second.name:
        raise UserError(
            f"{a} and {b} are the same model ({first.name}): `detector train --labels` makes another"
        )
    return judge(first.load(), second.load(), LabelStore().labels())


def to_record(comparison: Comparison, found: list[str]) -> dict[str, Any]:
    """The comparison as JSON; verdicts as `detector score` gives them."""
    changes = [
        {
            "text": change.item.text,
            "labels": change.item.labels,
            "a": change.a.to_dict(),
            "b": change.b.to_dict(),
        }
        for change in comparison.changes
    ]
    record = {name: getattr(comparison, name) for name in ("a", "b", "flipped")}
    for name in ("frozen", "known", "labels"):
        rows = getattr(comparison, name)
        record[name] = [asdict(row) | {"difference": row.difference} for row in rows]
    return record | {"changes": changes, "objections": found}


def show(comparison: Comparison, found: list[str], everything: bool) -> None:
    """The comparison for people, on standard output."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(f"A {comparison.a}\nB {comparison.b}")
    for title, rows in (
        ("Frozen hold-out", comparison.frozen),
        ("Known texts", comparison.known),
        ("Your labels", comparison.labels),
    ):
        if rows:
            console.print()
            _show_rows(console, title, rows, everything)
    if not comparison.labels:
        console.print("\nThere are no labels to compare them on.")
    shown = comparison.changes if everything else comparison.changes[:SHOWN_CHANGES]
    if shown:
        console.print(f"\n{len(comparison.changes):,} held-back labels with another verdict")
    for change in shown:
        _show_change(console, change)
    if len(shown) < len(comparison.changes):
        console.print(f"{len(comparison.changes) - len(shown):,} more: --all shows them")
    console.print()
    show_objections(found)


def show_objections(found: list[str]) -> None:
    """What the gate says."""
    if not found:
        print("The gate has no objection.")
    for objection in found:
        print(f"The gate objects: {objection}")


def _show_rows(console: Console, title: str, rows: list[Row], everything: bool) -> None:
    from rich.table import Table

    from detector.report.places import visible

    table = Table(title, "judged", "texts", "A", "B", "difference (95 %)", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    hidden = 0
    for i, row in enumerate(rows):
        if i and not everything and not row.differs and not row.name.startswith("all "):
            hidden += 1
            continue
        interval = f"{row.difference:+.1%} ({row.low:+.1%} to {row.high:+.1%})" if row.differs else "0"
        table.add_row(
            visible(row.name),
            row.kind,
            f"{row.count:,}",
            f"{row.right_a:.1%}",
            f"{row.right_b:.1%}",
            interval,
        )
    console.print(table)
    if hidden:
        console.print(f"{hidden} rows in which nothing differs: --all shows them")


def _show_change(console: Console, change: Change) -> None:
    from rich.table import Table

    from detector.report.places import visible

    label = change.item.voices[0]
    start = " ".join(change.item.text[:200].split())
    console.print(f"\n{label.words} by {visible(', '.join(change.item.annotators))}: {visible(start)}...")
    table = Table("A", "B", box=None, pad_edge=False, expand=True)
    table.add_row(*(_summary(verdict) for verdict in (change.a, change.b)))
    for pair in range(SHOWN_EVIDENCE):
        cells = [_evidence(verdict, pair) for verdict in (change.a, change.b)]
        if any(cells):
            table.add_row(*cells)
    console.print(table)


def _summary(verdict: Verdict) -> str:
    return f"{verdict.verdict}, spun {verdict.spun or 0:.2f}, stuffed {verdict.stuffed or 0:.2f}"


def _evidence(verdict: Verdict, number: int) -> str:
    from detector.report.places import visible

    if number >= len(verdict.evidence):
        return ""
    found = verdict.evidence[number]
    meant = f" -> {found.suggestion}" if found.suggestion else ""
    return visible(f"{found.weight:.2f} {found.kind} {found.text}{meant}")
