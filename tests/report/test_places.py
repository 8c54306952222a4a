import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report.places import badge, findings, headline, percent, runs, visible
from detector.verdict import Evidence
from tests.report.samples import CLEAN, FAILED, SHORT, SPAM, SUSPECT, scored_documents
from tests.strategies import any_text

UNSAFE = "\0\x1b\x07\r\x7f\x85\x9b\u00ad\u200b\u202e\u2066\ufeff\ud800\u2028"


def test_nothing_that_moves_a_cursor_or_hides_is_shown_raw() -> None:
    shown = visible(f"a{UNSAFE}b\r\nc\td")
    assert not set(shown) & set(UNSAFE)
    assert shown.startswith("a␀␛␇␍⟨007F⟩")
    assert shown.endswith("b\nc\td")
    assert visible("p\u200da") == "p⟨200D⟩a"
    assert visible("\U0001f469\u200d\U0001f680 é ✓") == "\U0001f469\u200d\U0001f680 é ✓"


@given(any_text)
def test_what_is_shown_can_be_encoded_and_stays_so(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert visible(shown) == shown


@given(scored_documents(), st.lists(st.integers(-2, 70), max_size=5))
def test_runs_cover_the_text_once_with_exactly_the_evidence_there(scored: object, cuts: list[int]) -> None:
    text, evidence = scored.document.text, scored.verdict.evidence  # type: ignore[attr-defined]
    at = 0
    opened: list[int] = []
    for run in runs(len(text), evidence, cuts):
        assert run.start == at < run.end
        at = run.end
        covering = {i for i, e in enumerate(evidence) if e.start <= run.start and run.end <= e.end}
        assert set(run.items) == covering
        assert set(run.opens) <= covering
        opened += run.opens
        assert not any(run.start < cut < run.end for cut in cuts)
    assert at == len(text)
    assert sorted(opened) == [i for i, e in enumerate(evidence) if e.start < min(e.end, len(text))]


def test_findings_join_the_same_words_and_add_their_weights() -> None:
    found = findings(SPAM.verdict.evidence)
    assert [(item.text, item.places) for item in found][:2] == [
        ("Cheap fridge Leeds", (3, 4)),
        ("cool closet", (0,)),
    ]
    assert sum(item.weight for item in found) == pytest.approx(0.97 + 0.62)
    twice = [Evidence("swap", 0, 1, "a", None, 0.1), Evidence("swap", 2, 3, "A", "b", 0.2)]
    assert len(findings(twice)) == 2


def test_headlines_say_what_was_found() -> None:
    assert headline(SPAM.verdict) == "flagged for spun text and keyword stuffing"
    assert headline(SUSPECT.verdict) == "possibly spun text"
    assert "threshold" in headline(CLEAN.verdict)
    assert "too short" in headline(SHORT.verdict)
    assert "no such file" in headline(FAILED.verdict)
    assert [badge(s.verdict) for s in (SPAM, SUSPECT, CLEAN, SHORT, FAILED)] == [
        "spam", "suspect", "clean", "unjudged", "failed",
    ]  # fmt: skip


def test_percentages_never_round_to_certainty() -> None:
    numbers = (0.0, 0.0001, 0.01, 0.5, 0.994, 0.9999, 1.0)
    assert [percent(p) for p in numbers] == ["0 %", "< 1 %", "1 %", "50 %", "> 99 %", "> 99 %", "100 %"]
