"""Families for people: lines for the terminal, one self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TextIO

from detector import __version__
from detector.families.family import Family, Member, Slot
from detector.report.page import page_head
from detector.report.places import visible

MAX_FAMILIES = 200
"""Families with their text; of later ones there is only the row in the overview."""
MAX_MEMBERS = 50
MAX_SHOWN = 20_000
"""Characters of a head's text on the page."""
MAX_EXCERPT = 400
"""Characters of it in the terminal."""
LEGEND = """<ul class="legend" aria-label="Colours">
<li><mark class="spun w2">{reduce|minimize|lessen}</mark> a place that varies between the members: what they
have there, the most frequent first. Nothing before or after a stroke: some leave the words out</li>
</ul>
"""
_HOW = """<section class="how">
<h2>How to read this</h2>
<dl>
<dt>A family</dt>
<dd>Documents that say the same in the same order, with other words strewn all over: versions of one text. That
they are is no proof of a machine; an author may have rewritten his own page.</dd>
<dt>The head</dt>
<dd>The member most like the others, whose text is shown. It need not be the original.</dd>
<dt>Similarity</dt>
<dd>The share of content words, synonyms taken as one, in the same order as in the head.</dd>
</dl>
</section>
"""


def describe(family: Family) -> str:
    """A family in a few lines: its size, its members, the beginning of its text with the slots."""
    ids = [
        f"  {member.similarity:4.0%}  {visible(member.id)}" for member in islice(family.members, MAX_MEMBERS)
    ]
    more = (
        [f"        and {len(family.members) - MAX_MEMBERS:,} more"]
        if len(family.members) > MAX_MEMBERS
        else []
    )
    excerpt = " ".join(visible("".join(_shortened(family, MAX_EXCERPT))).split())
    return "\n".join([_title(family), *ids, *more, f"  {excerpt}", ""])


def _title(family: Family) -> str:
    slots = f"{len(family.slots):,} slots" if family.slots else "copies, nothing varies"
    return f"Family {family.number}: {len(family.members):,} documents, {slots}"


def _shortened(family: Family, most: int) -> Iterator[str]:
    """The template as spintax, until `most` characters of it are out."""
    for piece in family.template():
        text = piece.spintax() if isinstance(piece, Slot) else piece
        if len(text) > most:
            yield text[:most] if isinstance(piece, str) else ""
            yield " \u2026"
            return
        most -= len(text)
        yield text


def write_page(families: Iterable[Family], out: TextIO) -> None:
    """Write the report; it streams, so that any number of families passes."""
    out.write(page_head("Spun families", LEGEND))
    out.write('<section class="overview">\n<h1>Spun families</h1>\n</section>\n')
    total = members = 0
    for family in families:
        total, members = total + 1, members + len(family.members)
        if total <= MAX_FAMILIES:
            out.writelines(render_family(family))
    left = total - MAX_FAMILIES
    if left > 0:
        out.write(
            f'<p class="note">{left:,} smaller families are not shown; --format jsonl has them all.</p>\n'
        )
    out.write(f'<p class="lede">{total:,} families, {members:,} documents in them.</p>\n{_HOW}')
    out.write(f"<footer><p>spun-text-detector {__version__}</p></footer>\n</main>\n</body>\n</html>\n")


def render_family(family: Family, name: Callable[[Member], str] | None = None) -> Iterator[str]:
    """The `<article>` of one family in pieces. `name` gives a member's name as markup; default: its id, escaped."""
    yield f'<article id="f{family.number}">\n<header>\n<h2 class="name">{_title(family)}</h2>\n</header>\n'
    yield '<div class="columns">\n<section class="reading" aria-label="The text of the head">\n<div class="text">'
    shown = 0
    for piece in family.template():
        if shown > MAX_SHOWN:
            yield " \u2026"
            break
        yield _marked(piece) if isinstance(piece, Slot) else _escape(piece[:MAX_SHOWN])
        shown += len(piece) if isinstance(piece, str) else 0
    yield "</div>\n</section>\n"
    yield from _members(family, name or (lambda member: _escape(member.id)))
    yield "</div>\n</article>\n"


def _marked(slot: Slot) -> str:
    title = ", ".join(f"{text or 'nothing'} {count:,} times" for text, count in slot.variants)
    return f'<mark class="spun w2" title="{_escape(title[:1000])}">{_escape(slot.spintax(4))}</mark>'


def _members(family: Family, name: Callable[[Member], str]) -> Iterator[str]:
    yield '<section class="evidence" aria-label="The members">\n<table>\n<caption>Members</caption>\n'
    yield '<thead><tr><th scope="col">Document</th><th scope="col">Similarity</th></tr></thead>\n<tbody>\n'
    for i, member in enumerate(islice(family.members, MAX_MEMBERS)):
        url = f'<span class="kind">{_escape(member.url)}</span>' if member.url else ""
        similarity = "head" if i == 0 else f"{member.similarity:.0%}"
        yield f'<tr><td>{name(member)}{url}</td><td class="weight">{similarity}</td></tr>\n'
    if len(family.members) > MAX_MEMBERS:
        left = len(family.members) - MAX_MEMBERS
        yield f'<tr class="rest"><td>and {left:,} more</td><td></td></tr>\n'
    yield "</tbody>\n</table>\n</section>\n"


def _escape(text: str) -> str:
    return html.escape(visible(text))
