"""The language gate: is this English prose at all? The detector abstains where it is not.

Cheap first: enough English function words and few unknown words settle it. Only doubtful texts are read by
py3langid (Lui and Baldwin 2012), which is imported on first need.
"""

from __future__ import annotations

import warnings

SURE_FUNCTION_WORDS = 0.30
SURE_UNKNOWN_WORDS = 0.15
HOPELESS_UNKNOWN_WORDS = 0.70
SAMPLE = 4_000
"""Characters that the language identifier reads."""


def is_english(text: str, function_words: float, unknown_words: float) -> bool:
    """Whether to score `text`, given its shares of English function words and of unknown words."""
    if function_words >= SURE_FUNCTION_WORDS and unknown_words <= SURE_UNKNOWN_WORDS:
        return True
    if unknown_words >= HOPELESS_UNKNOWN_WORDS:
        return False
    return (function_words >= 0.15 and unknown_words <= 0.3) or _identify(text[:SAMPLE]) == "en"


def _identify(text: str) -> str | None:
    """The language of a text; None if the identifier can't be opened: it unpacks itself into the temporary
    folder, which may be full."""
    from py3langid import classify

    try:
        language, _ = classify(text)
    except OSError as error:
        warnings.warn(
            f"the language identifier can't be unpacked ({error}): doubtful texts count as not English",
            stacklevel=2,
        )
        return None
    return str(language)
