"""Evidence: from the signals of one document to the spans that a reader sees.

Swap and phrase spans come from the token log-odds, stuffing spans from the repeated phrases. A swap's span
takes in the neighbour that speaks against the word ("strong sufficient" -> enough), since it is the
combination that is wrong. Shares of the score: see `Evidence.weight`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from detector.document import PROSE, Document, ZoneKind
from detector.features import Scratch
from detector.kernels import kernel
from detector.lexicon.tables import BREAK, FIRST_WORD, NONE, Flag, LexiconFiles
from detector.signals.fit import pair_ratio
from detector.signals.stuffing import MAX_N, MIN_REPEATS, SHORT_SEGMENT, count_repeats, count_words
from detector.suggestions import WEIGHTS, Places, find_originals, new_places, text_of
from detector.tokens import Mark
from detector.verdict import Evidence, Kind

MIN_PROBABILITY = 0.3
"""A word is shown if it was replaced with this probability, given what the page as a whole is. On written pairs
that training saw five in six words that are shown were replaced, and half of the replaced ones are shown
(at 0.2: 78 % and 55 %)."""
SURE_PROBABILITY = 0.7
"""The same for function words and for phrases that are common in clean prose: marks on "with the" help nobody."""
COMMON_COUNT = 6.0
"""Log count in 136 M words of clean prose from which on a phrase is common."""
TRAINING_RATE = 0.168
"""Share of replaced words in the token stage's training data; `detector train` prints it."""
MIN_RATE, MAX_RATE = 0.005, 0.45
"""Bounds for the share of replaced words that is assumed of a page."""
RATE_STEPS = 8
MIN_STUFFED = 0.2
"""Below this probability repeated phrases are just the topic, and are not shown."""
COMMON_PHRASE = 2.0
"""A phrase seen exp(2) times in clean prose counts half as much as one never seen there."""
MAX_SPANS = 400
MIN_LIST_ITEMS = 8
MIN_HIDDEN_WORDS, MAX_HIDDEN_CHARACTERS = 8, 500
"""Shorter hidden texts are labels for screen readers ("skip to the main content"); of longer ones the beginning is
marked."""
HIDDEN_STRENGTH = 2.0
"""What a hidden text weighs, where one place of a repeated phrase of three words weighs 4."""
MAX_PHRASE_WORDS = 10
MIN_MARGIN = 1.0
"""A suggestion must fit better than the word by this much (nats)."""
COMMONEST = 12.9
"""Log count of the few words ("the", "of", "for") that fit nearly everywhere, and so explain nothing."""
VULGAR = frozenset(
    "arse ass bastard bitch bitches bollocks cock cunt damn dick fuck fucked fucking piss shit slut tits whore".split()
)
"""Thesaurus entries that nobody wants to see suggested."""
INSERTION_GAIN = 2.0
"""From this gain on (nats) leaving half of a hyphenated word out is suggested."""
NEIGHBOUR_GAIN = 1.2
"""A neighbour joins the span if the suggestion fits it better by this much (nats)."""


@kernel
def _repeats(tokens, flags, count, keys, counts, times, out):
    """out[n, t] = how often the n-gram that starts at t occurs, for n from 2 to MAX_N: int32[MAX_N + 1, count]."""
    count_words(tokens, count, keys, counts, times)
    for n in range(2, MAX_N + 1):
        count_repeats(tokens, flags, count, n, keys, counts, times, out[n])


class _Span(NamedTuple):
    kind: Kind
    first: int
    last: int
    suggestions: tuple[str, ...]
    strength: float


@kernel
def _neighbour_gains(lexicon, ids, count, at, words, out):
    """out[i] = how much better the suggestions words[i] (int32[P, TOP, MOST_WORDS]) for token at[i] fit its (left,
    right) neighbour than the token does, in nats: the best of them on each side."""
    for i in range(at.shape[0]):
        t = at[i]
        right = ids[t + 1] if t + 1 < count else BREAK
        old_left, _ = pair_ratio(lexicon, ids[t - 1], ids[t])
        old_right, _ = pair_ratio(lexicon, ids[t], right)
        out[i, 0] = out[i, 1] = 0.0
        for k in range(words.shape[1]):
            if words[i, k, 0] == NONE:
                break
            last = 0
            while last + 1 < words.shape[2] and words[i, k, last + 1] != NONE:
                last += 1
            new, _ = pair_ratio(lexicon, ids[t - 1], words[i, k, 0])
            out[i, 0] = max(out[i, 0], np.log(new / old_left))
            new, _ = pair_ratio(lexicon, words[i, k, last], right)
            out[i, 1] = max(out[i, 1], np.log(new / old_right))


