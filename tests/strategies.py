"""Strings that try a text pipeline: any code point, and the signs that the tokenizer treats specially."""

from __future__ import annotations

from hypothesis import strategies as st

TRICKS = (
    *"aZ9 .,;:!?'\u2019\"()[]{}|/-_\n\r\t\0",
    "the", "The ", "strong sufficient to", "{fast|quick}", "{{x}}", "\r\n", "\n\n", "1,000.5", "Dr. ",
    "\u0430", "\u03b1", "\uff41", "\u00e9", "e\u0301", "\ufb01", "\u00df", "\u2122", "\u200b", "\u00ad", "\ufeff",
    "\ud800", "\udfff", "\U0001f600", "\U0001d482", "\U000e0041", "\U0010ffff", "\u4e2d", "\u05d0", "\u2028",
)  # fmt: skip

any_text = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.lists(st.sampled_from(TRICKS), max_size=60).map("".join),
)
