import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from detector.report.places import Scored
from detector.report.terminal import print_scored, print_summary
from tests.report.samples import CLEAN, FAILED, GERMAN, POLICY, SHORT, SPAM, scored_documents


def show(scored: Scored, explain: bool = False, width: int = 110, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, color_system="256" if colour else None, highlight=False
    )
    print_scored(console, scored, POLICY, explain)
    return out.getvalue()


def test_a_block_says_verdict_probabilities_and_places() -> None:
    shown = show(SPAM)
    assert " SPAM  pages/fridge.txt  flagged for spun text and keyword stuffing · 16 words" in shown
    assert "97 %  spam from 92 % (balanced)" in shown
    assert "The [cool closet] is strong sufficient" in shown
    assert "-> fridge" in shown
    assert "[Cheap fridge Leeds]  repeated keyphrase  x2" in shown
    assert shown.index("Cheap fridge") < shown.index("cool closet]") < shown.index("strong sufficient]")


def test_marks_are_coloured_in_a_terminal() -> None:
    shown = show(SPAM, colour=True)
    assert "\x1b[" in shown
    assert "[cool closet]" not in shown


def test_a_clean_document_shows_its_places_only_on_request() -> None:
    assert "[The cool]" not in show(CLEAN)
    assert "[The cool]" in show(CLEAN, explain=True)


@pytest.mark.parametrize("scored", [SHORT, GERMAN, FAILED], ids=["short", "german", "failed"])
def test_what_was_not_judged_says_why_and_shows_no_bars(scored: Scored) -> None:
    shown = show(scored)
    assert "spam from" not in shown
    assert any(words in shown for words in ("too short", "not English", "check the path"))


def test_more_evidence_is_counted_and_shown_on_request() -> None:
    from dataclasses import replace

    from tests.report.samples import at

    many = tuple(at(TEXT_WORDS[i], suggestion=f"s{i}", weight=0.05) for i in range(15))
    scored = Scored(replace(SPAM.verdict, evidence=many), SPAM.document)
    assert "3 more with --explain" in show(scored)
    assert show(scored, explain=True).count("-> s") == 15


TEXT_WORDS = [SPAM.document.text[i : i + 4] for i in range(20, 35)]


@given(scored_documents(), st.integers(30, 120), st.booleans())
def test_no_document_can_send_codes_to_the_terminal_or_break_the_lines(
    scored: Scored, width: int, explain: bool
) -> None:
    shown = show(scored, explain, width)
    shown.encode()
    assert not set(shown) & set("\0\x1b\x07\x08\r\x7f\x9b\u202e\u200b")
    lines = shown.split("\n")
    assert all(cell_len(line) <= width for line in lines if line[2:8].strip().endswith("%"))


def test_a_narrow_terminal_still_shows_the_suggestion() -> None:
    assert "-> fridge" in show(SPAM, width=60)


def test_an_ascii_terminal_gets_ascii_bars() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    print_scored(Console(file=out, width=90), SPAM, POLICY)
    out.seek(0)
    assert "####" in out.read()


def test_the_summary_counts_each_badge() -> None:
    out = io.StringIO()
    print_summary(Console(file=out, width=90), {"spam": 1200, "clean": 1, "failed": 0})
    assert out.getvalue() == "1,201 documents: 1,200 spam, 1 clean\n"