def _phrases(files: LexiconFiles, scratch: Scratch, odds: np.ndarray, count: int) -> Iterator[_Span]:
    """Known phrases; those that honest writers use often must be surer to be shown."""
    signals = scratch.signals
    shown: list[tuple[int, int, int, float]] = []
    for t in np.flatnonzero(signals.phrase[:count]).tolist():
        length = int(signals.cover[t])
        inside = odds[t : t + length].tolist()
        index = int(signals.phrase[t]) - 1
        common = float(files.tables.phrase_log_count[index])
        if max(inside) >= (MIN_PROBABILITY if common < COMMON_COUNT else SURE_PROBABILITY):
            strength = COMMON_PHRASE / (COMMON_PHRASE + common) * sum(map(_nats, inside))
            shown.append((t, t + length - 1, index, float(strength)))
    places = new_places(len(shown))
    firsts, lasts = (np.array([span[i] for span in shown], np.int32) for i in (0, 1))
    find_originals(files.tables, files.originals, WEIGHTS, scratch.tokens.ids, count, firsts, lasts, places)
    for (first, last, index, strength), words in zip(shown, places.words.tolist(), strict=True):
        listed = tuple(text_of(files, row) for row in words if row[0] != NONE)
        yield _Span("phrase", first, last, listed or (files.suggestion(index),), strength)


def _swaps(
    files: LexiconFiles, text: str, scratch: Scratch, odds: np.ndarray, count: int, taken: np.ndarray
) -> Iterator[_Span]:
    """A span for each replaced word, with the neighbours that speak against it unless those are marked too and
    have a suggestion of their own. The suggestions say the neighbours again: they stand for the whole span."""
    tokens, signals = scratch.tokens, scratch.signals
    function = (signals.flags[:count] & Flag.FUNCTION) != 0
    shown = (odds >= np.where(function, SURE_PROBABILITY, MIN_PROBABILITY)) & ~taken
    free = ~shown & ~taken & (tokens.ids[:count] != BREAK)
    at = np.flatnonzero(shown).astype(np.int32)
    places = new_places(len(at))
    find_originals(files.tables, files.originals, WEIGHTS, tokens.ids, count, at, at, places)
    gains = np.zeros((len(at), 2))
    _neighbour_gains(files.tables, tokens.ids, count, at, places.words, gains)
    suggestions = _suggestions(files, tokens.ids[at], places)
    strength = np.where(shown, _nats(odds), 0.0)
    free[at[[not better for better in suggestions]]] = True
    starts, ends = tokens.starts, tokens.ends
    columns = zip(at.tolist(), gains.tolist(), suggestions, strict=True)
    for t, (left, right), better in sorted(columns, key=lambda column: not column[2]):
        if not better and not free[t]:
            continue
        before = free[t - 1] and left >= min(NEIGHBOUR_GAIN, max(right, 0.3))
        after = t + 1 < count and free[t + 1] and right >= min(NEIGHBOUR_GAIN, max(left, 0.3))
        first, last = t - int(before), t + int(after)
        free[first : last + 1] = False
        head, tail = text[starts[first] : starts[t]], text[ends[t] : ends[last]]
        whole = tuple(" ".join(f"{head}{word}{tail}".split()) for word in better)
        yield _Span("swap", first, last, whole, float(strength[first : last + 1].sum()))


def _suggestions(files: LexiconFiles, words: np.ndarray, places: Places) -> list[tuple[str, ...]]:
    """The better words, less those that hardly fit better, are like "of" in the place of a content word, or only
    add a word to it ("very long" for "long")."""
    flags, counts = files.tables.word_flags, files.tables.log_count
    starts = places.words[:, :, 0]
    content = (flags[words] & Flag.FUNCTION == 0)[:, None]
    emptied = (counts[starts] > COMMONEST) & (places.words[:, :, 1] == NONE) & content
    longer = (places.words == words[:, None, None]).any(axis=2)
    usable = (starts != NONE) & (places.value - places.own[:, None] > MIN_MARGIN) & ~emptied & ~longer
    rows = zip(places.words.tolist(), usable.tolist(), strict=True)
    found = ([text_of(files, row) for row, fits in zip(*of, strict=True) if fits] for of in rows)
    return [tuple(text for text in texts if text not in VULGAR) for texts in found]


