import base64
import hashlib
import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given

from detector.report import page
from detector.report.page import HtmlReport
from detector.report.places import Policy, Scored
from tests.report.samples import ALL, CLEAN, FAILED, POLICY, SPAM, TEXT, scored_documents

VOID = {"meta", "rect", "br", "link"}
ALLOWED = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "ul",
        "li",
        "mark",
        "article",
        "header",
        "p",
        "h1",
        "h2",
        "span",
        "div",
        "svg",
        "rect",
        "section",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "a",
        "b",
        "dl",
        "dt",
        "dd",
        "em",
        "footer",
        "ruby",
        "rt",
    ]
)


class Checker(HTMLParser):
    """Fails on markup that isn't well nested or holds a tag or attribute that the report never writes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.marks: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        names = dict(attrs)
        assert not any(name.startswith("on") or name in ("style", "src") for name in names)
        if "id" in names:
            self.ids.append(names["id"] or "")
        if "href" in names:
            assert (names["href"] or "").startswith("#")
            self.links.append((names["href"] or "")[1:])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "rt" not in self.open:
            (self.marks if "mark" in self.open else self.text).append(data)


def render(*documents: Scored, policy: Policy = POLICY) -> str:
    out = io.StringIO()
    with HtmlReport(policy) as report:
        for scored in documents:
            report.add(scored)
        report.write(out)
    return out.getvalue()


def check(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    assert set(checker.links) <= set(checker.ids)
    return checker


def body_text(html: str) -> str:
    """What a reader sees of the document's text, without the words above it."""
    inside = html.partition('<div class="text')[2].partition(">")[2].partition("</div>")[0]
    inside = re.sub(r"<rt>.*?</rt>", "", inside, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", "", inside).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_a_report_shows_text_marks_suggestions_and_both_probabilities() -> None:
    html = render(SPAM)
    checker = check(html)
    assert body_text(html) == TEXT
    assert "<rt>fridge</rt>" in html
    assert 'title="known spinner phrase, probably for “fridge” (60 % of the score)"' in html
    for words in (
        "97 %",
        "62 %",
        "counts as spam from 92 %",
        "balanced",
        "test@1.0#01234567",
        "Flagged for spun",
    ):
        assert words in html
    assert "cool closet" in checker.marks
    assert "https://example.org/?a=1&amp;b=2" in html


def test_evidence_that_overlaps_is_marked_piece_by_piece() -> None:
    html = render(SPAM)
    assert body_text(html) == TEXT
    pieces = re.findall(r'<mark class="spun swap[^>]*>([^<]*)</mark>', html)
    assert pieces == ["strong ", "sufficient", " to"]


def test_the_table_goes_by_weight_and_leads_to_the_places() -> None:
    html = render(SPAM)
    rows = re.findall(r'<tr class="(?:spun|stuffed)"><td><a href="[^"]*">([^<]*)</a>', html)
    assert rows == ["cool closet", "strong sufficient", "sufficient to", "Cheap fridge Leeds"]
    assert "2 times" in html


def test_the_table_sums_up_the_lighter_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.report.html.MAX_FINDINGS", 1)
    assert '2 lighter ones, marked in the text</td><td class="weight">37 %' in render(SPAM)


def test_the_policy_lets_in_nothing_but_the_style_sheet() -> None:
    html = render(SPAM)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'" in html
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert not re.search(r"<script|javascript:|https?://(?!example)|url\(|@import", html)
    assert "<" not in page.STYLE


@given(scored_documents())
def test_any_document_gives_sound_markup_that_shows_its_text(scored: Scored) -> None:
    html = render(scored)
    html.encode()
    check(html)


@given(scored_documents(), scored_documents())
def test_so_do_many(first: Scored, second: Scored) -> None:
    check(render(first, second, FAILED))


def test_an_attack_stays_text() -> None:
    from dataclasses import replace

    attack = '"><img src=x onerror=alert(1)><script>alert(1)</script></title></style>'
    verdict = replace(SPAM.verdict, id=attack, url=attack, model=attack)
    html = render(Scored(verdict, replace(SPAM.document, text=attack * 3)), policy=Policy(attack, 0.1, 0.1))
    check(html)
    assert "<img" not in html
    assert "<script" not in html


def test_many_documents_get_an_overview_that_leads_to_each() -> None:
    html = render(*ALL)
    checker = check(html)
    assert [link for link in checker.links if "p" not in link] == [f"d{i}" for i in range(1, 7)]
    assert "6 documents" in html
    assert "2 clean" not in html
    assert "no such file or directory" in html
    assert "Only the first 1,000,000 characters were read" in html


def test_a_report_of_nothing_is_still_a_page() -> None:
    assert "0 documents" in render()


def test_a_large_report_keeps_the_flagged_and_counts_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_ROWS", 2)
    monkeypatch.setattr(page, "MAX_SECTION_CHARACTERS", 3000)
    monkeypatch.setattr(page, "SPOOL_BYTES", 100)
    html = render(CLEAN, CLEAN, CLEAN, SPAM)
    check(html)
    assert "1 more clean documents are counted but not listed" in html
    assert "documents are listed without their text" in html
    assert "pages/fridge.txt" in html


def test_the_explanation_fits_the_policy() -> None:
    assert "at most 1 in 100 honest documents" in render(SPAM)
    assert "false-positive rate of 0.005" in render(SPAM, policy=Policy("fpr=0.005", 0.5, 0.5))
