"""`find_families`: documents in, families out.

Two passes. The first takes each document once and keeps 768 bytes of signature and its id and URL in memory;
text and content go to temporary files. The second looks at pairs that share much of their signature, aligns
their content, and joins what is alike enough.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detector.document import Document
from detector.families.family import Family, Member
from detector.families.reduction import MAX_CHARACTERS, Reducer, shingles, shipped_reducer

if TYPE_CHECKING:
    from detector.families.alignment import Version
    from detector.families.neighbours import Signatures

SIMILARITY = 0.25
"""Content in the same order from which two documents are versions of one another (docs/families.md)."""
MIN_CONTENT = 20
"""Content words, as in some fifty words of prose; shorter documents are like others by chance."""
MAX_LINKS, MOST = 5, 0.7
"""Pairs that are looked at before two groups are joined, and how many of them must be versions."""
MAX_COMPARED = 6
"""Members that each member is compared with to choose the head."""
EXTRA = "spun-text-detector[families]"


class _Entry(NamedTuple):
    id: str
    url: str | None


def find_families(
    documents: Iterable[Document],
    similarity: float = SIMILARITY,
    reducer: Reducer | None = None,
) -> Iterator[Family]:
    """Families of two and more, the largest first. The documents are read before the first one comes out.

    `similarity` in (0, 1] is the least for a pair to be joined. Raises ModuleNotFoundError, which names the extra, if datasketch or RapidFuzz is missing.
    """
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity is {similarity:g}, expected a number in (0, 1]")
    try:
        from detector.families.neighbours import Signatures
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'{error}: families need an extra, pip install "{EXTRA}"', name=error.name
        ) from error
    return _find(documents, similarity, reducer or shipped_reducer(), Signatures())


def _find(
    documents: Iterable[Document],
    least: float,
    reducer: Reducer,
    signatures: Signatures,
) -> Iterator[Family]:
    with _Spool() as spool:
        for document in documents:
            content = reducer.content(document.text)
            signatures.add(shingles(content) if len(content) >= MIN_CONTENT else content[:0])
            spool.add(document, content)
        groups = _groups(spool, signatures.pairs(), least)
        for number, group in enumerate(groups, 1):
            yield _family(number, group, spool, reducer)


def _groups(spool: _Spool, pairs: np.ndarray, least: float) -> list[list[int]]:
    """Members of each family, the largest family first.

    Two groups are joined through a pair of versions only if most of a few other pairs between them are versions
    too: pages from one template would else be strung together, each like the next and the last not like the first.
    """
    from detector.families.alignment import are_versions

    group_of: dict[int, list[int]] = {}

    def alike(a: int, b: int) -> bool:
        return are_versions(spool.content(a), spool.content(b), least)

    for a, b in pairs.tolist():
        first, second = group_of.setdefault(a, [a]), group_of.setdefault(b, [b])
        if first is second or not alike(a, b):
            continue
        others = _some_pairs(first, second)
        if sum(alike(x, y) for x, y in others) >= MOST * len(others):
            smaller, larger = sorted((first, second), key=len)
            larger.extend(smaller)
            group_of.update(dict.fromkeys(smaller, larger))
    groups = {id(group): group for group in group_of.values() if len(group) > 1}
    return sorted((sorted(group) for group in groups.values()), key=lambda group: (-len(group), group))


def _some_pairs(first: list[int], second: list[int]) -> list[tuple[int, int]]:
    """Up to five pairs between two groups, spread over both; none between two single documents."""
    count = min(MAX_LINKS, max(len(first), len(second)))
    if len(first) == len(second) == 1:
        return []
    return [(first[i * len(first) // count], second[i * len(second) // count]) for i in range(count)]


def _family(number: int, group: list[int], spool: _Spool, reducer: Reducer) -> Family:
    from detector.families.alignment import Version, slots

    def version(i: int) -> Version:
        text = spool.text(i)
        return Version(text, reducer.words(text))

    head = _head(group, spool)
    order = [head, *(i for i in group if i != head)]
    first, *others = map(version, order)
    found, places = slots(first, others)
    members = tuple(
        Member(*spool.entries[i], _similarity(spool, head, i), tuple(own))
        for i, own in zip(order, places, strict=True)
    )
    return Family(number, members, tuple(found), first.text)


def _similarity(spool: _Spool, a: int, b: int) -> float:
    from detector.families.alignment import similarity

    return similarity(spool.content(a), spool.content(b))


def _head(group: list[int], spool: _Spool) -> int:
    """The member most like some of the others."""
    step = max(1, len(group) // MAX_COMPARED)
    compared = group[::step][:MAX_COMPARED]
    return max(group, key=lambda i: sum(_similarity(spool, i, j) for j in compared if j != i))


class _Spool:
    """Texts and contents on disk, read back one at a time. A context manager: it holds temporary files."""

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self._texts = tempfile.TemporaryFile()  # noqa: SIM115
        self._contents = tempfile.TemporaryFile()  # noqa: SIM115
        self._text_ends, self._content_ends = array("q", [0]), array("q", [0])

    def __enter__(self) -> _Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._texts.close()
        self._contents.close()

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, document: Document, content: np.ndarray) -> None:
        """Keep one more document and its content, uint64[C]."""
        self.entries.append(_Entry(document.id, document.url))
        text = document.text[:MAX_CHARACTERS].encode("utf-8", "surrogatepass")
        self._text_ends.append(self._text_ends[-1] + self._texts.write(text))
        self._content_ends.append(self._content_ends[-1] + self._contents.write(content.tobytes()))

    def text(self, i: int) -> str:
        """The text of document i."""
        start, end = self._text_ends[i : i + 2]
        self._texts.seek(start)
        return self._texts.read(end - start).decode("utf-8", "surrogatepass")

    def content(self, i: int) -> list[int]:
        """The content of document i."""
        start, end = self._content_ends[i : i + 2]
        self._contents.seek(start)
        keys: list[int] = np.frombuffer(self._contents.read(end - start), np.uint64).tolist()
        return keys
