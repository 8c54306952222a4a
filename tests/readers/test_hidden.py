import pytest

from detector.document import Document, ZoneKind
from detector.readers import html
from tests.readers.warcs import PROSE

pytest.importorskip("resiliparse")
SECRET = "cheap phones best phones buy phones phones online phone deals phones today"


def page(part: str, head: str = "", url: str | None = None) -> Document:
    markup = f"<html><head>{head}</head><body><main><h1>Ferries</h1><p>{PROSE}</p>{part}</main></body></html>"
    return html.page(markup, "p", url)


def hidden(document: Document) -> list[str]:
    return [document.text[z.start : z.end] for z in document.zones if z.kind is ZoneKind.HIDDEN]


@pytest.mark.parametrize(
    "attributes",
    [
        "hidden",
        'aria-hidden="true"',
        'style="display:none"',
        'style="DISPLAY : none !important; display: block"',
        'style="visibility:hidden"',
        'style="position:absolute; left:-9999px"',
        'style="position:fixed;top:-200em"',
        'style="text-indent:-9999px"',
        'style="font-size:0"',
        'style="font-size:1px"',
        'style="font-size: 0.1em"',
        'style="color:#fff"',
        'style="color:#FEFEFE"',
        'style="color:#336699;background:#369"',
        'style="color:white;background-color:rgb(255, 255, 255)"',
        'style="position:absolute;clip:rect(0,0,0,0)"',
        'style="height:0;overflow:hidden"',
        'style="opacity:0"',
        'style="opacity: 0.0 !important"',
    ],
)
def test_each_way_to_hide_text_makes_a_zone_and_no_prose(attributes: str) -> None:
    document = page(f"<div {attributes}>{SECRET}</div><p>After.</p>")
    assert hidden(document) == [SECRET]
    assert document.text.index(SECRET) > document.text.index("After.")


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        'aria-hidden="false"',
        'hidden="until-found"',
        'style="display:block"',
        'style="opacity:0.5"',
        'style="opacity:0;transition:opacity 1s"',
        'style="position:absolute;left:-20px"',
        'style="position:relative;top:-600%"',
        'style="font-size:11px"',
        'style="color:#fff;background:#000"',
        'style="color:#fff;background:url(x.png)"',
        'style="width:1px"',
    ],
)
def test_what_can_be_seen_is_prose(attributes: str) -> None:
    document = page(f"<div {attributes}>{SECRET}</div><p>After.</p>")
    assert hidden(document) == []


@pytest.mark.parametrize(
    ("css", "found"),
    [
        (".x{display:none}", True),
        ("p, div.x , #y { visibility : hidden }", True),
        ("#i { position:absolute; left:-999em }", True),
        ("main > .x { font-size: 1px }", True),
        ("/* .x{ */ .x{display:none} ", True),
        ("body{background:#fff} .x{color:#fff}", True),
        (".x{display:none} .x{display:block}", False),
        (".x:hover{display:none}", False),
        ("@media print { .x{display:none} }", False),
        ("@font-face{} @media (max-width:9px){ .y{} .x{display:none} } .z{}", False),
        (".x{display:none", False),
        (".y{display:none}", False),
        ("[[{display:none} .x::before{display:none}", False),
        ("body{background:#000} .x{color:#fff}", False),
    ],
)
def test_plain_rules_of_style_blocks_count(css: str, found: bool) -> None:
    document = page(f'<div class="x" id="i">{SECRET}</div>', f"<style>{css}</style>")
    assert bool(hidden(document)) is found


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("", True),
        ("<style>.x{color:#333}</style>", True),
        ('<script type="application/ld+json">{}</script>', True),
        ("<script src=fade.js></script>", False),
        ("<script>document.body.classList.add('on')</script>", False),
        ('<link rel="stylesheet" href="x.css">', False),
        ("<style>.x{animation:in 1s forwards} @keyframes in{to{opacity:1}}</style>", False),
        ("<style>main:hover .x{opacity:1}</style>", False),
    ],
)
def test_transparent_text_is_hidden_only_where_nothing_fades_it_in(head: str, found: bool) -> None:
    assert bool(hidden(page(f'<div class=x style="opacity:0">{SECRET}</div>', head))) is found
    assert bool(hidden(page(f"<div id=y>{SECRET}</div>", f"{head}<style>#y{{opacity:0}}</style>"))) is found


def test_white_text_is_hidden_only_where_the_ground_is_known() -> None:
    part = f'<font color="white">{SECRET}</font>'
    assert hidden(page(part))
    assert not hidden(page(part, '<link rel="stylesheet" href="x.css">'))
    assert not hidden(page(f'<div style="background:navy">{part}</div>'))
    assert hidden(
        page(f'<table bgcolor="#ffffff"><tr><td>{part}</table>', '<link rel="stylesheet" href="x.css">')
    )


def test_parts_of_the_interface_are_neither_prose_nor_hidden_text() -> None:
    parts = [f"<nav style='display:none'>{SECRET}</nav>", f"<form><div hidden>{SECRET}</div></form>",
             f"<div role=dialog hidden>{SECRET}</div>", f"<section role=tabpanel hidden>{SECRET}</section>",
             f"<div hidden><script>{SECRET}</script></div>"]  # fmt: skip
    for part in parts:
        document = page(part)
        assert not hidden(document), part
        assert SECRET not in document.text, part


def test_a_hidden_list_of_links_is_a_menu_unless_it_leads_elsewhere() -> None:
    def links(site: str) -> str:
        return (
            "<ul hidden>"
            + "".join(f"<li><a href={site}/{i}>phones number {i}</a>" for i in range(9))
            + "</ul>"
        )

    assert not hidden(page(links("")))
    assert not hidden(page(links("https://www.own.example"), url="https://own.example/a"))
    assert hidden(page(links("https://other.example"), url="https://own.example/a"))


def test_what_is_said_openly_as_well_is_not_hidden() -> None:
    assert not hidden(page(f"<p>{SECRET}</p><p aria-hidden=true>{SECRET}</p>"))


def test_hidden_inside_hidden_is_found_once() -> None:
    assert hidden(page(f"<div hidden><p style='display:none'>{SECRET}</p></div>")) == [SECRET]