def _insertions(files: LexiconFiles, scratch: Scratch, spun: float, count: int) -> Iterator[_Span]:
    """Words that only part two which belong together; shown where the page is spun more likely than not."""
    ids, gain = scratch.tokens.ids, scratch.signals.gain
    for t in np.flatnonzero(gain[:count] >= INSERTION_GAIN).tolist() if spun >= 0.5 else ():
        kept = f"{files.word(int(ids[t - 1]))} {files.word(int(ids[t + 1]))}"
        yield _Span("swap", t - 1, t + 1, (kept,), float(_nats(0.5 * spun)))


def _disguises(files: LexiconFiles, scratch: Scratch, count: int) -> Iterator[_Span]:
    tokens = scratch.tokens
    seen = scratch.zones[:count] != ZoneKind.HIDDEN
    for t in np.flatnonzero((tokens.marks[:count] & Mark.DISGUISED != 0) & seen):
        word = int(tokens.ids[t])
        yield _Span("disguise", int(t), int(t), (files.word(word),) if word >= FIRST_WORD else (), 0.5)


def _hidden(document: Document) -> Iterator[tuple[int, int, _Span]]:
    """Texts that are in the page for machines only: their place, and a span without tokens."""
    for zone in document.zones:
        shown = document.text[zone.start : min(zone.end, zone.start + MAX_HIDDEN_CHARACTERS)].rstrip()
        if zone.kind is ZoneKind.HIDDEN and len(shown.split()) >= MIN_HIDDEN_WORDS:
            yield zone.start, zone.start + len(shown), _Span("disguise", 0, 0, (), HIDDEN_STRENGTH)


def _stuffing(scratch: Scratch, count: int) -> Iterator[_Span]:
    """Every occurrence of the phrases of 2-4 words that occur at least three times, longest first."""
    hashes = scratch.tokens.hashes
    free = np.ones(count, bool)
    repeats = np.empty((MAX_N + 1, count), np.int32)
    _repeats(
        scratch.tokens, scratch.signals.flags, count, scratch.keys, scratch.counts, scratch.times, repeats
    )
    for n in range(MAX_N, 1, -1):
        groups: dict[tuple[int, ...], list[int]] = {}
        for t in np.flatnonzero(repeats[n] >= MIN_REPEATS).tolist():
            if free[t : t + n].all():
                groups.setdefault(tuple(hashes[t : t + n].tolist()), []).append(t)
        for places in sorted(groups.values(), key=len, reverse=True):
            usable = [t for t in places if free[t : t + n].all()]
            if len(usable) >= MIN_REPEATS:
                length = _extended(scratch, usable, n, count)
                for t in usable:
                    free[t : t + length] = False
                    yield _Span("stuffing", t, t + length - 1, (), float((length - 1) ** 2))


def _extended(scratch: Scratch, places: list[int], n: int, count: int) -> int:
    """How many words the repeated phrase really has: it goes on while the next word is the same everywhere."""
    ids, hashes = scratch.tokens.ids, scratch.tokens.hashes
    while max(places) + n < count and n < MAX_PHRASE_WORDS:
        following = {int(hashes[t + n]) for t in places}
        if len(following) > 1 or ids[places[0] + n] == BREAK or places[0] + n in places:
            break
        n += 1
    return n


def _lists(scratch: Scratch, count: int) -> Iterator[_Span]:
    """Comma lists of at least MIN_LIST_ITEMS short items."""
    ids, marks = scratch.tokens.ids, scratch.tokens.marks
    first, items, length = 1, 1, 0
    for t in range(1, count + 1):
        ending = t == count or ids[t] == BREAK
        if not ending and marks[t] & Mark.COMMA_BEFORE:
            items, length = items + 1, 0
        length += 1
        if ending or length > SHORT_SEGMENT:
            if items >= MIN_LIST_ITEMS:
                yield _Span("stuffing", first, t - 1, (), float(items))
            first, items, length = t + 1, 1, 0


