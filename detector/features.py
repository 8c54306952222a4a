"""Signals -> one fixed, named vector per document, and the scikit-learn transformer over it.

`document_features` is the kernel that everything shares: tokens, signals, token log-odds, then shares of
words per bin. Bins rather than means: "one word in fifty is far off" and "all words are a little off" must
not look alike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detector.document import ZoneKind
from detector.kernels import inner, kernel
from detector.lexicon.tables import BREAK, FIRST_WORD, Flag
from detector.signals import stuffing, style
from detector.signals.fit import measure_fit
from detector.signals.insertion import measure_insertion
from detector.signals.noise import drop_noise
from detector.signals.phrases import find_phrases
from detector.signals.replaced import ACTIVE, UNDER_WAY, TokenWeights, _bin, score_tokens
from detector.signals.spelling import mend_spelling
from detector.signals.spintax import find_spintax
from detector.signals.style import is_prose, measure_style
from detector.signals.swap import GOOD_FIT, SwapScratch, measure_swap, new_swap_scratch
from detector.signals.words import look_up_words
from detector.tokens import Tokens, new_tokens, tokenize

VERSION = 3
"""Changes whenever a feature changes its meaning; a model of another version is refused."""
PAIR_BINS, TRIPLE_BINS, CONTEXT_BINS, CHOICE_BINS, ODDS_BINS, PHRASE_BINS = 8, 8, 10, 8, 14, 5
_CLASSES = ("content_content", "content_function", "function_content", "function_function")
NAMES = (
    *(f"fit_{pair}_{i}" for pair in _CLASSES for i in range(PAIR_BINS)),
    *(f"fit_triple_{i}" for i in range(TRIPLE_BINS)),
    *(f"swap_context_{i}" for i in range(CONTEXT_BINS)),
    *(f"swap_choice_{i}" for i in range(CHOICE_BINS)),
    *(f"replaced_odds_{i}" for i in range(ODDS_BINS)),
    "replaced_mean", "replaced_top_tenth", "replaced_densest",
    *(f"phrase_band_{i}" for i in range(PHRASE_BINS)),
    "spintax_groups",
    *style.NAMES,
    *stuffing.NAMES,
    "confidence",
    *(f"stretch_odds_{i}" for i in range(ODDS_BINS)), "stretch_mean", "stretch_top_tenth",
)  # fmt: skip
_FIT = 0
_TRIPLE = _FIT + 4 * PAIR_BINS
_CONTEXT = _TRIPLE + TRIPLE_BINS
_CHOICE = _CONTEXT + CONTEXT_BINS
_ODDS = _CHOICE + CHOICE_BINS
_SUMMARY = _ODDS + ODDS_BINS
_PHRASE = _SUMMARY + 3
_SPINTAX = _PHRASE + PHRASE_BINS
STYLE = _SPINTAX + 1
STUFFING = STYLE + len(style.NAMES)
CONFIDENCE = STUFFING + len(stuffing.NAMES)
STRETCH = CONFIDENCE + 1
WIDTH = STRETCH + ODDS_BINS + 2
assert len(NAMES) == WIDTH
FULL_CONFIDENCE_WORDS = 100.0
"""`confidence` is sqrt(n / (n + 100)) for n words of prose: rates over few words are noisy, and this tells
the heads how noisy."""
WINDOW = 60
"""Words in the window whose mean is `replaced_densest`: a spun paragraph in an honest page."""
STRETCH_WORDS = 120
"""Words in the stretch of the page that looks most replaced. It is also judged by itself, since clean text around
a spun part thins out every share of the whole page."""
LABEL_WORDS = 40
"""Words in which a page's title, its descriptions, and its images' texts may each name its topic, as on any page that
is looked after."""
WALKED = 128
"""Rows that go through a tree together."""
_FUNCTION = int(Flag.FUNCTION)
_HEADING, _TITLE, _META, _ALT, _HIDDEN = (
    int(kind) for kind in (ZoneKind.HEADING, ZoneKind.TITLE, ZoneKind.META, ZoneKind.ALT, ZoneKind.HIDDEN)
)


class Trees(NamedTuple):
    """One head, a sum of R decision trees with N nodes, laid out for walking: a row goes to `left` if its
    `feature` is at most `threshold`, else to the node after `left`; a leaf leads to itself and holds a `value`.
    `depths`: steps to the deepest leaf of each tree. `scale` float64[3]: base, slope, intercept. `added` float64[2]:
    how many trees that sum takes, and the base of a second sum over the rest, whose odds are added to it: either
    is enough for a document to stand out."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    value: np.ndarray
    roots: np.ndarray
    depths: np.ndarray
    scale: np.ndarray
    added: np.ndarray


