"""The written corpus: `training_data/{pairs,stuffed,honest}/*.txt` -> records, checked.

A file holds records `=== id`, `key: value` lines, a blank line, a body. In `pairs/` the body marks every
change as `[[spun|original]]`, so both texts and the spans come from one string and cannot disagree.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SLOT = re.compile(r"\[\[([^\[\]|]*)\|([^\[\]|]*)\]\]")
REQUIRED = {
    "pairs": ("kind", "niche"),
    "stuffed": ("technique", "niche", "keyphrase", "title"),
    "honest": ("style", "niche"),
}


class CorpusError(ValueError):
    """A written record breaks the format; the message names file, record and what to change."""


@dataclass(frozen=True)
class Record:
    """One record as written: `keys` from its header, `body` with the markup still in it."""

    id: str
    folder: str
    keys: dict[str, str]
    body: str


@dataclass(frozen=True)
class AlignedPair:
    """Both sides of a pair. `spans` are (start, end) in `spun`, code points; `originals` what stood there."""

    spun: str
    original: str
    spans: list[tuple[int, int]]
    originals: list[str]


def align(body: str) -> AlignedPair:
    """Resolve `[[spun|original]]` slots; text outside slots is shared by both sides."""
    spun: list[str] = []
    original: list[str] = []
    spans: list[tuple[int, int]] = []
    originals: list[str] = []
    at = length = 0
    for slot in SLOT.finditer(body):
        shared = body[at : slot.start()]
        left, right = slot.group(1), slot.group(2)
        spans.append((length + len(shared), length + len(shared) + len(left)))
        originals.append(right)
        spun += (shared, left)
        original += (shared, right)
        length += len(shared) + len(left)
        at = slot.end()
    spun.append(body[at:])
    original.append(body[at:])
    return AlignedPair("".join(spun), "".join(original), spans, originals)


def parse(path: Path) -> Iterator[Record]:
    """Records of one file, in order. Raises CorpusError on a malformed header."""
    chunks = re.split(r"^=== (?=[^=\s])", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if chunks[0].strip():
        raise CorpusError(f"{path}: text before the first '=== id' line")
    folder = path.parent.name
    for chunk in chunks[1:]:
        head, _, body = chunk.partition("\n\n")
        first, *lines = head.strip().split("\n")
        keys: dict[str, str] = {}
        for line in lines:
            key, colon, value = line.partition(":")
            if not colon:
                raise CorpusError(f"{path}: record {first}: header line without a colon: {line!r}")
            keys[key.strip()] = value.strip()
        missing = [key for key in REQUIRED[folder] if not keys.get(key)]
        if missing:
            raise CorpusError(f"{path}: record {first}: missing {', '.join(missing)} before the blank line")
        yield Record(first.strip(), folder, keys, body.strip())


def read_corpus(root: Path, folder: str) -> list[Record]:
    """All records of one folder, files in name order. Raises CorpusError on a repeated id."""
    records = [record for path in sorted((root / folder).glob("*.txt")) for record in parse(path)]
    repeated = [id for id, count in Counter(record.id for record in records).items() if count > 1]
    if repeated:
        raise CorpusError(f"{root / folder}: repeated ids: {', '.join(repeated[:10])}")
    return records


def written_changes(root: Path) -> Iterator[tuple[str, str]]:
    """(what a spinner wrote, what stood there) of every slot in the pairs."""
    for record in read_corpus(root, "pairs"):
        yield from ((slot.group(1), slot.group(2)) for slot in SLOT.finditer(record.body))


def _problems(record: Record) -> Iterator[str]:
    """What a writer should look at again: leftovers of markup, odd lengths, no change, too few slots."""
    text = record.body
    if record.folder == "pairs":
        pair = align(record.body)
        text = pair.original
        if record.keys["kind"] not in set("ABCDEFG"):
            yield f"kind {record.keys['kind']!r} is none of A-G"
        if "[[" in pair.spun or "]]" in pair.spun or "|" in pair.spun.replace("||", ""):
            yield "a slot is malformed (nested, a missing ']]', or a '|' inside)"
        if any(pair.spun[start:end] == old for (start, end), old in zip(pair.spans, pair.originals)):
            yield "a slot changes nothing"
        if len(pair.spans) < (2 if record.keys["kind"] == "F" else 6):
            yield f"only {len(pair.spans)} slots"
    words = len(text.split())
    if not 100 <= words <= 420:
        yield f"{words} words"


def _shared_passages(records: list[Record], width: int = 9) -> Iterator[str]:
    """Pairs of records that share `width` consecutive words: one was made from the other's template."""
    seen: dict[tuple[str, ...], str] = {}
    reported: set[tuple[str, str]] = set()
    for record in records:
        words = re.findall(r"[a-z']+", align(record.body).original.lower())
        for i in range(len(words) - width + 1):
            gram = tuple(words[i : i + width])
            other = seen.setdefault(gram, record.id)
            if other != record.id and (other, record.id) not in reported:
                reported.add((other, record.id))
                yield f"{other} and {record.id} share: {' '.join(gram)}"


def main(root: Path) -> int:
    """Print what is wrong and how much there is; 1 if a record needs work."""
    bad = 0
    for folder, keys in REQUIRED.items():
        records = read_corpus(root, folder)
        for record in records:
            for problem in _problems(record):
                bad += 1
                print(f"{folder}/{record.id}: {problem}")
        for problem in _shared_passages(records):
            bad += 1
            print(f"{folder}: {problem}")
        niches = {record.keys["niche"].split("/")[0] for record in records}
        by = Counter(record.keys[keys[0]] for record in records)
        print(
            f"{folder}: {len(records)} records, {len(niches)} niches; "
            + ", ".join(f"{k} {v}" for k, v in sorted(by.items()))
        )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "training_data")))
