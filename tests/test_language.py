import pytest

from detector.language import HOPELESS_UNKNOWN_WORDS, is_english
from tests.texts import GERMAN, HONEST


@pytest.mark.parametrize(
    ("text", "function_words", "unknown_words", "english"),
    [
        (HONEST, 0.45, 0.02, True),  # settled by the shares
        (HONEST, 0.1, 0.5, True),  # settled by the language identifier
        (GERMAN, 0.1, 0.5, False),
        (GERMAN, 0.02, HOPELESS_UNKNOWN_WORDS, False),
        ("cheap plumber leeds, " * 20, 0.15, 0.3, True),  # keyword lists are in no language
    ],
)
def test_gate(text: str, function_words: float, unknown_words: float, english: bool) -> None:
    assert is_english(text, function_words, unknown_words) is english


@pytest.mark.parametrize("text", ["", "\ud800 \udfff", "\0", "12 345 678", "\u4e2d\u6587"])
def test_odd_strings_get_an_answer(text: str) -> None:
    assert is_english(text, 0.0, 0.5) in (True, False)


def test_a_full_temporary_folder_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identifier unpacks itself there on first use; found by a run under a file-size limit."""

    def full(text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("py3langid.classify", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert not is_english(GERMAN, 0.1, 0.5)
    assert is_english(HONEST, 0.2, 0.2)
