"""Suggestions: what most likely stood in the place of given words.

A noisy channel (Shannon 1948; as in spelling correction, Kernighan et al. 1990): of all word sequences x that a
spinner may have turned into the words that stand here, the one with the largest P(words | x) P(x in this place).
The channel knows swap candidates, other inflections, and pairs of phrases as real tools write them
(`Originals`). The place is valued by the associations of `signals.fit`, on both sides and over trigrams. The best
sequences are found with a beam (Koehn et al. 2003, monotone), so that the words of a broken term are put right
together: neither "counterfeit" nor "consciousness" says much, "artificial intelligence" does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detector.kernels import inner, kernel
from detector.lexicon.hashing import extend_phrase_hash, find_word
from detector.lexicon.tables import BREAK, FIRST_WORD, MAX_CANDIDATES, NONE, LexiconFiles
from detector.signals.fit import fast_log, pair_ratio, triple_ratio
from detector.signals.phrases import MAX_WORDS

TOP = 3
"""How many suggestions are found for a place."""
MOST_WORDS = 8
"""Words of a suggestion, at most."""
_BEAM = 12
_STATES = (MAX_WORDS + 1) * _BEAM
_ONE = np.float32(1.0)
_FREQUENT = np.float32(300.0)
"""Other inflections that are rarer are not offered."""


class Weights(NamedTuple):
    """Of the log-linear score, in nats. `candidate[i]` is for a candidate of strength 10 i, `rank` per log of its
    rank; `inflection`, `same`, `listed` and `share` are for another form of the word, the word itself, a listed
    pair and the log of that pair's share; the others for each word's log count, bigrams and trigrams."""

    candidate: tuple[float, ...] = (-2.2, -1.2, -1.1, -0.2, 1.3, 0.3, -0.7)
    rank: float = -0.96
    inflection: float = -1.0
    same: float = -1.8
    listed: float = 3.8
    share: float = 1.4
    word: float = -8.6
    frequency: float = 0.16
    pair: float = 0.9
    triple: float = 0.66


WEIGHTS = Weights()


class Places(NamedTuple):
    """Scratch and results of `find_originals`. The states of the beam: `score` float32[S], the two last words `a`
    and `b`, `seen` float32[S] how often these stand together, `came` the state before, and what was added: `word`,
    or `entry` + 1 of the listed originals, all int32[S]; `used` int32[MAX_WORDS + 1]. Results for P places: `words`
    int32[P, TOP, MOST_WORDS], 0 where there are no more, `value` float32[P, TOP] their scores, and `own` float32[P]
    that of the words which stand there."""

    score: np.ndarray
    seen: np.ndarray
    a: np.ndarray
    b: np.ndarray
    came: np.ndarray
    word: np.ndarray
    entry: np.ndarray
    used: np.ndarray
    words: np.ndarray
    value: np.ndarray
    own: np.ndarray


class _Place(NamedTuple):
    """Tokens `first` to `last`, the two words on their right, and the count of these two together."""

    first: int
    last: int
    right: int
    next_right: int
    seen_right: float


def new_places(count: int) -> Places:
    """Scratch for so many places."""
    score, seen = np.zeros((2, _STATES), np.float32)
    a, b, came, word, entry = np.zeros((5, _STATES), np.int32)
    used = np.zeros(MAX_WORDS + 1, np.int32)
    words = np.zeros((count, TOP, MOST_WORDS), np.int32)
    value, own = np.zeros((count, TOP), np.float32), np.zeros(count, np.float32)
    return Places(score, seen, a, b, came, word, entry, used, words, value, own)


@inner
def _step(lexicon, weights, a, seen, b, word):
    """(what it adds that `word` follows a and b, the count of b with it); `seen` is the count of a with b."""
    ratio, following = pair_ratio(lexicon, b, word)
    added = weights.pair * fast_log(ratio) + weights.word + weights.frequency * lexicon.log_count[word]
    ratio = triple_ratio(lexicon, a, b, word, seen, following)
    return (added if ratio == _ONE else added + weights.triple * fast_log(ratio)), following


@inner
def _after(lexicon, weights, place, a, seen, b):
    """What it adds that the words on the right follow a and b."""
    ratio, following = pair_ratio(lexicon, b, place.right)
    added = weights.pair * fast_log(ratio)
    ratio = triple_ratio(lexicon, a, b, place.right, seen, following)
    if ratio != _ONE:
        added += weights.triple * fast_log(ratio)
    ratio = triple_ratio(lexicon, b, place.right, place.next_right, following, place.seen_right)
    return added if ratio == _ONE else added + weights.triple * fast_log(ratio)


@inner
def _extend(lexicon, originals, weights, places, place, state, to, channel, word, entry):
    """Add a word, or the listed original `entry` - 1, to a state, and keep it in the beam of position `to` if there
    is room or a worse one."""
    a, b, seen = places.a[state], places.b[state], places.seen[state]
    score = places.score[state] + channel
    begin, end = (0, 1) if entry == 0 else (originals.offsets[entry - 1], originals.offsets[entry])
    for i in range(begin, end):
        following = word if entry == 0 else originals.words[i]
        added, seen = _step(lexicon, weights, a, seen, b, following)
        score += added
        a, b = b, following
    if to > place.last - place.first:
        score += _after(lexicon, weights, place, a, seen, b)
    kept = to * _BEAM + places.used[to]
    if places.used[to] < _BEAM:
        places.used[to] += 1
    else:
        kept = to * _BEAM
        for i in range(kept + 1, kept + _BEAM):
            if places.score[i] < places.score[kept]:
                kept = i
        if score <= places.score[kept]:
            return
    places.score[kept], places.seen[kept], places.a[kept], places.b[kept] = score, seen, a, b
    places.came[kept], places.word[kept], places.entry[kept] = state, word, entry


@inner
def _single(lexicon, originals, weights, places, place, state, at, word):
    """Each single word that may have stood where `word` stands, at position `at`."""
    if place.last > place.first:
        _extend(lexicon, originals, weights, places, place, state, at + 1, weights.same, word, 0)
    begin, end = lexicon.candidate_offsets[word], lexicon.candidate_offsets[word + 1]
    for i in range(begin, min(end, begin + MAX_CANDIDATES)):
        channel = weights.candidate[lexicon.candidate_strength[i] // 10]
        channel += weights.rank * fast_log(np.float32(1 + i - begin))
        other = lexicon.candidate_ids[i]
        _extend(lexicon, originals, weights, places, place, state, at + 1, channel, other, 0)
    other = originals.sibling[word]
    while other != word and other != NONE:
        if lexicon.count[other] >= _FREQUENT:
            _extend(lexicon, originals, weights, places, place, state, at + 1, weights.inflection, other, 0)
        other = originals.sibling[other]


@inner
def _listed(lexicon, originals, weights, places, place, state, at, to, hashed):
    """The listed originals of the words from position `at` to `to`; returns how many."""
    group = find_word(originals.keys, originals.index, hashed)
    if group == 0:
        return 0
    first, last = originals.groups[group - 1], originals.groups[group]
    for entry in range(first, last):
        channel = weights.listed + weights.share * originals.log_share[entry]
        _extend(lexicon, originals, weights, places, place, state, to, channel, 0, entry + 1)
    return last - first


@inner
def _search(lexicon, originals, weights, places, place, ids):
    """Fill the beam from the first position to the last. A phrase that is listed as a whole is what it is listed
    for; else its parts are put together."""
    length = place.last - place.first + 1
    if length > 1:
        hashed = np.uint64(0)
        for t in range(place.first, place.last + 1):
            hashed = extend_phrase_hash(hashed, ids[t])
        if _listed(lexicon, originals, weights, places, place, 0, 0, length, hashed) > 0:
            return
    for at in range(length):
        for state in range(at * _BEAM, at * _BEAM + places.used[at]):
            hashed = np.uint64(0)
            for t in range(place.first + at, place.last + 1):
                if ids[t] < FIRST_WORD:
                    break
                if t == place.first + at:
                    _single(lexicon, originals, weights, places, place, state, at, ids[t])
                hashed = extend_phrase_hash(hashed, ids[t])
                _listed(lexicon, originals, weights, places, place, state, at, t - place.first + 1, hashed)


@inner
def _write(originals, places, state, p, k):
    """Write the words that led to a state into the result; returns their number."""
    length = 0
    at = state
    while at >= _BEAM:  # the states of position 0 come first
        entry = places.entry[at]
        length += 1 if entry == 0 else originals.offsets[entry] - originals.offsets[entry - 1]
        at = places.came[at]
    if length > MOST_WORDS:
        return 0
    end = length
    while state >= _BEAM:
        entry = places.entry[state]
        if entry == 0:
            end -= 1
            places.words[p, k, end] = places.word[state]
        else:
            for i in range(originals.offsets[entry] - 1, originals.offsets[entry - 1] - 1, -1):
                end -= 1
                places.words[p, k, end] = originals.words[i]
        state = places.came[state]
    for i in range(length, MOST_WORDS):
        places.words[p, k, i] = NONE
    return length


@inner
def _is_new(places, ids, first, last, length, p, k):
    """Whether result k differs from those before it and from what stands there."""
    same = length == last - first + 1
    for i in range(length):
        same = same and places.words[p, k, i] == ids[first + i]
    if same or length == 0:
        return False
    for other in range(k):
        same = True
        for i in range(MOST_WORDS):
            same = same and places.words[p, k, i] == places.words[p, other, i]
        if same:
            return False
    return True


@inner
def _find(lexicon, originals, weights, ids, count, first, last, places, p):
    """The suggestions for one place."""
    right = ids[last + 1] if last + 1 < count else BREAK
    next_right = ids[last + 2] if last + 2 < count and right != BREAK else NONE
    place = _Place(first, last, right, next_right, pair_ratio(lexicon, right, next_right)[1])
    b = ids[first - 1]
    a = ids[first - 2] if b != BREAK and first > 1 else NONE
    seen = pair_ratio(lexicon, a, b)[1]
    for at in range(last - first + 2):
        places.used[at] = at == 0
    places.score[0], places.seen[0], places.a[0], places.b[0] = 0.0, seen, a, b
    _search(lexicon, originals, weights, places, place, ids)
    places.own[p] = 0.0
    for t in range(first, last + 1):
        added, seen = _step(lexicon, weights, a, seen, b, ids[t])
        places.own[p] += added
        a, b = b, ids[t]
    places.own[p] += _after(lexicon, weights, place, a, seen, b)
    k = 0
    goal = (last - first + 1) * _BEAM
    for _ in range(places.used[last - first + 1]):
        if k == TOP:
            break
        best = goal
        for i in range(goal + 1, goal + places.used[last - first + 1]):
            if places.score[i] > places.score[best]:
                best = i
        length = _write(originals, places, best, p, k)
        places.value[p, k] = places.score[best]
        places.score[best] = -np.inf
        k += _is_new(places, ids, first, last, length, p, k)
    for i in range(k, TOP):
        places.words[p, i, 0] = NONE


@kernel
def find_originals(lexicon, originals, weights, ids, count, firsts, lasts, places):
    """Fill `places.words` and `places.value` (the score, in nats) with the best TOP sequences for each place, the
    tokens `firsts[p]` to `lasts[p]` (int32[P], inclusive, not a document's first token, at most MAX_WORDS of them)."""
    for p in range(firsts.shape[0]):
        _find(lexicon, originals, weights, ids, count, firsts[p], lasts[p], places, p)


def offers(files: LexiconFiles, ids: np.ndarray, first: int, last: int) -> list[str]:
    """At most TOP texts that may have stood where the tokens `first` to `last` (inclusive) stand, the likeliest
    first. `ids` int32[N] are the document's word ids, from its first BREAK on."""
    if last - first >= MAX_WORDS:
        return []
    places = new_places(1)
    at = np.array([first], np.int32), np.array([last], np.int32)
    find_originals(files.tables, files.originals, WEIGHTS, ids, len(ids), *at, places)
    return [text_of(files, row) for row in places.words[0].tolist() if row[0]]


def text_of(files: LexiconFiles, words: list[int]) -> str:
    """A row of `Places.words` as text."""
    return " ".join(files.word(word) for word in words if word != NONE)


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
