import pytest

from detector.spinner.tables import MAX_PHRASE, Thesaurus, sentence_templates, spin_table


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e", "f", "names"])
def test_tables_hold_usable_entries(name: str) -> None:
    table = spin_table(name)
    assert len(table) > 100
    for original, replacements in table.items():
        assert 1 <= len(original) <= MAX_PHRASE
        assert replacements
        assert all(text == text.strip() and text for text in replacements)
        assert not any("\t" in text for text in replacements)
        assert len(set(replacements)) == len(replacements)
        assert " ".join(original) not in replacements


def test_a_missing_table_is_empty() -> None:
    assert spin_table("nothing") == {}


def test_templates_are_balanced_spintax() -> None:
    templates = sentence_templates()
    assert len(templates) > 20
    for template in templates:
        assert template.count("{") == template.count("}"), template


def test_the_thesaurus_is_the_lexicon_read_backwards(thesaurus: Thesaurus) -> None:
    for original, replacement in (("enough", "sufficient"), ("brain", "mind"), ("relief", "alleviation")):
        assert replacement in {word for word, _, _ in thesaurus.replacements(original)}
    assert thesaurus.replacements("flumbotide") == []


def test_trusted_and_frequent_entries_weigh_more() -> None:
    weight = Thesaurus.weight
    assert weight(1.0, 5.0, 1.0, 0.3) > weight(0.2, 5.0, 1.0, 0.3)
    assert weight(1.0, 9.0, 1.0, 0.3) > weight(1.0, 5.0, 1.0, 0.3)
    assert weight(1.0, 9.0, 1.0, 0.0) == weight(1.0, 5.0, 1.0, 0.0)