def collect_evidence(
    files: LexiconFiles,
    document: Document,
    scratch: Scratch,
    count: int,
    spintax: int,
    spun: float,
    stuffed: float,
) -> tuple[Evidence, ...]:
    """Evidence of the document whose signals lie in `scratch` (`count` tokens, `spintax` groups), the most
    weighty first, at most MAX_SPANS for each probability."""
    signals, tokens = scratch.signals, scratch.tokens
    prose = np.isin(scratch.zones[:count], PROSE) & (tokens.ids[:count] != BREAK)
    odds = np.zeros(count)
    odds[prose] = _given_page(signals.replaced[:count][prose].astype(np.float64), spun)
    repeated = [*_stuffing(scratch, count), *_lists(scratch, count)] if stuffed >= MIN_STUFFED else []
    found = list(_insertions(files, scratch, spun, count))
    taken = _covered(found, count)
    found += (
        span for span in _phrases(files, scratch, odds, count) if not taken[span.first : span.last + 1].any()
    )
    found += _swaps(files, document.text, scratch, odds, count, _covered(found + repeated, count))
    found += _disguises(files, scratch, count)
    places = [(int(tokens.starts[s.first]), int(tokens.ends[s.last]), s) for s in found]
    for i in range(min(spintax, len(scratch.spintax_starts))):
        start, end = int(scratch.spintax_starts[i]), int(scratch.spintax_ends[i])
        places.append((start, end, _Span("spintax", 0, 0, (), 1.0)))
    stuffing = [(int(tokens.starts[s.first]), int(tokens.ends[s.last]), s) for s in repeated]
    stuffing += _hidden(document)
    weighted = _weighted(document, places, spun) + _weighted(document, stuffing, stuffed)
    return tuple(sorted(weighted, key=lambda evidence: (-evidence.weight, evidence.start)))


def _given_page(log_odds: np.ndarray, spun: float) -> np.ndarray:
    """Probabilities after moving the prior from the training data's share of replaced words to this page's,
    found by expectation-maximisation (Saerens et al. 2002): the same word weighs more in a page that is spun
    heavily anyway, and next to nothing in a clean one. `log_odds` are those of the page's words."""
    prior = np.log(TRAINING_RATE / (1.0 - TRAINING_RATE))
    highest = max(MIN_RATE, MAX_RATE * spun)
    rate = highest
    probabilities = np.zeros(len(log_odds))
    for _ in range(RATE_STEPS if len(log_odds) else 0):
        probabilities = 1.0 / (1.0 + np.exp(-(log_odds + np.log(rate / (1.0 - rate)) - prior)))
        rate = min(max(float(probabilities.mean()), MIN_RATE), highest)
    return probabilities


def _nats(probability: Any) -> Any:
    """What a word says against "nothing was replaced here", in nats: these add up over words."""
    return -np.log1p(-np.minimum(probability, 1.0 - 1e-6))


def _covered(spans: list[_Span], count: int) -> np.ndarray:
    covered = np.zeros(count, bool)
    for span in spans:
        covered[span.first : span.last + 1] = True
    return covered


def _weighted(document: Document, places: list[tuple[int, int, _Span]], score: float) -> list[Evidence]:
    """Turn spans into evidence whose weights add up to `score`, sorted by weight, then place."""
    places = sorted(places, key=lambda place: (-place[2].strength, place[0]))[:MAX_SPANS]
    total = sum(span.strength for _, _, span in places)
    zone_at = _zones(document)
    return [
        Evidence(
            span.kind,
            start,
            end,
            document.text[start:end],
            next(iter(span.suggestions), None),
            score * span.strength / total,
            zone_at(start),
            span.suggestions[1:],
        )
        for start, end, span in places
    ]


def _zones(document: Document) -> Callable[[int], str]:
    """The zone of each code point, by name."""
    body = ZoneKind.BODY.name.lower()
    if not document.zones:
        return lambda point: body
    zones = [(zone.start, zone.end, zone.kind.name.lower()) for zone in document.zones]
    return lambda point: next((name for start, end, name in zones if start <= point < end), body)
