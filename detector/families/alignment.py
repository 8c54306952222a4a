"""Two versions side by side: how much stands in the same order, and which words stand for which.

Alignment is the longest common subsequence, by RapidFuzz (bit-parallel, Hyyr\u00f6 2004), over synonym classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import LCSseq

from detector.families.family import Place, Slot
from detector.families.reduction import RARE_KEY, Words

FEW_RARE = 6
"""Rare words in both together, of which fewer say nothing."""
MAX_WORDS = 10_000
"""Of each text that slots are looked for in."""
MAX_BLOCK = 8
"""Words. Where more differ in a row the passage was written anew: no slot."""
MAX_TEXT = 120
"""Characters of a variant that are shown."""


def similarity(a: Sequence[int], b: Sequence[int], least: float = 0.0) -> float:
    """Share in [0, 1] of the longer content that stands in the same order in the other; 0 if below `least`."""
    return float(LCSseq.normalized_similarity(a, b, score_cutoff=least))


def are_versions(a: Sequence[int], b: Sequence[int], least: float) -> bool:
    """Whether two contents are alike, and differ all over as a spinner makes them.

    Pages from one template, quotations and reprints agree in long runs and differ in others; in spun text,
    swaps are strewn about, so that runs are about 1 / (1 - similarity) words long. The more of the rare
    words (names) are the same, the longer they may be: the tools that fill in sentences vary whole phrases.
    """
    alike = similarity(a, b, least)
    if not alike:
        return False
    runs = sum(op.tag == "equal" for op in LCSseq.opcodes(a, b))
    run = alike * max(len(a), len(b)) / runs
    return run * (1 - alike) <= 1 + _shared_rare(a, b)


def _shared_rare(a: Sequence[int], b: Sequence[int]) -> float:
    """Jaccard similarity of the rare words; a middling value where there are few."""
    rare_a, rare_b = ({key for key in keys if key >= RARE_KEY} for keys in (a, b))
    both = len(rare_a | rare_b)
    return len(rare_a & rare_b) / both if both >= FEW_RARE else 0.3


class Version:
    """A text with its words: `keys` class or hash, `spelling` lower case, `starts` and `ends` code points."""

    def __init__(self, text: str, words: Words) -> None:
        self.text = text
        self.keys: list[int] = words.keys[:MAX_WORDS].tolist()
        self.starts: list[int] = words.starts[:MAX_WORDS].tolist()
        self.ends: list[int] = words.ends[:MAX_WORDS].tolist()
        self.spelling = [text[start:end].lower() for start, end in zip(self.starts, self.ends, strict=True)]

    def __len__(self) -> int:
        return len(self.keys)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """[start, end) in the text of the words [first, last); empty where there are none."""
        if first == last:
            at = self.starts[first] if first < len(self) else self.ends[first - 1]
            return at, at
        return self.starts[first], self.ends[last - 1]

    def variant(self, first: int, last: int) -> str:
        """The words [first, last) as they stand there, on one line."""
        start, end = self.span(first, last)
        return " ".join(self.text[start : min(end, start + MAX_TEXT)].split())


@dataclass(frozen=True)
class Alignment:
    """Where the head's words stand in another version. starts[n], ends[n]: the words of the version that begin
    and end with the head's word n, -1 within a block; `blocks` are the head's [first, last) that differ."""

    starts: list[int]
    ends: list[int]
    blocks: list[tuple[int, int]]


def align(head: Version, other: Version) -> Alignment:
    """Match the words of `other` to those of `head`."""
    starts, ends = [-1] * len(head), [-1] * len(head)
    blocks: list[tuple[int, int]] = []
    for first, last, other_first, other_last in _blocks(head, other):
        starts[first], ends[last - 1] = other_first, other_last
        if head.spelling[first:last] != other.spelling[other_first:other_last]:
            blocks.append((first, last))
    return Alignment(starts, ends, blocks)


def _blocks(head: Version, other: Version) -> Iterator[tuple[int, int, int, int]]:
    """[first, last) of the head against [first, last) of the other, word by word as far as possible."""
    for equal, first, last, other_first, other_last in _joined(head, other):
        if equal or last - first == other_last - other_first <= 3:
            for i in range(last - first):
                yield first + i, first + i + 1, other_first + i, other_first + i + 1
        elif max(last - first, other_last - other_first) <= MAX_BLOCK:
            yield first, last, other_first, other_last


def _joined(head: Version, other: Version) -> Iterator[tuple[bool, int, int, int, int]]:
    """(equal?, head's first, last, other's first, last): runs that are equal, and what lies between them.

    An insertion takes the equal word after it along, so that there is a place for it in the head.
    """
    matches = [(op.src_start, op.src_end, op.dest_start, op.dest_end)
               for op in LCSseq.opcodes(head.keys, other.keys) if op.tag == "equal"]  # fmt: skip
    borders = [(0, 0, 0, 0), *matches, (len(head), len(head), len(other), len(other))]
    for before, run in pairwise(borders):
        first, other_first = before[1], before[3]
        inserted = first == run[0] and other_first < run[2] and run[0] < run[1]
        taken = int(inserted)
        if first < run[0] or inserted:
            yield False, first, run[0] + taken, other_first, run[2] + taken
        if run[0] + taken < run[1]:
            yield True, run[0] + taken, run[1], run[2] + taken, run[3]


def slots(head: Version, others: Sequence[Version]) -> tuple[list[Slot], list[list[Place]]]:
    """The slots of a family in the head's order, and for each version, the head first, its places in them."""
    alignments = [align(head, other) for other in others]
    found: list[Slot] = []
    places: list[list[Place]] = [[] for _ in range(len(others) + 1)]
    for first, last in _merged(block for alignment in alignments for block in alignment.blocks):
        here: list[tuple[int, Version, int, int]] = [(0, head, first, last)]
        for i, (other, alignment) in enumerate(zip(others, alignments, strict=True), 1):
            begin, end = alignment.starts[first], alignment.ends[last - 1]
            if 0 <= begin <= end:
                here.append((i, other, begin, end))
        variants = _counted([version.variant(begin, end) for _, version, begin, end in here])
        for i, version, begin, end in here:
            places[i].append(Place(len(found), *version.span(begin, end), version.variant(begin, end)))
        found.append(Slot(*head.span(first, last), variants))
    return found, places


def _merged(blocks: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Blocks that overlap, in one."""
    current: tuple[int, int] | None = None
    for first, last in sorted(set(blocks)):
        if current and first < current[1]:
            current = current[0], max(current[1], last)
            continue
        if current:
            yield current
        current = first, last
    if current:
        yield current


def _counted(variants: list[str]) -> tuple[tuple[str, int], ...]:
    """(words, how often), most first, whatever the case; the first seen stands for its spellings."""
    spelling: dict[str, str] = {}
    for variant in variants:
        spelling.setdefault(variant.lower(), variant)
    counts = Counter(variant.lower() for variant in variants)
    return tuple((spelling[key], count) for key, count in counts.most_common())
