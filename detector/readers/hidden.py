"""What a page holds but does not show: text for search engines and crawlers, not for people.

Found by the `hidden` and `aria-hidden` attributes, and by inline styles and plain rules of <style> blocks: not
displayed, invisible, moved off the screen, tiny, or in the colour of its ground. External style sheets are never
fetched, so what they hide or show is unknown. Site builders fade honest pages in from zero opacity, so that counts
only where nothing could bring the text back: no script, no external style sheet, no animation.

Parts of the interface that open on a click (menus, dialogs, forms, tabs) are hidden on honest pages too. They are
neither prose nor hidden text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from resiliparse.parse.html import DocumentNode, ElementNode, HTMLTree

MAX_NODES = 1000
"""Elements of a page that are looked at, per way of hiding."""
MAX_RULES, MAX_CSS_CHARACTERS = 300, 256 * 1024
OFF_SCREEN = -500.0
"""Pixels from which on something is out of sight."""
TINY = 3.0
"""Pixels below which nobody reads."""
SAME_COLOUR = 8
"""Steps of 255 per channel within which two colours look the same."""
EM = 16.0
_INTERFACE = (
    "nav,menu,dialog,form,noscript,template,svg,button,select,script,style,details,object,iframe,"
    "[role=navigation],[role=menu],[role=menubar],[role=dialog],[role=alertdialog],[role=alert],[role=status],"
    "[role=tabpanel],[role=tooltip],[role=listbox],[role=search],[aria-modal]"
)
_NO_TEXT = "script,style,template,noscript,svg,select,button"
_AT_RULE = re.compile(r"@[^{};]*+(?:;|\{(?>(?:[^{}]*+\{[^{}]*+\})*+)[^{}]*+\}?)")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_DYNAMIC = re.compile(r":(?!root\b)|\*|@")
_MOVING = re.compile(r"transition|animation|@keyframes|:[\w-]+[^{}]*\{[^{}]*opacity", re.IGNORECASE)
"""A style sheet that may bring back what is transparent."""
_TRANSPARENT = re.compile(r"(?:0*\.0\d*|0+\.?)\s*(?:%|!|$)")
_LENGTH = re.compile(r"\s*(-?\d*\.?\d+)\s*(px|pt|em|rem|ex|ch|vw|vh|%)?\s*$")
_UNITS = {"pt": 4 / 3, "em": EM, "rem": EM, "ex": EM / 2, "ch": EM / 2, "vw": 12.0, "vh": 8.0, "%": EM / 100}
_COLOURS = {
    "white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0), "green": (0, 128, 0), "gray": (128, 128, 128), "grey": (128, 128, 128),
    "silver": (192, 192, 192), "navy": (0, 0, 128), "maroon": (128, 0, 0), "orange": (255, 165, 0),
    "whitesmoke": (245, 245, 245), "snow": (255, 250, 250), "ivory": (255, 255, 240),
}  # fmt: skip
Style = dict[str, str]
Colour = tuple[int, int, int]


def take_hidden(tree: HTMLTree, url: str | None = None) -> list[str]:
    """Remove everything hidden from the tree; returns its texts, those of the interface aside, in page order.

    `url` is the page's own: a hidden list of links within one site is a menu, one of links to others is not.
    """
    page = tree.document
    if page is None:
        return []
    styles = _Styles(page)
    hidden = [node for node in _candidates(page, styles) if styles.hide(node)]
    known = set(hidden)
    topmost = [node for node in dict.fromkeys(hidden) if not any(above in known for above in _above(node))]
    host = _host(page, url)
    texts = ["" if node.closest(_INTERFACE) is not None else _text(node, host) for node in topmost]
    for node in topmost:
        node.decompose()
    return [text for text in texts if text]


def _candidates(page: DocumentNode, styles: _Styles) -> Iterator[ElementNode]:
    """Elements that may be hidden, in page order for each way of hiding; never the page itself."""
    selectors = ["[hidden],[aria-hidden]", "[style]", "font[color]", *styles.hiding]
    for selector in selectors:
        for node in _select(page, selector):
            if node.tag not in ("html", "body", "head"):
                yield node


def _select(root: DocumentNode | ElementNode, selector: str) -> list[ElementNode]:
    """The first MAX_NODES elements that match. (A slice, since iterating over these lists is quadratic.)"""
    try:
        return list(root.query_selector_all(selector)[:MAX_NODES])
    except ValueError:  # a selector that the parser does not know
        return []


def _above(node: ElementNode) -> Iterator[ElementNode]:
    above = node.parent_element
    while above is not None:
        yield above
        above = above.parent_element


def _host(page: DocumentNode, url: str | None) -> str:
    if not url:
        canonical = page.query_selector("link[rel=canonical]")
        url = (canonical.getattr("href") or "") if canonical is not None else ""
    return _host_of(url)


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _text(node: ElementNode, host: str) -> str:
    """The text of a hidden element; none if it is a menu."""
    for inner in _select(node, _NO_TEXT):
        inner.decompose()
    text = " ".join((node.text or "").split())
    linked = sum(
        len(link.text or "")
        for link in _select(node, "a[href]")
        if _host_of(link.getattr("href") or "") in ("", host)
    )
    return "" if 2 * linked > len(text) else text


class _Styles:
    """What inline styles, attributes and <style> blocks say of a page's elements."""

    def __init__(self, page: DocumentNode) -> None:
        css = "\n".join(node.text or "" for node in _select(page, "style"))
        self._rules = list(islice(_rules(css[:MAX_CSS_CHARACTERS]), MAX_RULES))
        self._known: dict[ElementNode, Style] = {}
        self._plain = page.query_selector("link[rel=stylesheet]") is None
        grounds = [_ground(style) for _, style in self._rules]
        grounds += [_ground(_declarations(node.getattr("style") or "")) for node in _select(page, "[style]")]
        grounds += [_colour(node.getattr("bgcolor") or "") for node in _select(page, "[bgcolor]")]
        self._grounds = {colour for colour in grounds if colour} | (
            {_COLOURS["white"]} if self._plain else set()
        )
        self._still = self._plain and not _MOVING.search(css) and not any(map(_runs, _select(page, "script")))
        self.hiding = [s for s, style in self._rules if self._hides(style) or self._may_vanish(style)]

    def hide(self, node: ElementNode) -> bool:
        """Whether this element is not to be seen."""
        if node.hasattr("hidden") and node.getattr("hidden") != "until-found":
            return True
        if (node.getattr("aria-hidden") or "").strip().lower() == "true":
            return True
        style = self.of(node)
        return self._hides(style) or (self._may_vanish(style) and self._vanishes(node, style))

    def of(self, node: ElementNode) -> Style:
        """Its declarations: of the rules that match it, in order, then its own."""
        style = self._known.get(node)
        if style is None:
            style = {}
            for selector, declared in self._rules:
                if node.matches(selector):
                    _add(style, declared)
            _add(style, _declarations(node.getattr("style") or ""))
            for name, key in (("color", "color"), ("bgcolor", "background-color")):
                if key not in style and (name == "bgcolor" or node.tag == "font") and node.hasattr(name):
                    style[key] = node.getattr(name) or ""
            self._known[node] = style
        return style

    def _hides(self, style: Style) -> bool:
        faint = _TRANSPARENT.match(style.get("opacity", "")) is not None
        return _hides(style) or (faint and self._still and not _MOVING.search(" ".join(style)))

    def _may_vanish(self, style: Style) -> bool:
        colour = _colour(style.get("color", ""))
        return colour is not None and any(_same(colour, ground) for ground in self._grounds)

    def _vanishes(self, node: ElementNode, style: Style) -> bool:
        """Whether its colour is that of the nearest ground that is known for certain."""
        colour = _colour(style["color"])
        assert colour is not None
        for above in (node, *_above(node)):
            found = self.of(above)
            ground = _ground(found)
            if ground is not None:
                return _same(colour, ground)
            if "url(" in found.get("background", "") or "gradient" in found.get("background", ""):
                return False
            if "background-image" in found:
                return False
        return self._plain and _same(colour, _COLOURS["white"])