class Heads(NamedTuple):
    """The trained numbers, as kernels take them."""

    token_weights: TokenWeights
    spun: Trees
    stuffed: Trees


def lay_out(nodes: np.ndarray, roots: np.ndarray, scale: np.ndarray, added: np.ndarray) -> Trees:
    """Trees as a bundle holds them -> as kernels walk them. `nodes` float64[M, 5] has a node a line: feature or
    -1 in a leaf, threshold, left, right, value; `roots` int32[R]; only nodes under a root are taken."""
    levels, depths = [roots.astype(np.int64)], np.zeros(len(roots), np.int32)
    tree = np.arange(len(roots))
    while (has_children := nodes[levels[-1], 0] >= 0).any():
        tree = np.repeat(tree[has_children], 2)
        depths[tree] = len(levels)
        levels.append(nodes[levels[-1][has_children], 2:4].astype(np.int64).ravel())
    order = np.concatenate(levels)
    leaf = nodes[order, 0] < 0
    left = np.arange(len(order), dtype=np.uint32)
    left[~leaf] = len(roots) + 2 * np.arange((~leaf).sum())
    exact = nodes[order, 1].astype(np.float32)
    below = np.nextafter(exact, np.float32(-np.inf))
    threshold = np.where(leaf, np.float32(np.inf), np.where(exact > nodes[order, 1], below, exact))
    return Trees(
        np.where(leaf, 0, nodes[order, 0]).astype(np.uint32), threshold, left, nodes[order, 4].copy(),
        np.arange(len(roots), dtype=np.int32), depths, scale, added,
    )  # fmt: skip


class Signals(NamedTuple):
    """Per-token scratch, all of the same length; see the modules in `signals/` for the meanings."""

    pair: np.ndarray
    seen: np.ndarray
    triple: np.ndarray
    own: np.ndarray
    choice: np.ndarray
    context: np.ndarray
    margin: np.ndarray
    gain: np.ndarray
    best: np.ndarray
    phrase: np.ndarray
    cover: np.ndarray
    replaced: np.ndarray
    probability: np.ndarray
    flags: np.ndarray
    frequency: np.ndarray


class Scratch(NamedTuple):
    """All memory that one thread needs for documents up to a size; made once, used for each document."""

    tokens: Tokens
    signals: Signals
    swap: SwapScratch
    zones: np.ndarray
    keys: np.ndarray
    counts: np.ndarray
    times: np.ndarray
    repeats: np.ndarray
    covered: np.ndarray
    active: np.ndarray
    spintax_starts: np.ndarray
    spintax_ends: np.ndarray
    histogram: np.ndarray
    stuffing: np.ndarray


def new_scratch(size: int) -> Scratch:
    """Scratch for documents of up to `size` bytes of UTF-8. Untouched pages cost no memory."""
    n = size + 2
    dtypes = {"best": np.int32, "phrase": np.int32, "cover": np.int32, "flags": np.uint8}
    signals = {name: np.empty(n, dtypes.get(name, np.float32)) for name in Signals._fields}
    table = 16
    while table < 2 * n:
        table *= 2
    return Scratch(
        new_tokens(size),
        Signals(**signals),
        new_swap_scratch(n),
        np.zeros(n, np.uint8),
        np.empty(table, np.uint32),
        np.empty(table, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.uint8),
        np.empty((UNDER_WAY, ACTIVE), np.int32),
        np.empty(64, np.int32),
        np.empty(64, np.int32),
        np.empty(64, np.int64),
        np.empty(len(stuffing.NAMES), np.float32),
    )


@inner
def mark_zones(tokens, count, kinds, starts, ends, zones):
    """zones[t] = kind of the zone that token t lies in (0 = body); zones are sorted and disjoint."""
    z = 0
    for t in range(count):
        while z < kinds.shape[0] and ends[z] <= tokens.starts[t]:
            z += 1
        inside = z < kinds.shape[0] and starts[z] <= tokens.starts[t]
        zones[t] = kinds[z] if inside else 0


