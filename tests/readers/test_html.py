import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document, ZoneKind
from detector.readers import Failure, html, read_file

pytest.importorskip("resiliparse")
PAGE = """<!doctype html><html><head><title>Bread &amp; butter</title>
<meta name="Description" content="How we bake"><meta name=keywords content="bread, oven">
<script>var hidden = "not text";</script></head><body><nav><a href=/>Home page</a></nav>
<main><h1>Baking <em>bread</em></h1><p>The oven is old, but <a href=/oven>an old oven</a> keeps its heat, and
the loaves come out with a crust that breaks like thin ice. We start at three in the morning.</p>
<h2>What we use</h2><p>Flour from the mill by the river, water, salt, and a sourdough that my grandmother started
in the year of the flood. It has been fed every day since then, even at Christmas.</p>
<img src=x alt="A loaf on a board"><img src=y alt=""></main></body></html>"""


def zones(document: Document) -> list[tuple[str, str]]:
    return [(zone.kind.name, document.text[zone.start : zone.end]) for zone in document.zones]


def test_a_page_becomes_one_text_with_its_zones() -> None:
    document = html.page(PAGE, "p.html")
    assert document.text.startswith("Bread & butter\n\nBaking bread\n\nThe oven is old")
    assert "not text" not in document.text
    assert zones(document) == [
        ("TITLE", "Bread & butter"),
        ("HEADING", "Baking bread"),
        ("ANCHOR", "an old oven"),
        ("HEADING", "What we use"),
        ("META", "How we bake"),
        ("META", "bread, oven"),
        ("ALT", "A loaf on a board"),
    ]


def test_a_page_without_a_main_text_gives_what_can_be_seen() -> None:
    document = html.page("<title>T</title><nav>Shoes in Leeds</nav><footer>Call us today</footer>", "p")
    assert "Shoes in Leeds" in document.text
    assert html.page("", "p") == Document("", "p")


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("iso-8859-1", "cp1252"), ("windows-1251", "cp1251"), ("", "utf-8"), ("rot13", "utf-8")],
)
def test_the_declared_encoding_is_used_if_it_is_one_of_the_web_s(
    tmp_path: Path, declared: str, encoding: str
) -> None:
    word = "Привет" if encoding == "cp1251" else "café"
    path = tmp_path / "p.html"
    path.write_bytes(f'<meta charset="{declared}"><title>{word}</title><p>x'.encode(encoding))
    (record,) = read_file(str(path))
    assert isinstance(record, Document)
    assert record.text.startswith(word)


def test_a_binary_or_huge_page_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.html"
    path.write_bytes(b"<html>\0\1\2")
    assert isinstance(next(read_file(str(path))), Failure)
    monkeypatch.setattr(html, "MAX_PAGE_BYTES", 100)
    path.write_text(PAGE)
    (record,) = read_file(str(path))
    assert isinstance(record, Failure)
    assert "larger than" in record.reason


def test_without_the_extra_the_failure_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("resiliparse.parse.html", "resiliparse.parse.encoding"):
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / "p.html"
    path.write_text(PAGE)
    (record,) = read_file(str(path))
    assert isinstance(record, Failure)
    assert 'pip install "spun-text-detector[html]"' in record.reason


@pytest.mark.parametrize(
    "trap",
    [
        "<div>" * 100_000,
        "<div><object></div></object>" * 100_000,
        "<p>" + "".join(f"<font a={i}>" for i in range(900)) + "<p>x" * 20_000,
        "<b>" * 50_000,
    ],
    ids=["nested", "fenced", "reopened", "bold"],
)
def test_markup_made_to_stall_the_parser_is_refused_at_once(trap: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="nested or left open"):
        html.page(trap, "p")
    assert time.process_time() - started < 2


def test_a_long_honest_page_is_no_trap() -> None:
    row = "<tr><td><p>A <b>bold</b> word<br>and <a href=x><i>more</i></a><li>item<img src=x></td></tr>"
    document = html.page(f"<table>{row * 3000}</table><p>unclosed" * 2, "p")
    assert "bold" in document.text


@given(st.lists(st.sampled_from([*"<>/a b\"'=&;#", "<p>", "</p>", "<h1>", "</h1>", "<a href=x>", "two words", "</a>",
    "<title>", "</title>", "<meta name=description content='", "<img alt='", "<!--", "-->", "&#0;"]), max_size=60))  # fmt: skip
def test_zones_of_any_markup_are_in_order_inside_and_disjoint(pieces: list[str]) -> None:
    document = html.page("".join(pieces), "p")
    at = 0
    for zone in document.zones:
        assert at <= zone.start < zone.end <= len(document.text)
        assert isinstance(zone.kind, ZoneKind)
        at = zone.end


@pytest.mark.parametrize(
    "element",
    [
        "<bdo dir=rtl>{}</bdo>",
        "<bdo dir='RTL '><i>{}</i></bdo>",
        "<span style='unicode-bidi:bidi-override; direction: rtl'>{}</span>",
    ],
)
def test_words_that_markup_turns_round_are_marked_for_the_scorer(element: str) -> None:
    assert "get \u202eyenom\u202c now" in html.page(f"<p>get {element.format('yenom')} now", "p").text
    assert "\u202e" not in html.page("<p>get <bdo dir=rtl></bdo><bdo dir=ltr>plain</bdo> words", "p").text


def test_headings_and_links_keep_their_targets_and_repeated_words_their_places() -> None:
    prose = "The oven keeps its heat, and the loaves come out with a crust that breaks like thin ice. " * 4
    markup = f"<h2><a href=' /guide '>An old oven</a></h2><p>oven {prose}<a href=/b>oven</a> and <a href=/c>the <b>oven</b></a>."
    document = html.page(f"<body><main>{markup}</main>", "p")
    found = [(z.kind.name, document.text[z.start : z.end], z.target) for z in document.zones]
    assert found == [
        ("HEADING", "An old oven", "/guide"),
        ("ANCHOR", "oven", "/b"),
        ("ANCHOR", "the oven", "/c"),
    ]
    assert document.zones[1].start > 300


def test_precise_extraction_finds_the_same_zones() -> None:
    pytest.importorskip("trafilatura")
    fast, precise = html.page(PAGE, "p"), html.page(PAGE, "p", None, "precise")
    assert zones(precise) == zones(fast)
    assert "Home page" not in precise.text


def test_a_page_of_links_alone_has_no_prose() -> None:
    links = "".join(f"<li><a href=/{i}>Cheap flights to the town of number {i}</a></li>" for i in range(60))
    document = html.page(f"<title>Flights</title><body><ul>{links}</ul>", "p")
    assert "number 59" not in document.text


def test_marks_of_our_own_can_not_be_smuggled_in() -> None:
    forged = "\U00030001 &#x30002; &#196610; \U00030000 text"
    document = html.page(f"<p>{forged}</p><h1>Head\U00030000ing</h1>", "p")
    assert all(ord(sign) < 0x30000 for sign in document.text)
    assert zones(document) == [("HEADING", "Heading")]


@pytest.mark.parametrize(
    "label", ["x-user-defined", "iso-8859-8-i", "replacement", "x-mac-cyrillic", "hz-gb-2312", "\0"]
)
def test_encodings_that_python_does_not_have_are_guessed(label: str) -> None:
    assert "caf" in html.decode_page(b"<p>caf\xe9 " + b"and some more words of English text " * 5, label)


def test_utf_8_is_seen_through_a_wrong_declaration() -> None:
    assert "café" in html.decode_page("<meta charset=iso-8859-1><p>café".encode(), "windows-1252")
