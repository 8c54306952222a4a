"""Style and disguise: rates over the whole text that tell genres, learners and tricks apart.

They let the page classifier read the other signals against the kind of text they occur in: jargon, verse
and learners' prose have poor fit for honest reasons. Disguised words are counted here and shown as evidence.
"""

from __future__ import annotations

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
    words = breaks = 0
    for t in range(count):
        word = ids[t]
        if not is_prose(zones[t]):
            continue
        if word == BREAK:
            breaks += 1
            continue
        words += 1
        mark = marks[t]
        out[1] += word == UNKNOWN
        out[2] += word == NUMBER
        out[3] += mark & _CAPITALISED != 0 and ids[t - 1] != BREAK
        out[4] += mark & _ALL_CAPITALS != 0
        out[5] += mark & _COMMA != 0
        out[7] += tokens.lengths[t]
        if word >= FIRST_WORD:
            function = flags[t] & _FUNCTION != 0
            out[0] += function
            out[8] += function and tokens.lengths[t] >= 3 and frequency[t] < 11.0
            band = int((frequency[t] - 2.0) * 0.5)
            out[9 + min(max(band, 0), 6)] += 1
        out[16] += mark & _DISGUISED != 0
        out[17] += mark & _SOFT != 0
        out[18] += mark & _OTHER != 0 and word != NUMBER
        out[19] += is_doubled(ids, flags, tokens.hashes, tokens.starts, tokens.ends, t)
    for i in range(out.shape[0]):
        out[i] /= max(words, 1)
    out[6] = min(words / max(breaks, 1), 60.0)
    return words
