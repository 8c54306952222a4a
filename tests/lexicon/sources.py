"""A raw lexicon of a few dozen words, laid out like the real one: counts, WordNet, Moby, lists, spin tables."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

from detector.lexicon.build import Sources

UNIGRAMS = {
    "<s>": 90_000, "<num>": 20_000, "the": 80_000, "to": 50_000, "a": 40_000, "stem": 4_000, "strong": 9_000,
    "enough": 8_000, "cope": 900, "brain": 7_000, "mind": 7_500, "clean": 6_000, "wash": 5_000, "cleaned": 2_000,
    "washed": 1_900, "sufficient": 2_500, "price": 3_000, "rare": 400, "<unk>": 70_000, "zymurgy": 3,
}  # fmt: skip
BIGRAMS = {
    "<s> the": 30_000, "strong enough": 900, "enough to": 2_000, "brain stem": 700, "to cope": 500, "the brain": 450,
    "the mind": 440, "strong <unk>": 300, "sufficient to": 200, "<num> stem": 90, "the stem": 60, "rare mind": 3,
}  # fmt: skip
TRIGRAMS = {
    "strong enough to": 400,
    "the brain stem": 300,
    "enough to cope": 80,
    "to cope <unk>": 50,
    "a b c": 4,
}
TORTURED = [
    {"tortured": "Mind stem", "expected": "brain stem (BS)"},
    {"tortured": "rare stem and rare brain", "expected": "stem cell"},
    {"tortured": "mind 3 stem", "expected": "brain stem"},
    {"tortured": "cleaned brain", "expected": None},
]
WORDNET = {
    "data.noun": [
        "  1 a licence line",
        "00000001 03 n 02 brain 0 mind 0 001 @ 00000002 n 0000 | what thinks",
        "00000002 03 n 01 stem 0 000 | a stalk",
    ],
    "data.verb": ["00000003 30 v 02 clean 0 wash 0 000 01 + 08 00 | make clean"],
    "data.adj": ["00000004 00 a 02 enough 0 sufficient(p) 0 000 | as needed"],
    "data.adv": [],
    "index.noun": ["  1 a licence line", "brain n 1 0", "mind n 1 0", "stem n 1 0", "price n 1 0"],
    "index.verb": ["clean v 1 0", "wash v 1 0", "cope v 1 0", "mind v 1 0"],
    "index.adj": ["enough a 1 0", "sufficient a 1 0", "clean a 1 0"],
    "index.adv": [],
}
MOBY = ["brain,price,well-known,two words", "clean,washed,the", "zymurgy,brain"]
SYNONYMS = ["price:mind,brain-pan", "broken line", "rare:zymurgy"]
SPIN_TABLE = ["# comment\tx", "strong\trare|Mighty", "brain stem\tmind stem|mind stalk", "no tab here"]


def write_sources(folder: Path) -> Sources:
    """Write everything below `folder`."""
    for name in ("counts", "wordnet", "tables"):
        (folder / name).mkdir(parents=True)
    for order, counts in (("unigram", UNIGRAMS), ("bigram", BIGRAMS), ("trigram", TRIGRAMS)):
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        _write_xz(folder / "counts" / f"{order}_counts.tsv.xz", [f"{gram}\t{n}" for gram, n in ordered])
    _write_xz(folder / "counts" / "tortured_phrases.jsonl.xz", [json.dumps(record) for record in TORTURED])
    _write_xz(folder / "counts" / "open_source_spinner_synonyms.txt.xz", SYNONYMS)
    for name, lines in WORDNET.items():
        (folder / "wordnet" / name).write_text("".join(f"{line}\n" for line in lines))
    (folder / "moby.txt").write_text("\n".join(MOBY) + "\n")
    (folder / "tables" / "a.tsv").write_text("\n".join(SPIN_TABLE) + "\n")
    written = (("the price stem", "the brain"), ("the price stem", "the brain"), ("price 2 stem", "mind"))
    return Sources(folder / "counts", folder / "wordnet", folder / "moby.txt", folder / "tables", written)


def _write_xz(path: Path, lines: list[str]) -> None:
    path.write_bytes(lzma.compress("".join(f"{line}\n" for line in lines).encode()))
