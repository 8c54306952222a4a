"""One document of the HTML report: header with both probabilities, marked text, table of the evidence.

Everything that comes from outside passes through `_escape`; bars are SVG attributes, since the page's
Content-Security-Policy allows no inline style.
"""

from __future__ import annotations

import html
from collections.abc import Iterator

from detector.document import ZoneKind
from detector.report.places import (
    FAMILIES,
    Family,
    Finding,
    Policy,
    Run,
    Scored,
    badge,
    family,
    findings,
    headline,
    kind_name,
    percent,
    runs,
    threshold_percent,
    visible,
)
from detector.verdict import Evidence, Verdict

MAX_SHOWN = 1_000_000
"""Characters of text shown: as many as are scored."""
MAX_UNBROKEN = 28
"""A mark of up to this many characters is not broken over two lines, nor is what is written above it."""
TITLES: dict[Family, str] = {"spun": "Spun", "stuffed": "Stuffed"}
MAX_FINDINGS = 30
"""Rows of the table for each probability; the rest is summed up in one."""
STRONG, MEDIUM = 0.5, 0.2
"""A mark's depth of colour: its weight as a share of the weightiest of its family."""


def _escape(text: str) -> str:
    return html.escape(visible(text))


def render_document(scored: Scored, policy: Policy, number: int, heading: str = "h1") -> Iterator[str]:
    """The `<article>` of one document in pieces; `number` makes its anchors unique on the page."""
    verdict = scored.verdict
    yield f'<article class="{badge(verdict)}" id="d{number}">\n'
    yield from _header(verdict, policy, heading)
    if scored.document.text.strip():
        yield '<div class="columns">\n<section class="reading" aria-label="The text">\n'
        yield from _text(scored, number)
        yield "</section>\n"
        yield from _table(verdict, number, min(len(scored.document.text), MAX_SHOWN))
        yield "</div>\n"
    yield "</article>\n"


def _header(verdict: Verdict, policy: Policy, heading: str) -> Iterator[str]:
    sentence = headline(verdict)
    words = f" <span>{verdict.words:,} words.</span>" if verdict.status != "failed" else ""
    yield f'<header>\n<p class="badge">{badge(verdict).capitalize()}</p>\n'
    folder, slash, name = verdict.id.rpartition("/")
    path = f'<span class="folder">{_escape(folder + slash)}</span>' if slash and name else ""
    yield f'<{heading} class="name">{path}{_escape(name or verdict.id)}</{heading}>\n'
    yield f'<p class="lede">{_escape(sentence[:1].upper() + sentence[1:])}.{words}</p>\n'
    if verdict.url:
        yield f'<p class="url">{_escape(verdict.url)}</p>\n'
    if verdict.truncated:
        yield '<p class="note">Only the first 1,000,000 characters were read.</p>\n'
    if verdict.status == "scored":
        yield '<div class="gauges">\n'
        for name in FAMILIES:
            yield _gauge(verdict, name, policy)
        yield "</div>\n"
    yield f'<p class="facts">Policy <b>{_escape(policy.name)}</b> \u00b7 model <b>{_escape(verdict.model)}</b></p>\n'
    yield "</header>\n"


def _gauge(verdict: Verdict, name: Family, policy: Policy) -> str:
    value = (verdict.spun if name == "spun" else verdict.stuffed) or 0.0
    threshold = policy.spun if name == "spun" else policy.stuffed
    over = " over" if name in verdict.reasons and verdict.verdict == "spam" else ""
    return (
        f'<div class="gauge {name}{over}"><span class="label">{TITLES[name]}</span>'
        f'<span class="value">{_escape(percent(value))}</span>'
        f"{_bar(name, value, threshold)}"
        f'<span class="limit">counts as spam from {threshold_percent(threshold)}</span></div>\n'
    )


def _bar(name: Family, value: float, threshold: float | None = None) -> str:
    tick = ""
    if threshold is not None:
        tick = f'<rect class="tick" x="{min(100 * threshold, 99.4):.2f}" y="0" width="0.6" height="4"/>'
    return (
        f'<svg class="bar {name}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="4"/>'
        f'<rect class="fill" width="{100 * value:.2f}" height="4"/>{tick}</svg>'
    )


def _text(scored: Scored, number: int) -> Iterator[str]:
    """The text with marks; zones other than the body in a span of their own."""
    verdict, document = scored.verdict, scored.document
    text = document.text[:MAX_SHOWN]
    evidence = verdict.evidence
    depth = _depths(verdict)
    zones = [zone for zone in document.zones if zone.kind is not ZoneKind.BODY and zone.start < len(text)]
    cuts = [cut for zone in zones for cut in (zone.start, zone.end)]
    annotated = " annotated" if any(item.suggestion for item in evidence) else ""
    yield f'<div class="text{annotated}">'
    at = 0
    inside = False
    for run in runs(len(text), evidence, cuts):
        while at < len(zones) and zones[at].end <= run.start:
            if inside:
                yield "</span>"
            inside = False
            at += 1
        if not inside and at < len(zones) and zones[at].start <= run.start:
            inside = True
            yield f'<span class="zone {zones[at].kind.name.lower()}">'
        yield _mark(text[run.start : run.end], run, evidence, depth, number)
    yield "</span></div>\n" if inside else "</div>\n"


