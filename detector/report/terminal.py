"""A compact block per document for the terminal: verdict, both probabilities, reasons, marked excerpts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from detector.report.places import (
    FAMILIES,
    Family,
    Finding,
    Policy,
    Scored,
    badge,
    family,
    findings,
    headline,
    kind_name,
    percent,
    threshold_percent,
    visible,
)
from detector.verdict import Evidence, Verdict

if TYPE_CHECKING:
    from rich.console import Console

MAX_FINDINGS = 12
BAR = 24
LEAST_CONTEXT, MOST_CONTEXT = 8, 40
"""Columns of text on each side of a marked place."""
BADGES = {
    "spam": ("SPAM", "bold white on red"),
    "suspect": ("SUSPECT", "bold black on yellow"),
    "clean": ("CLEAN", "bold black on green"),
    "unjudged": ("UNJUDGED", "bold white on blue"),
    "failed": ("FAILED", "bold white on magenta"),
}
COLOURS: dict[Family, str] = {"spun": "bold dark_orange", "stuffed": "bold deep_sky_blue1"}


def print_scored(console: Console, scored: Scored, policy: Policy, explain: bool = False) -> None:
    """Print one document's block; without `explain` the MAX_FINDINGS weightiest places that speak for its
    reasons, so none if it is clean."""
    verdict = scored.verdict
    console.print(_title(verdict), soft_wrap=True)
    if verdict.status == "scored":
        for name in FAMILIES:
            console.print(_bar(console, verdict, name, policy), soft_wrap=True)
        _print_evidence(console, scored, explain)
    console.print()


def print_summary(console: Console, counts: dict[str, int]) -> None:
    """One line with how many documents got which badge."""
    total = sum(counts.values())
    line = Text(f"{total:,} document{'s' * (total != 1)}: ", style="bold")
    parts = [Text(f"{counts[name]:,} {name}", style=BADGES[name][1]) for name in BADGES if counts.get(name)]
    console.print(line + Text(", ").join(parts), soft_wrap=True)


def _title(verdict: Verdict) -> Text:
    word, style = BADGES[badge(verdict)]
    line = Text.assemble((f" {word} ", style), " ", (_one_line(verdict.id), "bold"))
    line.append(f"  {_one_line(headline(verdict))}", "default")
    notes = [f"{verdict.words:,} words"] if verdict.status != "failed" else []
    if verdict.read_again:
        notes.append("read by the language model too")
    if verdict.truncated:
        notes.append("only the first 1,000,000 characters were read")
    line.append("".join(f" \u00b7 {note}" for note in notes), "dim")
    return line


def _bar(console: Console, verdict: Verdict, name: Family, policy: Policy) -> Text:
    value = (verdict.spun if name == "spun" else verdict.stuffed) or 0.0
    threshold = policy.spun if name == "spun" else policy.stuffed
    plain = not console.encoding.lower().startswith("utf")
    full, empty, tick = ("#", "-", "|") if plain else ("\u2588", "\u2591", "\u2502")
    filled = round(BAR * value)
    mark = min(int(BAR * threshold), BAR - 1)
    bar = Text(f"  {name:<8}")
    for first, last in ((0, mark), (mark + 1, BAR)):
        lit = max(min(filled, last) - first, 0)
        bar.append(full * lit, COLOURS[name]).append(empty * (last - first - lit), "dim")
        bar.append(tick if last == mark else "")
    bar.append(f" {percent(value):>6}", COLOURS[name] if name in verdict.reasons else "default")
    bar.append(f"  spam from {threshold_percent(threshold)} ({policy.name})", "dim")
    return bar


def _print_evidence(console: Console, scored: Scored, explain: bool) -> None:
    """The findings of each family that crossed a threshold; with `explain` all there are."""
    verdict = scored.verdict
    found = findings(verdict.evidence)
    if not explain:
        found = [item for item in found if family(verdict.evidence[item.places[0]]) in verdict.reasons]
    shown = found if explain else found[:MAX_FINDINGS]
    for finding in shown:
        console.print(_excerpt(console, scored, finding), no_wrap=True, overflow="ellipsis", crop=True)
    if len(found) > len(shown):
        console.print(Text(f"  {len(found) - len(shown):,} more with --explain", "dim"))


def _excerpt(console: Console, scored: Scored, finding: Finding) -> Text:
    """`weight  left [marked] right  -> suggestion` in one line; marks stand below each other, and the
    suggestion is in sight however narrow the terminal."""
    item = scored.verdict.evidence[finding.places[0]]
    tail = Text()
    if finding.suggestion:
        tail.append("  -> ", "dim").append(_one_line(finding.suggestion), "bold green")
    elif item.kind != "swap":
        tail.append(f"  {kind_name(item)}", "dim")
    if len(finding.places) > 1:
        tail.append(f"  x{len(finding.places)}", "dim")
    marked = _marked(console, item)
    before = max(LEAST_CONTEXT, min((console.width - 44) // 2, MOST_CONTEXT))
    after = min(console.width - 10 - before - marked.cell_len - tail.cell_len, MOST_CONTEXT)
    left, right = _context(scored.document.text, item, before, max(after, 0))
    line = Text(f"  {percent(finding.weight):>6}  " + " " * (before - cell_len(left)))
    return line.append(left, "dim") + marked + Text(right, "dim") + tail


def _marked(console: Console, item: Evidence) -> Text:
    words = _one_line(item.text)
    if len(words) > MOST_CONTEXT:
        words = f"{words[: MOST_CONTEXT - 1]}\u2026"
    style = f"{COLOURS[family(item)]} underline"
    return Text(words, style) if console.color_system else Text(f"[{words}]")


def _context(text: str, item: Evidence, before: int, after: int) -> tuple[str, str]:
    """Whole words before and after the place, within its line, at most so many columns."""
    left = visible(text[max(0, item.start - before - 1) : item.start]).rpartition("\n")[2].replace("\t", " ")
    right = visible(text[item.end : item.end + after + 1]).partition("\n")[0].replace("\t", " ")
    if cell_len(left) > before:
        left = left.partition(" ")[2]
    if cell_len(right) > after:
        right = right.rpartition(" ")[0]
    while cell_len(left) > before:
        left = left[1:]
    while cell_len(right) > after:
        right = right[:-1]
    return left, right


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())
