"""What spinners put for what: the hand-written spin tables, and the thesaurus turned round.

`tables/<kind>.tsv` holds `original<TAB>replacement|replacement`; `tables/g.txt` spintax sentence templates.
The lexicon maps what one may find to what stood there; here it is read the other way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache

from detector.lexicon.tables import FIRST_WORD, LexiconFiles
from detector.paths import SPIN_TABLES

MAX_PHRASE = 6

Table = dict[tuple[str, ...], list[str]]


@cache
def spin_table(name: str) -> Table:
    """{original words: replacements} of one hand-written table ("a" to "f", "names"); {} if it is absent."""
    table: Table = {}
    path = SPIN_TABLES / f"{name}.tsv"
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            original, tab, replacements = line.partition("\t")
            words = tuple(original.lower().split())
            if tab and words and not line.startswith("#") and len(words) <= MAX_PHRASE:
                found = [text.strip() for text in replacements.split("|")]
                table.setdefault(words, []).extend(text for text in found if text)
    return table


@cache
def sentence_templates() -> list[str]:
    """Spintax templates of kind G, one a line, with `%keyphrase%` where the keyphrase goes."""
    path = SPIN_TABLES / "g.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if line.strip() and not line.startswith("#")]


class Thesaurus:
    """{word: [(replacement, strength, log count)]}, loose and literal as the thesauri of spinners are."""

    def __init__(self, lexicon: LexiconFiles) -> None:
        tables = lexicon.tables
        self._found: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
        names = [lexicon.word(i) for i in range(len(tables.log_count))]
        for word in range(FIRST_WORD, len(names)):
            first, last = tables.candidate_offsets[word], tables.candidate_offsets[word + 1]
            entry = float(tables.log_count[word])
            for i in range(first, last):
                original = names[tables.candidate_ids[i]]
                self._found[original].append((names[word], tables.candidate_strength[i] / 60, entry))

    def replacements(self, word: str) -> list[tuple[str, float, float]]:
        """What a spinner may put for `word` (lower case), in no particular order."""
        return self._found.get(word, [])

    @staticmethod
    def weight(strength: float, log_count: float, sense: float, frequency: float) -> float:
        """How often a profile with these tastes picks an entry: trusted senses, frequent words."""
        return float(strength**sense * math.exp(frequency * min(log_count, 12.0)))
