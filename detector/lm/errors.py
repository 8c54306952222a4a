"""What can be wrong with the last stage."""

from __future__ import annotations

EXTRA = 'pip install "spun-text-detector[lm]"'


class LanguageModelError(ValueError):
    """The last stage can't be used; the message says why and which command puts it right."""


class OtherModelError(LanguageModelError):
    """The last stage was fitted to another fast model than the one in use."""


def missing(module: str | None) -> LanguageModelError:
    """The error for a library of the extra that is not installed."""
    return LanguageModelError(f"the language model needs {module}: {EXTRA}")
