import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.document import Document
from detector.families import Family, find_families
from tests.families.conftest import KINDS, SPUN, article
from tests.strategies import any_text
from tests.texts import HONEST
from tests.texts import SPUN as SPUN_TEXT

TEMPLATE = (
    "Our branch in {city} opens at nine in the morning and closes at six in the evening, and on Saturdays it is open "
    "from ten to four. {about} You can book a visit by telephone or on this page, and a member of staff will answer "
    "within one working day. Please bring proof of your address and a photograph, since we can't open an account "
    "without them. There is a ramp at the side door for wheelchairs and prams. {history}"
)


def test_versions_of_one_article_are_a_family(found: list[Family], corpus: list[Document]) -> None:
    groups = [{member.id for member in family.members} for family in found]
    assert len(found) == SPUN
    for group in groups:
        assert len(group) == len(KINDS)
        assert len({article(id) for id in group}) == 1


def test_a_family_knows_its_members(found: list[Family], corpus: list[Document]) -> None:
    documents = {document.id: document for document in corpus}
    assert [family.number for family in found] == list(range(1, len(found) + 1))
    for family in found:
        head, *others = family.members
        assert head.similarity == 1
        assert family.text == documents[head.id].text
        assert all(0.25 <= member.similarity < 1 for member in others)
        for member in family.members:
            document = documents[member.id]
            assert member.url == document.url
            for place in member.places:
                assert place.text == " ".join(document.text[place.start : place.end].split())
                assert place.text.lower() in {text.lower() for text, _ in family.slots[place.slot].variants}


def test_the_order_of_the_corpus_does_not_matter(found: list[Family], corpus: list[Document]) -> None:
    def groups(families: list[Family]) -> set[frozenset[str]]:
        return {frozenset(member.id for member in family.members) for family in families}

    assert groups(list(find_families(corpus[::-1]))) == groups(found)


def test_copies_are_a_family_in_which_nothing_varies() -> None:
    (family,) = find_families([Document(HONEST, "a"), Document(SPUN_TEXT, "b"), Document(HONEST, "c")])
    assert [member.id for member in family.members] == ["a", "c"]
    assert family.members[1].similarity == 1
    assert family.slots == ()


def test_pages_from_one_template_are_no_family() -> None:
    leeds = TEMPLATE.format(
        city="Leeds",
        about="It stands opposite the market hall, three minutes on foot from the railway station.",
        history="The building was a bank from 1891 and still has the iron vault, which children love to look at.",
    )
    york = TEMPLATE.format(
        city="York",
        about="Drivers find spaces behind the library; buses four and nine stop in front of the entrance.",
        history="Before the war a grocer sold coffee and tea here, and painted letters above our window say so.",
    )
    assert not list(find_families([Document(leeds, "leeds"), Document(york, "york")]))


def test_pages_each_like_the_next_are_not_strung_together(originals: list[tuple[str, str]]) -> None:
    words = " ".join(text for _, text in originals[:4]).split()

    def page(k: int) -> str:
        """One word in sixteen, strewn, is another than on page k - 1; after sixteen pages all are."""
        generations = [(k + 7 * i % 16) // 16 for i in range(len(words))]
        return " ".join(f"{word}x{generation}" for word, generation in zip(words, generations, strict=True))

    pages = [Document(page(k), str(k)) for k in range(48)]
    families = [{int(member.id) for member in family.members} for family in find_families(pages)]
    assert families
    assert all(max(family) - min(family) < 24 for family in families)


def test_a_higher_similarity_gives_fewer_members(corpus: list[Document]) -> None:
    def members(similarity: float) -> int:
        return sum(len(family.members) for family in find_families(corpus, similarity))

    assert SPUN * len(KINDS) == members(0.25) > members(0.8) > members(1.0) == 0


def test_what_is_too_short_is_like_nothing() -> None:
    short = "The oven is still there, and so is the smell of bread on warm mornings."
    assert not list(find_families([Document(short, "a"), Document(short, "b")]))


@pytest.mark.parametrize("similarity", [0, -1, 1.01, float("nan")])
def test_an_impossible_similarity_is_refused_at_once(similarity: float) -> None:
    with pytest.raises(ValueError, match=r"expected a number in \(0, 1\]"):
        find_families([], similarity)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "detector.families.neighbours", raising=False)
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "spun-text-detector\[families\]"'):
        find_families([])


@pytest.mark.parametrize(
    "text", ["", "\ud800 " * 300, "word " * 50_000, "\u4e2d" * 30_000, "a" * 1_100_000, "3 " * 500]
)
def test_odd_texts_harm_nobody(text: str) -> None:
    documents = [
        Document(text, "odd"),
        Document(HONEST, "a"),
        Document(HONEST, "b"),
        Document(text, "odd too"),
    ]
    families = list(find_families(documents))
    assert {"a", "b"} in [{member.id for member in family.members} for family in families]


@settings(max_examples=30)
@given(st.lists(st.one_of(any_text, st.sampled_from([HONEST, SPUN_TEXT])), max_size=6), st.randoms())
def test_families_do_not_overlap_and_slots_follow_one_another(parts: list[str], random) -> None:  # type: ignore[no-untyped-def]
    documents = [
        Document(HONEST.replace("the", random.choice(["the", "a", part[:20]])) + part, str(i))
        for i, part in enumerate(parts)
    ]
    families = list(find_families(documents))
    ids = [member.id for family in families for member in family.members]
    assert len(ids) == len(set(ids))
    for family in families:
        assert len(family.members) >= 2
        borders = [border for slot in family.slots for border in (slot.start, slot.end)]
        assert borders == sorted(borders)
        assert all(slot.start < slot.end and len(slot.variants) > 1 for slot in family.slots)
        pieces = [
            piece if isinstance(piece, str) else family.text[piece.start : piece.end]
            for piece in family.template()
        ]
        assert "".join(pieces) == family.text
