"""Suggestions: what most likely stood in the place of given words.

Two sources: the phrases that spinners write, with their originals, and for a single word its swap candidates
valued in the place as `signals.swap` does.
"""

from __future__ import annotations

import numpy as np

from detector.lexicon.hashing import extend_phrase_hash, find_word
from detector.lexicon.tables import BREAK, FIRST_WORD, MAX_CANDIDATES, LexiconFiles
from detector.signals.fit import pair_ratio, triple_ratio
from detector.signals.phrases import MAX_WORDS


def offers(files: LexiconFiles, ids: np.ndarray, first: int, last: int, most: int = 3) -> list[str]:
    """At most `most` texts that may have stood where the tokens `first` to `last` (inclusive) stand, the likeliest
    first. `ids` int32[N] are the document's word ids, from its first BREAK on."""
    found = phrase_offers(files, ids, first, last)
    if first == last:
        found += _words(files, ids, first)
    return list(dict.fromkeys(found))[:most]


def phrase_offers(files: LexiconFiles, ids: np.ndarray, first: int, last: int) -> list[str]:
    """What the listed phrases that cover these words put in their place, the longest first."""
    tables = files.tables
    found = []
    for start in range(max(0, last - MAX_WORDS + 1), first + 1):
        state = np.uint64(0)
        for end in range(start, min(start + MAX_WORDS, len(ids))):
            if ids[end] < FIRST_WORD:
                break
            state = np.uint64(extend_phrase_hash(state, ids[end]))
            index = find_word(tables.phrase_keys, tables.phrase_index, state) if end > start else 0
            if index > 0 and end >= last:
                before = [files.word(int(word)) for word in ids[start:first]]
                after = [files.word(int(word)) for word in ids[last + 1 : end + 1]]
                words = files.suggestion(index - 1).split()
                if words[: len(before)] == before and words[len(words) - len(after) :] == after:
                    found.append((end - start, " ".join(words[len(before) : len(words) - len(after)])))
    return [text for _, text in sorted(found, reverse=True) if text]


def _words(files: LexiconFiles, ids: np.ndarray, t: int) -> list[str]:
    tables = files.tables
    left, word, right = int(ids[t - 1]), int(ids[t]), int(ids[t + 1]) if t + 1 < len(ids) else BREAK
    begin, end = (int(i) for i in tables.candidate_offsets[word : word + 2])
    valued = []
    for i in range(begin, min(end, begin + MAX_CANDIDATES)):
        other = int(tables.candidate_ids[i])
        a, seen_left = pair_ratio(tables, left, other)
        b, seen_right = pair_ratio(tables, other, right)
        c = triple_ratio(tables, left, other, right, seen_left, seen_right)
        valued.append((float(tables.candidate_weight[i] * a * b * c), files.word(other)))
    return [text for _, text in sorted(valued, reverse=True)]
