"""Stuff a text with a keyphrase as search spammers do; the stuffed counterpart of `spin`.

Techniques: after paragraphs, as a heading line, pasted into sentences, place lists, comma lists of variants,
a footer block. Same text and seed, same output.
"""

from __future__ import annotations

import random
import re
from collections import Counter

from detector.spinner.spin import FUNCTION_WORDS, SENTENCE

ADJECTIVES = "best cheap top affordable trusted professional local reliable leading expert quality low-cost 24 hour".split()
SERVICES = (
    "services company near me online price for sale repair specialist reviews experts agency deals store supplier "
    "consultant installation hire cost treatment solutions app course free download discount code"
).split()
PLACES = (
    "London Leeds Manchester Chicago Houston Dallas Austin Phoenix Brisbane Sydney Perth Toronto Dubai Delhi Mumbai "
    "Chennai Pune Bangalore Hyderabad Lahore Lagos Nairobi Singapore Dublin Glasgow Bristol Miami Denver Boston "
    "Seattle Orlando Tampa Auckland Calgary Noida Gurgaon Kolkata Jaipur Karachi Essex Kent Surrey Brooklyn Queens"
).split()
MIN_INSERTED = 3
"""Chance may leave a text as it was; below this many phrases it also gets a footer."""
TECHNIQUES = ("paragraph_end", "inside", "places", "commas", "footer", "headings", "openers")


def draw_keyphrase(text: str, rng: random.Random) -> str:
    """A search query on the text's own topic: its frequent words plus what buyers type."""
    words = [w for w in re.findall(r"[a-z]{4,}", text.lower()) if w not in FUNCTION_WORDS]
    common = [word for word, _ in Counter(words).most_common(12)] or ["service"]
    topic = rng.sample(common, min(len(common), rng.choice((1, 1, 2, 2, 3))))
    before = [rng.choice(ADJECTIVES)] if rng.random() < 0.5 else []
    after = [rng.choice(SERVICES)] if rng.random() < 0.5 else []
    place = [rng.choice(PLACES)] if rng.random() < 0.45 else []
    phrase = [*before, *topic, *after, *place]
    return " ".join(phrase if len(phrase) > 1 else [rng.choice(ADJECTIVES), *phrase])


def _paragraphs(text: str, rng: random.Random) -> list[str]:
    """Paragraphs as they stand, or groups of three to five sentences where the text has none."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    if len(parts) >= 3:
        return parts
    sentences = SENTENCE.split(text)
    grouped = []
    while sentences:
        n = rng.randint(2, 4)
        grouped.append(" ".join(sentences[:n]))
        sentences = sentences[n:]
    return grouped


def stuff(text: str, seed: int) -> tuple[str, str]:
    """(stuffed text, keyphrase); the phrase, or parts of it, are added at least MIN_INSERTED times."""
    rng = random.Random(seed)
    phrase = draw_keyphrase(text, rng)
    shown = phrase.title() if rng.random() < 0.6 else phrase
    share = rng.uniform(0.35, 1.0)
    techniques = rng.sample(TECHNIQUES, rng.choice((1, 1, 2, 2, 3)))
    parts = _paragraphs(text, rng)
    variants = [" ".join(rng.sample(phrase.split(), k=len(phrase.split()))) for _ in range(3)]
    variants += [f"{rng.choice(ADJECTIVES)} {phrase}", f"{phrase} {rng.choice(SERVICES)}", phrase]
    for technique in techniques:
        if technique == "paragraph_end":
            end = rng.choice(("", "."))
            parts = [f"{part} {shown}{end}" if rng.random() < share else part for part in parts]
        elif technique == "openers":
            parts = [
                f"{shown}{rng.choice((' ', ': ', ' - '))}{part}" if rng.random() < share else part
                for part in parts
            ]
        elif technique == "headings":
            heads = (f"{shown}?", shown, f"Why choose {shown}", f"{rng.choice(variants).title()}")
            parts = [f"{rng.choice(heads)}\n\n{part}" if rng.random() < share else part for part in parts]
        elif technique == "inside":
            parts = [_paste(part, shown, rng, share) for part in parts]
        elif technique == "places":
            chosen = rng.sample(PLACES, rng.randint(6, 18))
            form = rng.choice(("{p}", "{k} {p}", "{k} in {p}"))
            topic = " ".join(phrase.split()[:2])
            parts.insert(
                rng.randint(1, len(parts)), ", ".join(form.format(k=topic, p=place) for place in chosen)
            )
        elif technique == "commas":
            block = [rng.choice(variants) for _ in range(rng.randint(6, 16))]
            parts.insert(rng.randint(1, len(parts)), rng.choice((", ", " | ", ", ")).join(block))
        else:
            parts.append(_footer(variants, rng))
    added = sum(len(part.split()) for part in parts) - len(text.split())
    if added < MIN_INSERTED * len(phrase.split()):
        parts.append(_footer(variants, rng))
    return rng.choice(("\n\n", "\n\n", "\n")).join(parts), phrase


def _footer(variants: list[str], rng: random.Random) -> str:
    tail = [rng.choice(variants) for _ in range(rng.randint(8, 24))]
    return rng.choice((" ", "\n", ", ")).join(tail)


def _paste(part: str, phrase: str, rng: random.Random, share: float) -> str:
    """Put the phrase into sentences at places where no noun phrase need stand."""
    sentences = SENTENCE.split(part)
    for i, sentence in enumerate(sentences):
        words = sentence.split(" ")
        if len(words) > 5 and rng.random() < share * 0.7:
            at = rng.randrange(1, len(words))
            if rng.random() < 0.5:
                at = next(
                    (
                        j + 1
                        for j, w in enumerate(words)
                        if w.lower() in ("the", "a", "our", "of", "for", "with")
                    ),
                    at,
                )
            words.insert(at, phrase)
            sentences[i] = " ".join(words)
    return " ".join(sentences)
