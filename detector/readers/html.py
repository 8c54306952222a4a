"""HTML pages (extra `html`): title, main text with headings and links, description, alt texts, hidden text.

The main text is Resiliparse's (Bevendorff et al., ECIR 2018), or with "precise" that of trafilatura (Barbaresi, ACL
2021; extra `precise`), which takes more than twice as long for the whole page. `Document.text` is the
extracted text, and evidence counts code points in it; `detector score --with-text` returns it.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader
from typing import TYPE_CHECKING, Literal, get_args

from detector.bidi import OVERRIDE
from detector.document import Document, Zone, ZoneKind
from detector.readers.base import MAX_PAGE_BYTES, MIB, Failure, Page, RawRecord, Record, register
from detector.readers.encoding import decode, encoding_of, refuse_binary
from detector.readers.hidden import take_hidden

if TYPE_CHECKING:
    from resiliparse.parse.html import ElementNode, HTMLTree, Node

Extraction = Literal["fast", "precise"]
Opened = dict[str, tuple[ZoneKind, str | None]]
"""Opening marks: the kind of zone that begins there, and where it leads."""
EXTRACTIONS: tuple[Extraction, ...] = get_args(Extraction)
EXTRA, PRECISE_EXTRA = "spun-text-detector[html]", "spun-text-detector[precise]"
MIN_MAIN_CHARACTERS = 300
"""If the main text is shorter, the extractor most likely missed it: take all visible text instead."""
MAX_PARTS = 4000
"""Headings and links whose place is kept, and pictures whose alt text is read."""
MAX_TARGET = 2000
"""Characters of an anchor's target that are kept."""
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
_CLOSE, _FIRST_MARK = 0x30000, 0x30001
_MARKS = re.compile("[\U00030000-\U0003134a]")
"""Headings and links are marked in the page before extraction and found again by their marks in its text. As marks
serve the rarest ideographs (CJK Extension G), which every extractor lets through as letters; from pages they go."""
_MARK_CODES = re.compile(r"&#(?:x0*3[01][0-9a-f]{3}|0*(?:19[6-9]\d{3}|20[01]\d{3}));?", re.IGNORECASE)


@register("html", ".html", ".htm", ".xhtml")
def read_html(source: BufferedReader, id: str) -> Iterator[RawRecord]:
    """The page as it is: its text is extracted later."""
    yield Page(source.read(MAX_PAGE_BYTES + 1), id)


def extract(record: RawRecord, extraction: Extraction = "fast") -> Record:
    """A page's document, or why there is none; other records as they are."""
    if not isinstance(record, Page):
        return record
    if len(record.data) > MAX_PAGE_BYTES:
        reason = f"the page is larger than {MAX_PAGE_BYTES // MIB} MiB: save its text as .txt"
    else:
        try:
            return page(decode_page(record.data, record.charset), record.id, record.url, extraction)
        except ImportError as error:
            extra = PRECISE_EXTRA if (error.name or "").startswith("trafilatura") else EXTRA
            reason = f'reading HTML needs an extra: pip install "{extra}"'
        except (ValueError, RuntimeError) as error:
            reason = str(error) or "the page could not be parsed"
    return Failure(record.id, reason, record.url)


def decode_page(data: bytes, charset: str | None = None) -> str:
    """The page's characters: by its mark, by what the server (`charset`) or the page itself declares, else as
    UTF-8 if it is that, else as what it looks like. Raises BinaryFileError.

    Bytes that are UTF-8 throughout, and not just ASCII, are read so whatever was declared: that is no accident.
    """
    name, mark = encoding_of(data)
    if mark or name != "utf-8":
        return decode(data)
    refuse_binary(data)
    if not data.isascii():
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    return data.decode(known, "replace") if (known := _encoding(data, charset)) else decode(data)


def _encoding(data: bytes, charset: str | None) -> str | None:
    """The 8-bit or East Asian encoding that is declared, or that the bytes look like; None for UTF-8."""
    from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

    unicode = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-16le", "utf-16be")
    declared = _CHARSET.search(data, 0, 4096)
    for label in (charset, declared.group(1).decode() if declared else None):
        known = map_encoding_to_html5(label, False) if label else None
        if known in unicode:
            return None
        if known and _is_known(known):
            return str(known)
    guessed = None if data.isascii() else detect_encoding(data)
    return str(guessed) if guessed and guessed not in unicode and _is_known(guessed) else None


def _is_known(encoding: str) -> bool:
    """Whether Python has this one of the web's encodings ("x-user-defined" it hasn't)."""
    try:
        return codecs.lookup(encoding) is not None
    except LookupError:
        return False


def page(html: str, id: str, url: str | None = None, extraction: Extraction = "fast") -> Document:
    """The document that a page's markup holds. Raises ValueError for markup made to stall a parser, ImportError
    without the extra."""
    from resiliparse.parse.html import HTMLTree

    refuse_bomb(html)
    tree = HTMLTree.parse(_MARKS.sub("", _MARK_CODES.sub("", html)))
    title = (tree.title or "").strip()
    hidden = take_hidden(tree, url)
    _mark_reversed(tree)
    after = [(ZoneKind.META, part) for part in _meta(tree)] + [(ZoneKind.ALT, part) for part in _alts(tree)]
    targets = _mark(tree)
    text, zones = _unmark(_main_text(tree, extraction, targets), targets)
    after += [(ZoneKind.HIDDEN, part) for part in hidden if part not in text]
    return _joined(title, text, zones, after, id, url)


