import pytest

from detector.document import Document, ZoneKind
from tests.conftest import Features


@pytest.mark.parametrize(
    ("text", "name", "share"),
    [
        ("the cat of the house", "style_function_words", 3 / 5),
        ("the flumbotide quombing ended", "style_unknown_words", 2 / 4),
        ("in 1999 we sold 1,250 cars", "style_numbers", 2 / 6),
        ("We saw London. London saw us.", "style_capitalised_inside", 1 / 6),
        ("the NASA and FBI men", "style_all_capitals", 2 / 5),
        ("red, green, blue", "style_comma", 2 / 3),
        ("one two. Three four five six.", "style_sentence_words", 3.0),
        ("abc defgh", "style_word_length", 4.0),
        ("buy v\u0456agra and v\u0456agra now", "disguise_words", 2 / 5),
        ("a hy\u00adphen here", "disguise_soft_hyphen", 1 / 3),
        ("the \u4e2d\u6587 text", "disguise_other_script", 1 / 3),
        ("the conditioning system system broke", "spintax_doubled", 1 / 5),
        ("he had had that that day", "spintax_doubled", 0.0),
    ],
)
def test_shares(features_of: Features, text: str, name: str, share: float) -> None:
    assert features_of(text)[name] == pytest.approx(share)


def test_only_prose_counts(features_of: Features) -> None:
    page = Document.from_parts(
        [(ZoneKind.TITLE, "NASA FBI"), (ZoneKind.BODY, "the cat sat"), (ZoneKind.ALT, "CIA")]
    )
    assert features_of(page)["style_all_capitals"] == 0.0
    assert features_of(page)["style_function_words"] == pytest.approx(1 / 3)


def test_frequency_bands_share_out_the_known_words(features_of: Features) -> None:
    found = features_of("the zymurgy of quokka, flumbotide and 12 others")
    bands = [value for name, value in found.items() if name.startswith("style_frequency_")]
    assert sum(bands) == pytest.approx(1.0 - found["style_unknown_words"] - found["style_numbers"])