def _depths(verdict: Verdict) -> list[int]:
    """1 (pale) to 3 (deep) for each piece of evidence; all pale where the family crossed no threshold."""
    most: dict[Family, float] = {}
    for item in verdict.evidence:
        most[family(item)] = max(most.get(family(item), 0.0), item.weight)
    shares = (item.weight / (most[family(item)] or 1.0) for item in verdict.evidence)
    return [
        1 if family(item) not in verdict.reasons else 3 if share >= STRONG else 2 if share >= MEDIUM else 1
        for item, share in zip(verdict.evidence, shares, strict=True)
    ]


def _mark(text: str, run: Run, evidence: tuple[Evidence, ...], depth: list[int], number: int) -> str:
    if not run.items:
        return _escape(text)
    families = sorted({family(evidence[i]) for i in run.items})
    kinds = sorted({evidence[i].kind for i in run.items})
    classes = " ".join([*families, *kinds, f"w{max(depth[i] for i in run.items)}"])
    title = "; ".join(_hover(evidence[i]) for i in run.items)
    anchor = f' id="d{number}p{run.start}"' if run.opens else ""
    mark = f'<mark class="{classes}"{anchor} title="{_escape(title)}">{_escape(text)}</mark>'
    suggestions = dict.fromkeys(s for i in run.opens if (s := evidence[i].suggestion))
    if not suggestions:
        return mark
    long = ' class="long"' if len(text) > MAX_UNBROKEN else ""
    return f"<ruby{long}>{mark}<rt>{_escape(' / '.join(suggestions))}</rt></ruby>"


def _hover(item: Evidence) -> str:
    instead = f", probably for \u201c{item.suggestion}\u201d" if item.suggestion else ""
    instead += "".join(f" or \u201c{text}\u201d" for text in item.alternatives)
    return f"{kind_name(item)}{instead} ({percent(item.weight)} of the score)"


def _table(verdict: Verdict, number: int, length: int) -> Iterator[str]:
    """The findings, under a line for each of the two probabilities, the higher one first."""
    found = findings(verdict.evidence)
    if not found:
        return
    yield '<section class="evidence" aria-label="The evidence">\n<table>\n'
    yield "<caption>Evidence, most weighty first</caption>\n"
    yield '<thead><tr><th scope="col">In the text</th><th scope="col">Weight</th></tr></thead>\n'
    scores = {"spun": verdict.spun or 0.0, "stuffed": verdict.stuffed or 0.0}
    for name in sorted(FAMILIES, key=lambda name: (name not in verdict.reasons, -scores[name])):
        own = [item for item in found if family(verdict.evidence[item.places[0]]) == name]
        if own:
            yield f'<tbody>\n<tr class="group {name}"><th scope="rowgroup">{TITLES[name]}</th>'
            yield f'<th class="weight">{_escape(percent(scores[name]))}</th></tr>\n'
            top = own[0].weight or 1.0
            yield from (_row(item, verdict, number, length, top) for item in own[:MAX_FINDINGS])
            yield _rest(own[MAX_FINDINGS:])
            yield "</tbody>\n"
    yield "</table>\n</section>\n"


def _rest(left: list[Finding]) -> str:
    if not left:
        return ""
    weight = _escape(percent(min(sum(finding.weight for finding in left), 1.0)))
    words = f"{len(left):,} lighter ones, marked in the text"
    return f'<tr class="rest"><td>{words}</td><td class="weight">{weight}</td></tr>\n'


def _row(finding: Finding, verdict: Verdict, number: int, length: int, top: float) -> str:
    first = verdict.evidence[min(finding.places, key=lambda i: verdict.evidence[i].start)]
    name = family(first)
    start = max(first.start, 0)
    words = _escape(finding.text)
    if start < min(first.end, length):
        words = f'<a href="#d{number}p{start}">{words}</a>'
    instead = (
        f' <span class="arrow">\u2192</span> <b>{_escape(finding.suggestion)}</b>'
        if finding.suggestion
        else ""
    )
    times = f" \u00b7 {len(finding.places)} times" if len(finding.places) > 1 else ""
    return (
        f'<tr class="{name}"><td>{words}{instead}'
        f'<span class="kind">{kind_name(first)}{times}</span></td>'
        f'<td class="weight">{_escape(percent(finding.weight))}{_bar(name, finding.weight / top)}</td></tr>\n'
    )