@inner
def measure_tokens(lexicon, weights, buffer, begin, end, kinds, zone_starts, zone_ends, scratch):
    """Everything per token, into `scratch`; returns (tokens, words, code points)."""
    tokens, signals = scratch.tokens, scratch.signals
    count, words, points = tokenize(
        buffer, begin, end, lexicon.fold, lexicon.word_keys, lexicon.word_ids, tokens
    )
    count, words = drop_noise(lexicon, tokens, count, words)
    mend_spelling(lexicon, buffer, begin, tokens, count)
    mark_zones(tokens, count, kinds, zone_starts, zone_ends, scratch.zones)
    look_up_words(lexicon, tokens.ids, count, signals.flags, signals.frequency)
    measure_fit(lexicon, tokens.ids, count, signals.pair, signals.triple, signals.seen, signals.own)
    measure_swap(
        lexicon, tokens.ids, signals.flags, count, signals.own, GOOD_FIT, scratch.swap,
        signals.choice, signals.context, signals.best, signals.margin,
    )  # fmt: skip
    measure_insertion(lexicon, tokens, count, signals.pair, signals.gain)
    find_phrases(lexicon, tokens.ids, signals.flags, count, signals.phrase, signals.cover)
    score_tokens(
        lexicon, tokens, count, signals, weights, scratch.active, signals.replaced, signals.probability
    )
    return count, words, points


@inner
def _bin_tokens(lexicon, tokens, signals, zones, count, out):
    """Count prose tokens per bin of each signal; returns how many there were."""
    ids = tokens.ids
    words = 0
    for t in range(1, count):
        word = ids[t]
        if not is_prose(zones[t]):
            continue
        if word >= FIRST_WORD and ids[t - 1] >= FIRST_WORD:
            left_function = signals.flags[t - 1] & _FUNCTION != 0
            right_function = signals.flags[t] & _FUNCTION != 0
            group = 2 * left_function + right_function
            out[_FIT + group * PAIR_BINS + _bin(signals.pair[t], -4.0, 1.0, PAIR_BINS)] += 1
            if signals.triple[t] != 0.0:
                out[_TRIPLE + _bin(signals.triple[t], -3.0, 1.3, TRIPLE_BINS)] += 1
        if word == BREAK:
            continue
        words += 1
        if signals.best[t]:
            out[_CONTEXT + _bin(signals.context[t], -3.0, 1.1, CONTEXT_BINS)] += 1
            out[_CHOICE + _bin(signals.choice[t], 0.0, 0.9, CHOICE_BINS)] += 1
        out[_ODDS + _bin(signals.replaced[t], -7.0, 1.0, ODDS_BINS)] += 1
        if signals.phrase[t]:
            out[_PHRASE + _bin(lexicon.phrase_log_count[signals.phrase[t] - 1], 0.0, 0.6, PHRASE_BINS)] += 1
    return words


@inner
def _densest(tokens, signals, zones, count, width):
    """(first token, token after the last, mean probability of replacement) of the `width` prose words in a row
    where that mean is highest; (1, count, 0) if there are fewer."""
    first, last, best = 1, count, 0.0
    window = 0.0
    inside = 0
    tail = 1
    for t in range(1, count):
        if tokens.ids[t] == BREAK or not is_prose(zones[t]):
            continue
        window += signals.probability[t]
        inside += 1
        while inside > width:
            if tokens.ids[tail] != BREAK and is_prose(zones[tail]):
                window -= signals.probability[tail]
                inside -= 1
            tail += 1
        if inside == width and window > best:
            first, last, best = tail, t + 1, window
    return first, last, best / width


