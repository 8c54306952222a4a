"""Spin a text as a given tool would, and keep the record: the new text, the spans, the originals.

A generator of training data and tests, honest about being one. Same text, profile and seed, same output.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from detector.spinner.profiles import Profile
from detector.spinner.tables import MAX_PHRASE, Thesaurus, sentence_templates, spin_table

WORD = re.compile(r"[A-Za-z]+(?:['\u2019][A-Za-z]+)?|\d[\d.,]*|\{")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
POSSESSIVE = re.compile(r"\b([A-Z]?[a-z]+)['\u2019]s ([a-z]+)\b")
FUNCTION_WORDS = frozenset(
    "a an the of to in on at by for from with and or but if as is are was were be been am has have had do does "
    "did will would can could may might shall should must not no nor so than that this these those it its he "
    "she they we you i him her them us me my your his their our who whom whose which what when where why how "
    "there here then into onto upon out up down off over under again".split()
)


@dataclass(frozen=True)
class Slot:
    """One change: [start, end) in the spun text, and what stood there."""

    start: int
    end: int
    original: str


@dataclass(frozen=True)
class SpunText:
    text: str
    slots: tuple[Slot, ...]


class _Output:
    """Collects text and notes which stretches are not the author's."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.slots: list[Slot] = []

    def keep(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def put(self, text: str, original: str) -> None:
        if text == original:
            self.keep(text)
            return
        self.slots.append(Slot(self._length, self._length + len(text), original))
        self.keep(text)

    def text(self) -> str:
        return "".join(self._parts)


def match_case(replacement: str, original: str) -> str:
    """Give a replacement the capitals of what it replaces."""
    if len(original) > 1 and original.isupper():
        return replacement.upper()
    if original[:1].isupper():
        return replacement[:1].upper() + replacement[1:]
    return replacement


def expand_spintax(template: str, rng: random.Random, leftover: float = 0.0) -> str:
    """Resolve `{a|b}` groups, innermost first; with chance `leftover` one group stays in the text."""
    kept: list[str] = []
    while match := re.search(r"\{([^{}]*)\}", template):
        options = match.group(1).split("|")
        chosen = rng.choice(options)
        if len(options) > 1 and rng.random() < leftover and not kept:
            kept.append(match.group(0))
            chosen = "\0"
        template = template[: match.start()] + chosen + template[match.end() :]
    return template.replace("\0", kept[0] if kept else "")


class Spinner:
    """One tool: a profile with its dictionaries. `spin` may be called for any number of texts."""

    def __init__(self, profile: Profile, thesaurus: Thesaurus, seed: int = 0) -> None:
        self.profile = profile
        self._thesaurus = thesaurus
        self._salt = profile.salt ^ (seed * 2654435761 & 0xFFFFFFFF)
        self._rng = random.Random(self._salt)
        self._tables = [spin_table(name) for name in dict.fromkeys(profile.tables)]
        self._known: dict[str, list[str]] = {}

    def spin(self, text: str) -> SpunText:
        """The text as this tool would publish it."""
        out = _Output()
        if self.profile.reorder:
            text = self._reorder(text)
        words = list(WORD.finditer(text))
        i = at = 0
        while i < len(words):
            out.keep(text[at : words[i].start()])
            used = self._change(text, words, i, out)
            at = words[i + used - 1].end()
            i += used
            if self._rng.random() < self.profile.templates * 0.05 and text[at : at + 2] in (". ", "! "):
                out.keep(text[at : at + 2])
                out.put(self._template_sentence(words) + " ", "")
                at += 2
        out.keep(text[at:])
        return SpunText(out.text(), tuple(out.slots))

    def _change(self, text: str, words: list[re.Match[str]], i: int, out: _Output) -> int:
        """Handle the words from i on; returns how many were used up."""
        word = words[i].group()
        rng, profile = self._rng, self.profile
        if rng.random() < profile.names and word[:1].isupper():
            found = self._from_table(spin_table("names"), text, words, i, 1.0)
            if found:
                return self._replace(text, words, i, found, out)
        if profile.drop and word.lower() in ("the", "a", "an") and rng.random() < profile.drop:
            out.put("", word)
            return 1
        if rng.random() >= profile.rate:
            out.keep(word)
            if profile.double and len(word) > 4 and rng.random() < profile.double:
                out.put(f" {word}", "")
            return 1
        if profile.possessives and rng.random() < profile.possessives:
            match = POSSESSIVE.match(text, words[i].start())
            if match and i + 1 < len(words) and words[i + 1].end() == match.end():
                out.put(
                    match_case(f"the {match.group(2)} of {match.group(1)}", match.group(1)), match.group()
                )
                return 2
        for table in self._tables:
            found = self._from_table(table, text, words, i, profile.table_share)
            if found and (found[0] > 1 or profile.functions or word.lower() not in FUNCTION_WORDS):
                return self._replace(text, words, i, found, out)
        out.put(self._from_thesaurus(word), word)
        return 1

    def _from_table(
        self,
        table: dict[tuple[str, ...], list[str]],
        text: str,
        words: list[re.Match[str]],
        i: int,
        share: float,
    ) -> tuple[int, str] | None:
        """(words used, replacement) of the longest entry that this tool has, or None."""
        for n in range(min(MAX_PHRASE, len(words) - i), 0, -1):
            key = tuple(word.group().lower().replace("\u2019", "'") for word in words[i : i + n])
            found = table.get(key)
            if found and self._has(" ".join(key), share) and self._adjacent(text, words[i : i + n]):
                usable = [entry for entry in found if self._has(f"{key}>{entry}", 0.75)] or found
                return n, self._rng.choice(usable)
        return None

    @staticmethod
    def _adjacent(text: str, words: list[re.Match[str]]) -> bool:
        gaps = (text[a.end() : b.start()] for a, b in pairwise(words))
        return all(gap in (" ", "-", "\n") for gap in gaps)

    def _replace(
        self, text: str, words: list[re.Match[str]], i: int, found: tuple[int, str], out: _Output
    ) -> int:
        used, replacement = found
        original = text[words[i].start() : words[i + used - 1].end()]
        out.put(match_case(replacement, original if used == 1 else original[:1]), original)
        return used

    def _from_thesaurus(self, word: str) -> str:
        lower = word.lower()
        if self._rng.random() >= self.profile.thesaurus or (
            lower in FUNCTION_WORDS and not self.profile.functions
        ):
            return word
        if lower not in self._known:
            self._known[lower] = list(self._dictionary(lower))
        return match_case(self._rng.choice(self._known[lower]), word) if self._known[lower] else word

    def _dictionary(self, word: str) -> Iterator[str]:
        """The few replacements that this tool's own dictionary holds for a word."""
        if not self._has(f"={word}", self.profile.dictionary):
            return
        entries = self._thesaurus.replacements(word)
        entries = [entry for entry in entries if self._has(f"{word}={entry[0]}", 0.6)]
        sense, frequency = self.profile.sense, self.profile.frequency
        weights = [Thesaurus.weight(strength, count, sense, frequency) for _, strength, count in entries]
        if entries:
            yield from dict.fromkeys(
                c[0] for c in self._rng.choices(entries, weights, k=self.profile.choices)
            )

    def _has(self, entry: str, share: float) -> bool:
        """Whether an entry is in this tool's dictionary: fixed per tool, by a hash."""
        return zlib.crc32(f"{self._salt}:{entry}".encode()) / 0xFFFFFFFF < share

    def _reorder(self, text: str) -> str:
        """Move a trailing clause to the front, as word-by-word translation from other orders does."""
        sentences = re.split(f"({SENTENCE.pattern})", text)
        for i, sentence in enumerate(sentences):
            head, comma, tail = sentence.rpartition(", ")
            if comma and 3 <= len(tail.split()) <= 9 and self._rng.random() < self.profile.reorder:
                sentences[i] = (
                    f"{tail.rstrip('.')[:1].upper()}{tail.rstrip('.')[1:]}, {head[:1].lower()}{head[1:]}."
                )
        return "".join(sentences)

    def _template_sentence(self, words: list[re.Match[str]]) -> str:
        templates = sentence_templates()
        if not templates:
            return ""
        start = self._rng.randrange(max(len(words) - 2, 1))
        keyphrase = " ".join(word.group().lower() for word in words[start : start + 2])
        template = self._rng.choice(templates).replace("%keyphrase%", keyphrase)
        return expand_spintax(template, self._rng, self.profile.leftover)
