import shutil
from pathlib import Path

import numpy as np
import pytest

from detector.lexicon import hashing
from detector.lexicon.build import hash_phrase, phrase_words, read_counts, read_spin_table, single_swaps
from detector.lexicon.tables import BREAK, FIRST_WORD, NUMBER, Flag, LexiconFiles, load_lexicon
from detector.suggestions import offers
from tests.lexicon.sources import UNIGRAMS, write_sources
from tests.measuring import Measure


def level(tiny: LexiconFiles, *words: str) -> int:
    """The level of an n-gram in the tiny lexicon."""
    ids = [{"<s>": BREAK, "<num>": NUMBER}.get(word) or tiny.id_of[word] for word in words]
    tables = tiny.tables
    if len(ids) == 3:
        return int(hashing.find_trigram(tables.trigrams, np.uint64(hashing.trigram_key(*ids))))
    first, end = tables.follower_offsets[ids[0] : ids[0] + 2].tolist()
    return int(hashing.find_neighbour(tables.followers, first, end - first, hashing.permute(ids[1])))


def candidates(tiny: LexiconFiles, word: str) -> dict[str, float]:
    at = tiny.id_of[word]
    tables = tiny.tables
    span = slice(tables.candidate_offsets[at], tables.candidate_offsets[at + 1])
    ids, strength = tables.candidate_ids[span], tables.candidate_strength[span]
    return {tiny.word(id): s / 10 for id, s in zip(ids, strength, strict=True)}


def test_the_vocabulary_is_the_counted_words_and_those_of_phrases(tiny: LexiconFiles) -> None:
    assert {"strong", "zymurgy", "stalk"} <= set(tiny.id_of)
    assert not any(word.startswith("<") for word in tiny.id_of)
    assert tiny.tables.count[tiny.id_of["strong"]] == pytest.approx(UNIGRAMS["strong"], rel=1e-4)
    assert tiny.tables.count[tiny.id_of["stalk"]] == pytest.approx(1.0)
    assert tiny.tables.count[BREAK] == pytest.approx(UNIGRAMS["<s>"], rel=1e-4)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("strong", "enough"), 900),
        (("<s>", "the"), 30_000),
        (("<num>", "stem"), 90),
        (("strong", "enough", "to"), 400),
        (("enough", "strong"), 0),
        (("rare", "mind"), 0),  # too rare to keep
    ],
)
def test_ngram_counts(tiny: LexiconFiles, words: tuple[str, ...], count: int) -> None:
    assert tiny.tables.level_count[level(tiny, *words)] == pytest.approx(count, rel=0.25)


def test_candidates_are_frequent_inflected_alike_and_go_both_ways(tiny: LexiconFiles) -> None:
    assert candidates(tiny, "cleaned") == {"washed": 3.0}
    assert candidates(tiny, "sufficient") == {"enough": 3.0}
    assert candidates(tiny, "mind")["brain"] == 6.0 or candidates(tiny, "mind")["brain"] == 4.0
    assert candidates(tiny, "rare")["strong"] == 6.0  # from the spin table
    assert "brain" in candidates(tiny, "zymurgy") or candidates(tiny, "zymurgy") == {}
    assert "zymurgy" not in candidates(tiny, "rare")  # seen three times: nobody wrote that first
    assert candidates(tiny, "the") == {}


def test_phrases_know_what_stood_there(tiny: LexiconFiles, tiny_measure: Measure) -> None:
    measured = tiny_measure("The mind stem is a mind stalk")
    starts = np.flatnonzero(measured.column("phrase"))
    assert [tiny.suggestion(int(measured.column("phrase")[t]) - 1) for t in starts] == [
        "brain stem",
        "brain stem",
    ]
    assert measured.column("cover").tolist() == [0, 0, 2, 1, 0, 0, 2, 1]


@pytest.mark.parametrize(
    ("text", "original"), [("mind stem", "brain stem"), ("price stem", "brain"), ("cleaned", "clean")]
)
def test_originals_are_listed_pairs_and_other_inflections(
    tiny: LexiconFiles, tiny_measure: Measure, text: str, original: str
) -> None:
    ids = tiny_measure(f"The {text}").column("ids")
    assert original in offers(tiny, ids, 2, len(ids) - 1)


def test_written_pairs_are_known_for_suggestions_only(tiny: LexiconFiles, tiny_measure: Measure) -> None:
    assert not tiny_measure("The price stem").column("phrase").any()


def test_flags(tiny: LexiconFiles) -> None:
    flags = tiny.tables.word_flags
    assert Flag(int(flags[tiny.id_of["the"]])) & Flag.FUNCTION
    assert Flag(int(flags[tiny.id_of["mind"]])) & Flag.PHRASE_START
    assert not flags[tiny.id_of["zymurgy"]]


def test_the_signals_work_on_it(tiny: LexiconFiles, tiny_measure: Measure) -> None:
    measured = tiny_measure("strong sufficient to cope")
    assert tiny.word(int(measured.column("best")[measured.at("sufficient")])) == "enough"


def test_same_input_same_bytes(built: Path, tmp_path: Path) -> None:
    from detector.lexicon.build import build

    build(write_sources(tmp_path / "raw"), tmp_path / "again", lambda line: None)
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (built / "manifest.json").read_bytes()


@pytest.mark.parametrize("kept", [0, 1])
def test_hardly_any_ngrams_make_a_lexicon_too(tmp_path: Path, kept: int, measure: Measure) -> None:
    pytest.importorskip("lemminflect", reason="building a lexicon needs the extra `train`")
    import lzma

    from detector.lexicon.build import build

    sources = write_sources(tmp_path / "raw")
    for order, line in (("bigram", "the brain\t9\n"), ("trigram", "the brain stem\t9\n")):
        (sources.counts / f"{order}_counts.tsv.xz").write_bytes(lzma.compress((line * kept).encode()))
    shutil.rmtree(sources.tables)
    sources.tables.mkdir()
    build(sources, tmp_path / "tables", lambda line: None)
    few = load_lexicon(tmp_path / "tables")
    assert level(few, "brain", "the") == 0
    measured = Measure(few.tables, measure.token_weights)("The brain stem is strong sufficient to cope.")
    assert np.isfinite(measured.column("pair")).all()


def test_readers(tmp_path: Path) -> None:
    sources = write_sources(tmp_path / "raw")
    counts = list(read_counts(sources.counts / "bigram_counts.tsv.xz", 500))
    assert counts[0] == (["<s>", "the"], 30_000)
    assert counts[-1] == (["to", "cope"], 500)
    assert list(read_spin_table(sources.tables / "a.tsv")) == [
        ("strong", ["rare", "mighty"]), ("brain stem", ["mind stem", "mind stalk"]),
    ]  # fmt: skip


def test_single_swaps_come_from_phrases_of_equal_length() -> None:
    pairs = [("mind stem", "brain stem"), ("a lot", "much"), ("same words", "same words"), ("a b c", "x y z")]
    assert list(single_swaps(pairs)) == [("mind", "brain")]


def test_phrase_hashes_tell_phrases_apart() -> None:
    phrases = [[FIRST_WORD], [FIRST_WORD, FIRST_WORD], [5, 6], [6, 5], [5, 6, 7]]
    assert len({hash_phrase(ids) for ids in phrases}) == len(phrases)
    assert phrase_words("The dog\u2019s well-known No. 5") == ["the", "dog's", "well", "known", "no"]
