"""`detector drift`: what changed between two crawls."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.common import FLAGGED, OK, ReportFormat, UserError, open_detector, user_errors, warn
from detector.cli.score import Fpr, Model, PolicyOption
from detector.cli.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.drift import Drift
    from detector.scoring import Detector

SHOWN_FEATURES = 10


def drift(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="Verdicts or texts of before: a file, folder or pattern.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same of now.")],
    format: Annotated[
        ReportFormat, typer.Option(help="json has every feature and number.")
    ] = ReportFormat.human,
    policy: PolicyOption = None,
    fpr: Fpr = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 where it would be 1 (drift).")
    ] = False,
    model: Model = None,
) -> None:
    """Compare two crawls: did the pages, the scores or the marked phrases change by more than chance?

        detector drift verdicts-may.jsonl verdicts-june.jsonl

        detector drift crawl-may/ 'crawl-june/*.jsonl.gz' --format json

    Verdict files are what detector score writes as JSON lines; with --with-text, or given the texts
    themselves, features are compared as well.

    Exit status: 0 normal variation, 1 something moved beyond it, 2 too little that could be read.
    """  # fmt: skip
    with user_errors():
        chosen = settings(policy, fpr)
        found = run(old, new, chosen.policy, chosen.fpr, model)
    if format is ReportFormat.json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        print("\n".join(describe(found)))
    raise typer.Exit(FLAGGED if found.moved and not exit_zero else OK)


def run(old: str, new: str, policy: str, fpr: float | None, model: Path | None) -> Drift:
    """Read both sides and compare them. Raises UserError."""
    from detector.drift import compare, sample

    @cache
    def load() -> Detector:
        return open_detector(model, policy, fpr)[0]

    sides = []
    for path in (old, new):
        side = sample([path], load)
        sides.append(side)
        for reason in side.reasons:
            warn(reason)
    try:
        return compare(*sides)
    except ValueError as error:
        raise UserError(str(error)) from None


def describe(found: Drift) -> Iterator[str]:
    """The lines for people: the reading first, then the figures it rests on."""
    yield f"old  {found.old}: {found.documents[0]:,} documents"
    yield f"new  {found.new}: {found.documents[1]:,} documents"
    yield ""
    yield from found.reading()
    yield ""
    yield f"{'share of documents':<28}{'old':>9}{'new':>9}   change, 99 % interval"
    for share in found.shares:
        change = f"{100 * share.low:+.1f} to {100 * share.high:+.1f} points"
        yield f"{share.name:<28}{share.old:>9.1%}{share.new:>9.1%}   {change:<26}{_mark(share.reading)}"
    features = [s for s in found.features if s.reading != "normal"]
    yield f"\n{'distribution':<28}{'old':>9}{'new':>9}{'PSI':>8}{'noise':>8}{'KS':>7}"
    for s in (*found.scores, *features[:SHOWN_FEATURES]):
        yield (
            f"{s.name:<28}{s.old_mean:>9.3g}{s.new_mean:>9.3g}{s.psi:>8.2f}{s.noise:>8.2f}{s.ks:>7.2f}   "
            f"{_mark(s.reading)}"
        )
    if found.features:
        yield f"{len(features)} of {len(found.features)} features moved (old and new are means)"
    if found.phrases:
        yield "\nmarked more often now, share of documents"
        for phrase in found.phrases:
            yield f"{phrase.old:>8.1%} -> {phrase.new:<7.1%} {phrase.phrase}"
    for note in found.notes:
        yield f"\nNote: {note}"


def _mark(reading: str) -> str:
    return "" if reading == "normal" else f"<- {reading}"
