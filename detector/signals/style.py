"""Style and disguise: rates over the whole text that tell genres, learners and tricks apart.

They let the page classifier read the other signals against the kind of text they occur in: jargon, verse
and learners' prose have poor fit for honest reasons. Disguised words are counted here and shown as evidence.
"""

from __future__ import annotations

import numpy as np

from detector.document import PROSE
from detector.kernels import inner
from detector.lexicon.tables import BREAK, FIRST_WORD, NUMBER, UNKNOWN, Flag
from detector.signals.spintax import is_doubled
from detector.tokens import Mark

NAMES = (
    "style_function_words", "style_unknown_words", "style_numbers", "style_capitalised_inside",
    "style_all_capitals", "style_comma", "style_sentence_words", "style_word_length", "style_contractions",
    *(f"style_frequency_{i}" for i in range(7)),
    "disguise_words", "disguise_soft_hyphen", "disguise_other_script", "spintax_doubled",
)  # fmt: skip
_FUNCTION = int(Flag.FUNCTION)
_BODY, _HEADING, _ANCHOR = map(int, PROSE)
_CAPITALISED, _ALL_CAPITALS, _COMMA = int(Mark.CAPITALISED), int(Mark.ALL_CAPITALS), int(Mark.COMMA_BEFORE)
_DISGUISED, _SOFT, _OTHER = int(Mark.DISGUISED), int(Mark.SOFT_HYPHEN), int(Mark.OTHER_SCRIPT)


@inner
def is_prose(zone):
    """Whether a zone's kind is one of PROSE."""
    return zone == _BODY or zone == _HEADING or zone == _ANCHOR


@inner
def measure_style(tokens, flags, frequency, zones, count, out):
    """Fill `out` float32[len(NAMES)] with shares of the words in prose zones; returns those words' number. `flags` and
    `frequency` come from `look_up_words`."""
    ids, marks = tokens.ids, tokens.marks
    out[:] = 0.0
    words = breaks = functions = unknown = numbers = inside = capitals = commas = letters = contractions = 0
    disguised = soft = other = doubled = 0
    for t in range(count):
        word = ids[t]
        if not is_prose(zones[t]):
            continue
        if word == BREAK:
            breaks += 1
            continue
        # No branch on what can't be predicted: a wrong guess costs more than all sums of a word.
        words += 1
        mark = marks[t]
        length = np.int64(tokens.lengths[t])
        unknown += word == UNKNOWN
        numbers += word == NUMBER
        inside += (mark & _CAPITALISED != 0) & (ids[t - 1] != BREAK)
        capitals += mark & _ALL_CAPITALS != 0
        commas += mark & _COMMA != 0
        letters += length
        if word >= FIRST_WORD:
            function = flags[t] & _FUNCTION != 0
            functions += function
            contractions += function & (length >= 3) & (frequency[t] < 11.0)
            band = int((frequency[t] - 2.0) * 0.5)
            out[9 + min(max(band, 0), 6)] += 1
        disguised += mark & _DISGUISED != 0
        soft += mark & _SOFT != 0
        other += (mark & _OTHER != 0) & (word != NUMBER)
        doubled += is_doubled(ids, flags, tokens.hashes, tokens.starts, tokens.ends, t)
    out[0], out[1], out[2], out[3], out[4] = functions, unknown, numbers, inside, capitals
    out[5], out[7], out[8] = commas, letters, contractions
    out[16], out[17], out[18], out[19] = disguised, soft, other, doubled
    for i in range(out.shape[0]):
        out[i] /= max(words, 1)
    out[6] = min(words / max(breaks, 1), 60.0)
    return words
