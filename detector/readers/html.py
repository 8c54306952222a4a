"""HTML pages (extra `html`): title, main text with headings and links as zones, description, alt texts.

The main text is Resiliparse's (Bevendorff et al., ECIR 2018): 2 ms a page. `Document.text` is the extracted
text, and evidence counts code points in it; `detector score --with-text` returns it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import islice
from typing import TYPE_CHECKING

from detector.document import Document, Zone, ZoneKind
from detector.readers.base import MAX_PAGE_BYTES, MIB, Failure, Record, register
from detector.readers.encoding import decode, encoding_of, refuse_binary

if TYPE_CHECKING:
    from resiliparse.parse.html import ElementNode, HTMLTree

EXTRA = "spun-text-detector[html]"
MIN_MAIN_CHARACTERS = 300
"""If the main text is shorter, the extractor most likely missed it: take all visible text instead."""
MAX_PARTS = 500
"""Headings and links that are looked for in the main text."""
MAX_DEPTH = 2000
"""Extraction takes time by the square of the nesting: 0.05 s at 2,000, minutes at 100,000."""
MAX_FORMAT_WORK = 500_000
"""Tags times formatting elements open around them: a parser opens each of those anew in each paragraph."""
_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w:-]+)""", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_FORMATTING = frozenset(
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
_FENCES = frozenset(["applet", "caption", "marquee", "object", "table", "template"])
_FLAT_NAMES = (
    "area base br col embed hr img input link meta param source track wbr p li dd dt td th tr tbody thead tfoot "
    "option path circle rect use line polygon stop"
)
_FLAT = frozenset(_FLAT_NAMES.split(" "))
"""Elements that don't nest in themselves without another element between: void ones, self-closing ones."""


@register("html", ".html", ".htm", ".xhtml")
def read_html(source: BufferedReader, id: str) -> Iterator[Record]:
    """The page as one document."""
    data = source.read(MAX_PAGE_BYTES + 1)
    if len(data) > MAX_PAGE_BYTES:
        yield Failure(id, f"the page is larger than {MAX_PAGE_BYTES // MIB} MiB: save its text as .txt")
        return
    try:
        yield page(decode_page(data), id)
    except ImportError:
        yield Failure(id, f'reading HTML needs an extra: pip install "{EXTRA}"')
    except (ValueError, RuntimeError) as error:
        yield Failure(id, str(error) or "the page could not be parsed")


def decode_page(data: bytes) -> str:
    """The page's characters by its mark, its own declaration, or as plain text. Raises BinaryFileError."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name, mark = encoding_of(data)
    declared = _CHARSET.search(data, 0, 4096)
    if mark == 0 and name == "utf-8" and declared:
        refuse_binary(data)
        known = map_encoding_to_html5(declared.group(1).decode(), False)
        if known and known not in ("utf-8", "utf-16-le", "utf-16-be"):
            return str(data.decode(known, "replace"))
    return decode(data)


def page(html: str, id: str, url: str | None = None) -> Document:
    """The document that a page's markup holds. Raises ValueError for markup made to stall a parser."""
    from resiliparse.parse.html import HTMLTree

    refuse_bomb(html)
    tree = HTMLTree.parse(html)
    main, zones = _main_text(tree)
    return _joined((tree.title or "").strip(), main, zones, _meta(tree), _alts(tree), id, url)


def _joined(
    title: str, main: str, zones: list[Zone], meta: list[str], alts: list[str], id: str, url: str | None
) -> Document:
    """As `Document.from_parts`, with the zones inside the main text kept."""
    before = [(ZoneKind.TITLE, title)]
    after = [(ZoneKind.META, part) for part in meta] + [(ZoneKind.ALT, part) for part in alts]
    whole = Document.from_parts([*before, (ZoneKind.BODY, main), *after], id, url)
    shift = len(title) + 2 if title else 0
    inner = [Zone(zone.kind, zone.start + shift, zone.end + shift) for zone in zones]
    return Document(whole.text, id, url, tuple(sorted((*whole.zones, *inner), key=lambda zone: zone.start)))


def _main_text(tree: HTMLTree) -> tuple[str, list[Zone]]:
    """The page's prose, and where headings and links lie in it."""
    from resiliparse.extract.html2text import extract_plain_text

    text = extract_plain_text(tree, main_content=True, alt_texts=False, list_bullets=False).strip()
    if len(text) < MIN_MAIN_CHARACTERS:
        everything = extract_plain_text(tree, alt_texts=False, list_bullets=False).strip()
        text = everything if len(everything) > 2 * len(text) else text
    headings = _places(text, _texts(tree, "h1,h2,h3,h4,h5,h6"), ZoneKind.HEADING, "\n")
    anchors = (part for part in _texts(tree, "a[href]") if " " in part)
    links = _places(text, anchors, ZoneKind.ANCHOR, "")
    return text, _disjoint(headings, links)


def _texts(tree: HTMLTree, selector: str) -> Iterable[str]:
    return (" ".join((node.text or "").split()) for node in islice(_select(tree, selector), MAX_PARTS))


def _select(tree: HTMLTree, selector: str) -> Iterable[ElementNode]:
    return tree.document.query_selector_all(selector) if tree.document is not None else ()


def _places(text: str, parts: Iterable[str], kind: ZoneKind, fence: str) -> list[Zone]:
    """Where these parts stand, in page order, with `fence` on both sides; parts that the extractor left out
    are passed over."""
    zones = []
    at = 0
    fenced = f"{fence}{text}{fence}"
    for part in parts:
        start = fenced.find(f"{fence}{part}{fence}", at) if part else -1
        if start >= 0:
            zones.append(Zone(kind, start, start + len(part)))
            at = start + len(part)
    return zones


def _disjoint(first: list[Zone], second: list[Zone]) -> list[Zone]:
    """Both lists in order; of zones that overlap, the first list's."""
    covered = sorted(first, key=lambda zone: zone.start)
    kept = list(covered)
    i = 0
    for zone in second:
        while i < len(covered) and covered[i].end <= zone.start:
            i += 1
        if i == len(covered) or covered[i].start >= zone.end:
            kept.append(zone)
    return sorted(kept, key=lambda zone: zone.start)


def _meta(tree: HTMLTree) -> list[str]:
    found = {"description": "", "keywords": ""}
    for node in _select(tree, "meta[name]"):
        name = (node.getattr("name") or "").strip().lower()
        if name in found and not found[name]:
            found[name] = (node.getattr("content") or "").strip()
    return list(found.values())


def _alts(tree: HTMLTree) -> list[str]:
    alts = ((node.getattr("alt") or "").strip() for node in _select(tree, "img[alt]"))
    return list(dict.fromkeys(alt for alt in alts if alt))


def refuse_bomb(html: str) -> None:
    """Raise ValueError for markup whose nesting would cost the parser minutes or all memory."""
    if html.count("<") <= MAX_DEPTH:
        return
    stack: list[str] = []
    opened: Counter[str] = Counter()
    formatting = work = 0
    for closing, name in _TAG.findall(html):
        name = name.lower()
        if name in _FORMATTING:
            step = -1 if closing and opened[name] else 0 if closing else 1
            opened[name] += step
            formatting += step
        elif closing:
            _close(stack, name)
        elif name not in _FLAT:
            stack.append(name)
        work += formatting if name not in _FORMATTING else 0
        if len(stack) > MAX_DEPTH or formatting > MAX_DEPTH or work > MAX_FORMAT_WORK:
            raise ValueError("its elements are nested or left open by the thousand: it is broken or a trap")


def _close(stack: list[str], name: str) -> None:
    """End the innermost `name`, with what is open inside it, as a parser would; else nothing."""
    for i in range(len(stack) - 1, max(len(stack) - 64, -1), -1):
        if stack[i] == name:
            del stack[i:]
            return
        if stack[i] in _FENCES:
            return
