"""Swap candidates: which single words a spinner may put for which, in the same inflection.

Comes in: WordNet's database files, Moby's `words.txt`, `word:synonym,synonym` lists, the project's spin
tables. Goes out: {word: {candidate: strength}}, kept both ways, since a spinner may have gone either way.
Inflection by lemminflect (Jascob 2019): `clean -> houseclean` also gives `cleaned -> housecleaned`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?$")
POS_FILES = {"noun": "NOUN", "verb": "VERB", "adj": "ADJ", "adv": "ADV"}
TAGS = {
    "NOUN": ("NN", "NNS"),
    "VERB": ("VB", "VBZ", "VBD", "VBN", "VBG"),
    "ADJ": ("JJ", "JJR", "JJS"),
    "ADV": ("RB", "RBR", "RBS"),
}
STRENGTH = {"table": 6.0, "phrase": 4.0, "synset": 3.0, "list": 2.5, "related": 2.0, "moby": 1.0}
"""How far a source is trusted when a word has more candidates than fit."""

NEGATED = "do does did is are was were have has had would could should might must need".split()
CONTRACTED = {
    "m": ("i", "am"),
    "re": ("you we they who what", "are were"),
    "s": ("he she it that there here what who where how", "is has"),
    "ve": ("i you we they who could would should might", "have"),
    "d": ("i you he she it we they who that", "would had"),
    "ll": ("i you he she it we they who that there", "will shall"),
}
"""Endings after an apostrophe: what they follow, and what they stand for."""

Candidates = dict[str, dict[str, float]]


def wordnet_pairs(folder: Path) -> Iterator[tuple[str, str, str, float]]:
    """(word, word, part of speech, strength) from `data.*`: synset mates, similar adjectives, hypernyms."""
    for name, pos in POS_FILES.items():
        members: dict[str, list[str]] = {}
        links: list[tuple[str, str]] = []
        for line in (folder / f"data.{name}").read_text(encoding="latin-1").splitlines():
            if line.startswith(" "):
                continue
            fields = line.split(" ")
            count = int(fields[3], 16)
            words = [re.sub(r"\(.*\)", "", fields[4 + 2 * i]).lower() for i in range(count)]
            members[fields[0]] = [word for word in words if WORD.match(word)]
            at = 4 + 2 * count
            for i in range(int(fields[at])):
                symbol, offset, target_pos = fields[at + 1 + 4 * i : at + 4 + 4 * i]
                if symbol in ("@", "&") and target_pos in ("n" if name == "noun" else "v", "a", "s"):
                    links.append((fields[0], offset))
        for words in members.values():
            for a in words:
                for b in words:
                    if a != b:
                        yield a, b, pos, STRENGTH["synset"]
        for source, target in links:
            for a in members[source]:
                for b in members.get(target, ()):
                    if a != b:
                        yield a, b, pos, STRENGTH["related"]


def moby_pairs(path: Path) -> Iterator[tuple[str, str]]:
    """(root, synonym) from Moby's comma-separated lines (public domain), single words only."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        root, *synonyms = line.lower().split(",")
        if WORD.match(root):
            yield from ((root, synonym) for synonym in synonyms if WORD.match(synonym))


def list_pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(word, synonym) from `word:synonym,synonym` lines."""
    for line in lines:
        word, _, synonyms = line.strip().lower().partition(":")
        if WORD.match(word):
            yield from ((word, synonym) for synonym in synonyms.split(",") if WORD.match(synonym))


def parts_of_speech(folder: Path) -> dict[str, set[str]]:
    """{lemma: parts of speech} from WordNet's `index.*`."""
    known: dict[str, set[str]] = defaultdict(set)
    for name, pos in POS_FILES.items():
        for line in (folder / f"index.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" "):
                known[line.split(" ", 1)[0]].add(pos)
    return known


@cache
def _forms(lemma: str, pos: str) -> tuple[str, ...]:
    """The inflections of a lemma, one per tag of its part of speech ('' where there is none)."""
    from lemminflect import getInflection

    found = (getInflection(lemma, tag=tag) for tag in TAGS[pos])
    return tuple(form[0].lower() if form else "" for form in found)


def lemmas(word: str) -> tuple[str, ...]:
    """The lemmas that a word may be a form of, in alphabetical order."""
    from lemminflect import getAllLemmas

    return tuple(sorted({lemma.lower() for found in getAllLemmas(word).values() for lemma in found}))


def contraction_pairs() -> Iterator[tuple[str, str]]:
    """("don't", "do not") and the like, both ways."""
    pairs = [(f"{verb}n't", f"{verb} not") for verb in NEGATED]
    pairs += [("can't", "cannot"), ("can't", "can not"), ("cannot", "can not"), ("won't", "will not")]
    pairs += [("shan't", "shall not"), ("let's", "let us")]
    pairs += [
        (f"{subject}'{ending}", f"{subject} {verb}")
        for ending, (subjects, verbs) in CONTRACTED.items()
        for subject in subjects.split()
        for verb in verbs.split()
    ]
    for a, b in pairs:
        yield a, b
        yield b, a


def add_pair(candidates: Candidates, a: str, b: str, strength: float) -> None:
    """Note b as a candidate for a and a for b, at the strongest strength seen."""
    if a != b:
        candidates[a][b] = max(strength, candidates[a].get(b, 0.0))
        candidates[b][a] = max(strength, candidates[b].get(a, 0.0))


def add_inflected(candidates: Candidates, a: str, b: str, pos: str, strength: float) -> None:
    """Note the pair in every inflection that both lemmas have."""
    for form_a, form_b in zip(_forms(a, pos), _forms(b, pos), strict=True):
        if form_a and form_b:
            add_pair(candidates, form_a, form_b, strength)


def collect(
    wordnet: Path,
    moby: Path,
    lists: Iterable[tuple[str, str]],
    direct: Iterable[tuple[str, str, float]],
    frequent: set[str],
) -> Candidates:
    """All candidate pairs. `direct` pairs stand in their inflection already; loose Moby pairs count only
    when both words are in `frequent` and share a part of speech."""
    candidates: Candidates = defaultdict(dict)
    known = parts_of_speech(wordnet)
    for a, b, pos, strength in wordnet_pairs(wordnet):
        if a in frequent or b in frequent:
            add_inflected(candidates, a, b, pos, strength)
    for pairs, strength in ((lists, STRENGTH["list"]), (moby_pairs(moby), STRENGTH["moby"])):
        for a, b in pairs:
            if (a in frequent and b in frequent) or (strength > 2 and (a in frequent or b in frequent)):
                for pos in known.get(a, set()) & known.get(b, set()):
                    add_inflected(candidates, a, b, pos, strength)
    for a, b, strength in direct:
        add_pair(candidates, a, b, strength)
    return candidates
