from hypothesis import given
from hypothesis import strategies as st

from detector.bidi import OVERRIDE, as_displayed, as_stored
from detector.document import Document
from detector.scoring import Detector
from detector.verdict import Evidence
from tests.texts import SPUN

END = "\u202c"
pieces = st.lists(st.sampled_from([OVERRIDE, END, "\n", "abc", "x", "yz ", "\U0001f600"]), max_size=30)


def backwards(text: str) -> str:
    """Each word stored from its end, as it would be displayed unchanged."""
    return " ".join(f"{OVERRIDE}{word[::-1]}{END}" for word in text.split(" "))


def test_what_is_stored_backwards_is_read_as_displayed() -> None:
    shown = as_displayed(Document(f"get {OVERRIDE}yenom{END} now")).text
    assert shown.replace(OVERRIDE, "").replace(END, "") == "get money now"
    assert len(shown) == len(f"get {OVERRIDE}yenom{END} now")


def test_other_documents_pass_as_they_are() -> None:
    document = Document("plain text, \u05e9\u05dc\u05d5\u05dd and \u200fmarks")
    assert as_displayed(document) is document


def test_a_page_stored_backwards_gets_the_verdict_and_the_marks_of_the_page(shipped: Detector) -> None:
    plain, hidden = shipped.score(SPUN), shipped.score(backwards(SPUN))
    assert hidden.verdict == plain.verdict == "spam"
    marked = {item.text.replace(OVERRIDE, "").replace(END, "")[::-1] for item in hidden.evidence}
    words = {item.text for item in plain.evidence if " " not in item.text}
    assert len(words & marked) > 0.7 * len(words) > 2
    assert any(item.kind == "disguise" for item in hidden.evidence)


@given(pieces, st.data())
def test_evidence_goes_back_to_the_very_letters(parts: list[str], data: st.DataObject) -> None:
    document = Document("".join(parts))
    shown = as_displayed(document)
    assert len(shown.text) == len(document.text)
    assert sorted(shown.text) == sorted(document.text)
    if not shown.text:
        return
    start = data.draw(st.integers(0, len(shown.text) - 1))
    end = data.draw(st.integers(start + 1, len(shown.text)))
    text = shown.text[start:end]
    (moved,) = as_stored(document, [Evidence("swap", start, end, text, None, 0.5)])
    assert 0 <= moved.start < moved.end <= len(document.text)
    assert document.text[moved.start : moved.end] == moved.text
    assert set(text) - {OVERRIDE} <= set(moved.text)
