"""The whole HTML report: one self-contained file, without script or anything fetched, for any number of
documents.

`HtmlReport` takes documents one at a time and keeps them on disk until `write`, so memory stays flat.
"""

from __future__ import annotations

import base64
import hashlib
import html
import tempfile
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import TextIO

from detector import __version__
from detector.report.html import render_document
from detector.report.places import Policy, Scored, badge, headline, percent, visible

STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
MAX_SECTION_CHARACTERS = 20_000_000
"""Full texts in a report of many documents; what comes after is listed only."""
MAX_ROWS = 10_000
"""Rows in the overview; after that, only documents that are not clean."""
SPOOL_BYTES = 4 << 20
_LEGEND = """<ul class="legend" aria-label="Colours">
<li><mark class="spun w2">spun</mark> a word or phrase that a spinning tool most likely put there; what
probably stood there before is written above it</li>
<li><mark class="stuffed stuffing w2">stuffed</mark> a keyphrase repeated for search engines</li>
</ul>
"""
_HOW = """<section class="how">
<h2>How to read this</h2>
<dl>
<dt>The two probabilities</dt>
<dd>Of all documents that get \u201cspun 90 %\u201d, about nine in ten are spun, as far as the future looks like
the calibration data. The two are independent: a page may be spun, stuffed, both or neither.</dd>
<dt>The threshold</dt>
<dd>The small stroke on each bar. {policy} A document is <em>suspect</em> when it only crosses the threshold of
the next more sensitive policy.</dd>
<dt>The marks</dt>
<dd>The deeper the colour, the more a place weighs; weights of one colour add up to its probability. Even
honest text has a few places that look a little odd: in a clean document they stay pale and weigh nearly
nothing.</dd>
<dt>The words above</dt>
<dd>A guess at what stood there before the spinner, from how often the words around it go together in
ordinary English. It explains the mark; it isn\u2019t a correction to rely on.</dd>
<dt>When it does not judge</dt>
<dd>Under 50 words, and in languages other than English, nothing is claimed.</dd>
</dl>
</section>
"""
_POLICIES = {
    "precise": "Under the policy <em>precise</em> at most 1 in 1,000 honest documents crosses one.",
    "balanced": "Under the policy <em>balanced</em> at most 1 in 100 honest documents crosses one.",
    "sensitive": "Under the policy <em>sensitive</em> at most 5 in 100 honest documents cross one.",
}


class HtmlReport:
    """Collects scored documents and writes one page. A context manager: it holds temporary files."""

    def __init__(self, policy: Policy, title: str | None = None) -> None:
        self._policy = policy
        self._title = title
        self._rows = tempfile.SpooledTemporaryFile(SPOOL_BYTES, "w+", encoding="utf-8")  # noqa: SIM115
        self._sections = tempfile.SpooledTemporaryFile(SPOOL_BYTES, "w+", encoding="utf-8")  # noqa: SIM115
        self._counts: Counter[str] = Counter()
        self._number = self._listed = self._shown = self._size = 0
        self._first: Scored | None = None

    def __enter__(self) -> HtmlReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
        self._sections.close()

    def add(self, scored: Scored) -> None:
        """Take one more document."""
        self._number += 1
        self._counts[badge(scored.verdict)] += 1
        self._first = scored if self._number == 1 else None
        full = self._size < MAX_SECTION_CHARACTERS
        if full:
            self._shown += 1
            for piece in render_document(scored, self._policy, self._number, "h2"):
                self._size += self._sections.write(piece)
        if self._number <= MAX_ROWS or badge(scored.verdict) != "clean":
            self._listed += 1
            self._rows.write(_row(scored, self._number if full else None))

    def write(self, out: TextIO) -> None:
        """Write the page for what was added so far."""
        alone = self._first if self._number == 1 else None
        title = self._title or (alone.verdict.id if alone else f"{self._number:,} documents")
        out.write(page_head(title, _LEGEND))
        if alone:
            out.writelines(render_document(alone, self._policy, 1, "h1"))
        else:
            self._write_overview(out, title)
        out.write(_HOW.format(policy=_POLICIES.get(self._policy.name, _chosen(self._policy.name))))
        out.write(f"<footer><p>spun-text-detector {__version__}</p></footer>\n</main>\n</body>\n</html>\n")

    def _write_overview(self, out: TextIO, title: str) -> None:
        counts = ", ".join(f"{n:,} {name}" for name, n in self._counts.most_common())
        out.write(
            f'<section class="overview">\n<h1>{_escape(title)}</h1>\n<p class="lede">{counts or "None"}.</p>\n'
        )
        out.write('<table>\n<thead><tr><th scope="col">Document</th><th scope="col">Verdict</th>')
        out.write(
            '<th scope="col">Spun</th><th scope="col">Stuffed</th><th scope="col">Words</th></tr></thead>\n<tbody>\n'
        )
        _copy(self._rows, out)
        out.write("</tbody>\n</table>\n")
        for left, what in (
            (self._number - self._listed, "more clean documents are counted but not listed"),
            (self._number - self._shown, "documents are listed without their text, to keep this page small"),
        ):
            if left:
                out.write(f'<p class="note">{left:,} {what}.</p>\n')
        out.write("</section>\n")
        _copy(self._sections, out)


def _chosen(policy: str) -> str:
    rate = policy.rpartition("=")[2]
    return f"It was set to a false-positive rate of {_escape(rate)} on honest documents."


def _row(scored: Scored, number: int | None) -> str:
    verdict = scored.verdict
    name = _escape(verdict.id)
    link = f'<a href="#d{number}">{name}</a>' if number else name
    spun, stuffed = (
        "\u2013" if value is None else _escape(percent(value)) for value in (verdict.spun, verdict.stuffed)
    )
    words = f"{verdict.words:,}" if verdict.status != "failed" else "\u2013"
    why = _escape(headline(verdict))
    return (
        f'<tr class="{badge(verdict)}"><td>{link}<span class="kind">{why}</span></td>'
        f'<td><span class="badge">{badge(verdict).capitalize()}</span></td>'
        f"<td>{spun}</td><td>{stuffed}</td><td>{words}</td></tr>\n"
    )


def page_head(title: str, legend: str) -> str:
    """From the doctype to `<main>` and the legend (markup), with a policy that lets nothing be fetched or run."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{_escape(title)} \u2013 spun text report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{legend}"
    )


def _copy(source: tempfile.SpooledTemporaryFile[str], out: TextIO) -> None:
    source.seek(0)
    while piece := source.read(1 << 16):
        out.write(piece)
    source.seek(0, 2)


def _escape(text: str) -> str:
    return html.escape(visible(text))