def _mark_reversed(tree: HTMLTree) -> None:
    """Put signs of direction around what `<bdo dir=rtl>` or a style displays backwards; the scorer reads them."""
    from resiliparse.parse.html import NodeType

    reversing = "bdo[dir],[style*=bidi-override]"
    for node in _select(tree, reversing):
        if node.parent_element is not None and node.parent_element.closest(reversing) is not None:
            continue  # of nested ones the outermost, or their text would be copied once for each
        style = "".join((node.getattr("style") or "").lower().split())
        if "rtl" in (
            (node.getattr("dir") or "").strip().lower(),
            *style.partition("direction:")[2][:3].split(),
        ):
            first: Node = node
            last: Node = node
            while first.first_child is not None:
                first = first.first_child
            while last.last_child is not None:
                last = last.last_child
            if (
                first.type == last.type == NodeType.TEXT
            ):  # into the text: the extractor drops signs that stand alone
                first.text = f"{OVERRIDE}{first.text}"
                last.text = f"{last.text}\u202c"


def _joined(
    title: str, main: str, zones: list[Zone], after: list[tuple[ZoneKind, str]], id: str, url: str | None
) -> Document:
    """As `Document.from_parts`, with the zones inside the main text kept."""
    whole = Document.from_parts([(ZoneKind.TITLE, title), (ZoneKind.BODY, main), *after], id, url)
    shift = len(title) + 2 if title else 0
    inner = [Zone(zone.kind, zone.start + shift, zone.end + shift, zone.target) for zone in zones]
    return Document(whole.text, id, url, tuple(sorted((*whole.zones, *inner), key=lambda zone: zone.start)))


def _main_text(tree: HTMLTree, extraction: Extraction, opened: Opened) -> str:
    """The page's prose, with marks; all that can be seen if there is little prose and it isn't mere links."""
    from resiliparse.extract.html2text import extract_plain_text

    if extraction == "precise":
        from trafilatura import extract as extract_precisely

        markup = tree.document.html if tree.document is not None else ""
        return extract_precisely(markup, include_comments=False, deduplicate=False) or ""
    text = str(extract_plain_text(tree, main_content=True, alt_texts=False, list_bullets=False))
    if len(_MARKS.sub("", text)) < MIN_MAIN_CHARACTERS:
        everything = str(extract_plain_text(tree, alt_texts=False, list_bullets=False))
        text = (
            everything
            if len(everything) > 2 * len(text) and not _is_list_of_links(everything, opened)
            else text
        )
    return text


def _is_list_of_links(marked: str, opened: Opened) -> bool:
    text, zones = _unmark(marked, opened)
    linked = sum(zone.end - zone.start for zone in zones if zone.kind is ZoneKind.ANCHOR)
    return len(text) >= MIN_MAIN_CHARACTERS and 2 * linked > len(text)


def _select(tree: HTMLTree, selector: str) -> list[ElementNode]:
    """The first MAX_PARTS elements that match. (A slice, since iterating over these lists is quadratic.)"""
    return list(tree.document.query_selector_all(selector)[:MAX_PARTS]) if tree.document else []


def _mark(tree: HTMLTree) -> Opened:
    """Put marks around headings and links; returns the opening marks with what they stand for."""
    opened: Opened = {}
    for node in _select(tree, "h1,h2,h3,h4,h5,h6,a[href]"):
        if not node.has_child_nodes():
            continue
        mark = chr(_FIRST_MARK + len(opened))
        anchor = node.tag == "a"
        target = (node.getattr("href") or "").strip()[:MAX_TARGET] if anchor else None
        opened[mark] = (ZoneKind.ANCHOR if anchor else ZoneKind.HEADING, target or None)
        opening, closing = tree.create_text_node(mark), tree.create_text_node(chr(_CLOSE))
        if opening is not None and closing is not None:
            node.prepend(opening)
            node.append(closing)
    return opened


def _unmark(marked: str, opened: Opened) -> tuple[str, list[Zone]]:
    """The text without its marks, and the zones between them; inside a heading all is heading.

    An extractor may drop one of two marks with what stood next to it, so a mark that is never closed ends with
    its line.
    """
    text: list[str] = []
    zones: list[Zone] = []
    open_now: list[tuple[ZoneKind, str | None]] = []
    at = 0
    for piece in re.split(f"({_MARKS.pattern}|\n)", marked):
        if piece == "\n":
            open_now.clear()
        if _MARKS.fullmatch(piece):
            if piece in opened:
                open_now.append(opened[piece])
            elif open_now:
                open_now.pop()
            continue
        if at == 0 or text[-1][-1].isspace():
            piece = piece.lstrip(" ")
            piece = piece.lstrip() if at == 0 else piece
        if not piece:
            continue
        zones += _zone(piece, at, open_now)
        text.append(piece)
        at += len(piece)
    return "".join(text).rstrip(), zones


def _zone(piece: str, at: int, opened: list[tuple[ZoneKind, str | None]]) -> Iterator[Zone]:
    """The zone that this piece of text makes, if it has words and stands in a heading or link."""
    words = piece.strip()
    if opened and words:
        kind = ZoneKind.HEADING if any(k is ZoneKind.HEADING for k, _ in opened) else ZoneKind.ANCHOR
        target = next((target for _, target in opened if target), None)
        start = at + len(piece) - len(piece.lstrip())
        yield Zone(kind, start, start + len(words), target)


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