def _runs(script: ElementNode) -> bool:
    """Whether a script element holds more than data."""
    kind = (script.getattr("type") or "").strip().lower()
    return not kind.endswith("json")


def _rules(css: str) -> Iterator[tuple[str, Style]]:
    """(selector, declarations) of the rules that hold for every screen and at rest."""
    css = re.sub(r"/\*.*?(?:\*/|\Z)|<!--|-->", "", css, flags=re.DOTALL)
    for rule in _RULE.finditer(_AT_RULE.sub("", css)):
        selectors, style = rule.group(1).strip(), _declarations(rule.group(2))
        plain = [part.strip() for part in selectors.split(",") if not _DYNAMIC.search(part)]
        if style and plain:
            yield from ((part, style) for part in plain if _is_known(part))


def _is_known(selector: str) -> bool:
    """Only what is surely a plain selector goes to the parser: a name, classes, ids, attributes, descendants."""
    return re.fullmatch(r"[\w\s.#>+~\[\]=\"'-]{1,200}", selector) is not None


def _declarations(css: str) -> Style:
    """{property: value}, in lower case, of those that matter here; `!important` stays with the value."""
    style: Style = {}
    for declaration in css.lower().split(";"):
        name, _, value = declaration.partition(":")
        if (name := name.strip()) in _PROPERTIES:
            _add(style, {name: " ".join(value.split())})
    return style