@inner
def _summarise_odds(tokens, signals, zones, first, last, bins, out):
    """Mean probability of replacement of the prose words in [first, last), and its mean over the worst tenth."""
    for i in range(64):
        bins[i] = 0
    total = 0.0
    words = 0
    for t in range(first, last):
        if tokens.ids[t] == BREAK or not is_prose(zones[t]):
            continue
        p = signals.probability[t]
        total += p
        words += 1
        bins[min(np.int64(p * 64.0), 63)] += 1
    out[0] = total / words
    left = max(words // 10, 1)
    wanted = left
    top = 0.0
    for i in range(63, -1, -1):
        used = min(left, bins[i])
        top += used * (i + 0.5) / 64.0
        left -= used
    out[1] = top / wanted


@inner
def _measure_stretch(tokens, signals, zones, count, bins, out):
    """The log-odds of the densest stretch, in shares per bin and summarised; of all prose if there is less."""
    first, last, _ = _densest(tokens, signals, zones, count, STRETCH_WORDS)
    words = 0
    for t in range(first, last):
        if tokens.ids[t] != BREAK and is_prose(zones[t]):
            out[_bin(signals.replaced[t], -7.0, 1.0, ODDS_BINS)] += 1
            words += 1
    for i in range(ODDS_BINS):
        out[i] /= words
    _summarise_odds(tokens, signals, zones, first, last, bins, out[ODDS_BINS:])


@inner
def _mark_hidden(zones, count, dropped):
    """dropped[t] = whether token t is hidden, uint8[count]; returns how many are."""
    hidden = 0
    for t in range(1, count):
        dropped[t] = zones[t] == _HIDDEN
        hidden += dropped[t]
    return hidden


@inner
def _mark_labels(tokens, zones, count, dropped):
    """dropped[t] = whether token t says what the page is about, uint8[count]: the first heading, and the first
    LABEL_WORDS of the title, of the descriptions and of the images' texts; returns how many do."""
    titled = described = pictured = headline = marked = 0
    for t in range(1, count):
        kind, word = zones[t], tokens.ids[t] != BREAK
        titled += kind == _TITLE and word
        described += kind == _META and word
        pictured += kind == _ALT and word
        if kind == _HEADING and headline == 0:
            headline = 1
        elif kind != _HEADING and word and headline == 1:
            headline = 2
        dropped[t] = (
            (kind == _TITLE and titled <= LABEL_WORDS)
            or (kind == _META and described <= LABEL_WORDS)
            or (kind == _ALT and pictured <= LABEL_WORDS)
            or (kind == _HEADING and headline == 1)
        )
        marked += dropped[t]
    return marked


@inner
def _close_gaps(tokens, flags, pair, zones, count, dropped):
    """Take the `dropped` tokens out; returns (tokens, words). The first token, a BREAK, stays."""
    kept, words = 1, 0
    for t in range(1, count):
        if not dropped[t]:
            tokens.ids[kept], tokens.hashes[kept] = tokens.ids[t], tokens.hashes[t]
            tokens.starts[kept], tokens.ends[kept] = tokens.starts[t], tokens.ends[t]
            tokens.lengths[kept] = tokens.lengths[t]
            tokens.marks[kept], flags[kept] = tokens.marks[t], flags[t]
            pair[kept], zones[kept] = pair[t], zones[t]
            kept += 1
            words += tokens.ids[t] != BREAK
    return kept, words


@inner
def _measure_stuffing(scratch, count, words, out):
    """Stuffing of the whole page or, if that is more, of what readers see of it: hidden keywords count, and
    hidden prose thins out nothing. Title, first heading, descriptions and images name the topic, which is no
    repetition. Drops these tokens."""
    tokens, zones = scratch.tokens, scratch.zones
    flags, pair = scratch.signals.flags, scratch.signals.pair
    row, dropped = scratch.stuffing, scratch.covered
    out[:] = 0.0
    if _mark_labels(tokens, zones, count, dropped):
        count, words = _close_gaps(tokens, flags, pair, zones, count, dropped)
    hidden = _mark_hidden(zones, count, dropped)
    most = -1.0
    for part in range(2 if hidden else 1):
        if part == 1:
            _mark_hidden(zones, count, dropped)
            count, words = _close_gaps(tokens, flags, pair, zones, count, dropped)
        if words == 0:
            break
        stuffing.measure_stuffing(
            tokens, flags, zones, count, words, pair,
            scratch.keys, scratch.counts, scratch.times, scratch.repeats, scratch.covered, row,
        )  # fmt: skip
        extent = stuffing.extent(row)
        if extent > most:
            most = extent
            for i in range(out.shape[0]):
                out[i] = row[i]


@inner
def document_features(lexicon, weights, buffer, begin, end, kinds, zone_starts, zone_ends, scratch, out):
    """Fill `out` float32[WIDTH] for `buffer[begin:end]`; returns (words, prose words), or with an empty `out` (tokens,
    spintax groups)."""
    tokens, signals, zones = scratch.tokens, scratch.signals, scratch.zones
    count, words, _ = measure_tokens(
        lexicon, weights, buffer, begin, end, kinds, zone_starts, zone_ends, scratch
    )
    groups = find_spintax(buffer, begin, end, scratch.spintax_starts, scratch.spintax_ends)
    if out.shape[0] == 0:
        return count, groups
    out[:] = 0.0
    prose = measure_style(tokens, signals.flags, signals.frequency, zones, count, out[STYLE:STUFFING])
    if words == 0 or prose == 0:
        return words, prose
    _bin_tokens(lexicon, tokens, signals, zones, count, out)
    for i in range(STYLE):
        out[i] /= prose
    _summarise_odds(tokens, signals, zones, 1, count, scratch.histogram, out[_SUMMARY:_PHRASE])
    _, _, densest = _densest(tokens, signals, zones, count, WINDOW)
    out[_SUMMARY + 2] = densest if densest > 0.0 else out[_SUMMARY]
    _measure_stretch(tokens, signals, zones, count, scratch.histogram, out[STRETCH:])
    out[_SPINTAX] = 100.0 * min(groups, 100) / prose
    _measure_stuffing(scratch, count, words, out[STUFFING:CONFIDENCE])
    out[CONFIDENCE] = np.sqrt(prose / (prose + FULL_CONFIDENCE_WORDS))
    return words, prose


class Walk(NamedTuple):
    """Scratch of `head_odds` for a block of rows: the node that each has come to, uint32[WALKED], and its second sum,
    float64[WALKED]."""

    node: np.ndarray
    second: np.ndarray


def new_walk() -> Walk:
    """Scratch for any number of rows."""
    return Walk(np.empty(WALKED, np.uint32), np.empty(WALKED))


@inner
def _add_trees(head, first, last, rows, node, out):
    """Add the values of the trees from `first` to before `last` to `out`. All rows take a step before any takes the
    next one, so that none waits for another; nodes are unsigned since numba asks of other indices if they are
    negative."""
    for i in range(first, last):
        for d in range(rows.shape[0]):
            node[d] = head.roots[i]
        for _ in range(head.depths[i]):
            for d in range(rows.shape[0]):
                at = node[d]
                right = rows[np.uint64(d), head.feature[at]] > head.threshold[at]
                node[d] = head.left[at] + np.uint32(right)
        for d in range(rows.shape[0]):
            out[d] += head.value[node[d]]


@inner
def head_odds(head, matrix, walk, out):
    """out[d] = calibrated log-odds of row d of `matrix` float32[D, WIDTH]. Trees outside, a block of rows inside: a
    tree stays in the first cache, and so do the rows."""
    first, trees = int(head.added[0]), head.roots.shape[0]
    for begin in range(0, matrix.shape[0], WALKED):
        rows, sums = matrix[begin : begin + WALKED], out[begin : begin + WALKED]
        sums[:] = head.scale[0]
        _add_trees(head, 0, first, rows, walk.node, sums)
        if first < trees:
            walk.second[:] = head.added[1]
            _add_trees(head, first, trees, rows, walk.node, walk.second)
            for d in range(rows.shape[0]):
                second = walk.second[d]
                larger = max(sums[d], second)
                sums[d] = larger + math.log1p(math.exp(min(sums[d], second) - larger))
        for d in range(rows.shape[0]):
            sums[d] = head.scale[1] * sums[d] + head.scale[2]


@kernel
def batch_features(
    lexicon, weights, buffer, offsets, zone_offsets, kinds, zone_starts, zone_ends, scratch, out, words
):
    """Features of D documents: `buffer` uint8, `offsets` int64[D+1], zones flat with `zone_offsets`
    int64[D+1]; fills `out` float32[D, WIDTH] and `words` int64[D, 2] (all words, prose words).

    With `out` float32[D, 0] only signals are measured: `words` gets tokens and spintax groups, and `scratch` holds the
    signals of the last document. (Not a kernel of its own: compiling takes half a second for each.)
    """
    for d in range(offsets.shape[0] - 1):
        begin, end = offsets[d], offsets[d + 1]
        first, last = zone_offsets[d], zone_offsets[d + 1]
        words[d, 0], words[d, 1] = document_features(
            lexicon, weights, buffer, begin, end,
            kinds[first:last], zone_starts[first:last], zone_ends[first:last], scratch, out[d],
        )  # fmt: skip