_PROPERTIES = frozenset(
    [
        "display", "visibility", "position", "left", "top", "right", "bottom", "text-indent", "clip", "clip-path",
        "font-size", "color", "background", "background-color", "background-image", "width", "height", "overflow",
        "opacity", "transition", "animation",
    ]
)  # fmt: skip


def _add(style: Style, declared: Style) -> None:
    for name, value in declared.items():
        if "!" not in style.get(name, "") or "!" in value:
            style[name] = value


def _hides(style: Style) -> bool:
    """Whether these declarations alone put something out of sight."""
    values = {name: value.partition("!")[0].strip() for name, value in style.items()}
    if values.get("display") == "none" or values.get("visibility") in ("hidden", "collapse"):
        return True
    if (
        _pixels(values.get("text-indent", "")) <= OFF_SCREEN
        or 0 <= _pixels(values.get("font-size", ""), 99.0) < TINY
    ):
        return True
    if values.get("position") in ("absolute", "fixed"):
        if any(_pixels(values.get(side, "")) <= OFF_SCREEN for side in ("left", "top", "right", "bottom")):
            return True
        if re.match(r"rect\(\s*[01](?:px)?[ ,]", values.get("clip", "")):
            return True
    small = any(0 <= _pixels(values.get(side, ""), 99.0) <= 1 for side in ("width", "height"))
    return (small and values.get("overflow") == "hidden") or values.get("clip-path", "").startswith(
        "inset(50%"
    )


def _pixels(value: str, default: float = 0.0) -> float:
    length = _LENGTH.match(value)
    return float(length.group(1)) * _UNITS.get(length.group(2) or "", 1.0) if length else default


def _ground(style: Style) -> Colour | None:
    """The background's colour, if it is one."""
    value = style.get("background-color") or style.get("background", "")
    return None if "url(" in value or "gradient" in value else _colour(value)


def _colour(value: str) -> Colour | None:
    """The first colour in a value."""
    value = value.strip().lower()
    if code := re.match(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", value):
        digits = code.group(1)
        pairs = (
            [digits[i : i + 2] for i in (0, 2, 4)] if len(digits) == 6 else [digit * 2 for digit in digits]
        )
        return int(pairs[0], 16), int(pairs[1], 16), int(pairs[2], 16)
    if parts := re.match(
        r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*(1|1\.0+|100%)\s*)?\)", value
    ):
        return int(parts.group(1)), int(parts.group(2)), int(parts.group(3))
    return _COLOURS.get(re.split(r"[\s!]", value, maxsplit=1)[0])


def _same(first: Colour, second: Colour) -> bool:
    return all(abs(a - b) <= SAME_COLOUR for a, b in zip(first, second, strict=True))
