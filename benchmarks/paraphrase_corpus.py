"""The public Machine-Paraphrase Corpus (Wahle et al. 2021, 2022): loader, our figures, the paper's beside them.

    python benchmarks/paraphrase_corpus.py PATH    # the .zip as downloaded, or a folder of what was in it

Zenodo record 3608000 ("Identifying Machine-Paraphrased Plagiarism"), also `jpwahle/machine-paraphrase-dataset`
on the Hugging Face hub. The corpus could not be downloaded where this was written, so its layout is known from
its description only: originals and spun versions (SpinBot; SpinnerChief at default and at increased frequency)
of paragraphs and documents of arXiv, theses and Wikipedia, as text files in folders. The loader therefore goes
by the words in a path, wherever they stand: one of ORIGINAL or SPUN must be there, the others name the set.
JSON lines with `text`, `label`, `dataset`, `method`, as on the hub, are read as well. What names neither side
is counted and shown, never guessed.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from detector import load
from detector.scoring import Detector

ORIGINAL = frozenset(["og", "orig", "original", "originals", "human"])
SPUN = frozenset(["mg", "spun", "paraphrased", "machine", "spinbot", "spinnerchief"])
SOURCES = {
    "arxiv": "arXiv",
    "thesis": "theses",
    "theses": "theses",
    "wikipedia": "Wikipedia",
    "wiki": "Wikipedia",
}
TOOLS = {"spinbot": "SpinBot", "spinnerchief": "SpinnerChief"}
FREQUENCIES = {
    "df": "default", "default": "default", "if": "increased", "increased": "increased",
}  # fmt: skip
PAPER = {
    "SpinBot": ("99.4-99.9", "84-90", "78"),
    "SpinnerChief default": ("63-76", "59-60", "66"),
    "SpinnerChief increased": ("67-78", "63-67", ""),
}
"""F1 in per cent over its three sources: Longformer trained on SpinBot, best word-embedding classifier, people
(as summarised in the design notes of this project; the second human figure is for SpinnerChief as a whole)."""
MAX_TEXT_BYTES = 4 << 20
MAX_LINE_BYTES = 16 << 20
PER_SET = 2000
"""Texts of each side and set that are scored; a corpus of 200,000 tells no more."""


class CorpusError(ValueError):
    """The corpus can't be read as one; the message says what was found and what was looked for."""


@dataclass(frozen=True)
class Item:
    """One text. `spun` 0 or 1; `tool` "SpinBot", "SpinnerChief default" and so on, empty for originals;
    `source` "arXiv", "theses", "Wikipedia" or "unknown"; `training` if it lies in the paper's training part."""

    text: str
    spun: int
    tool: str
    source: str
    training: bool


def read_corpus(path: Path) -> Iterator[Item]:
    """The items of a .zip, a folder (of text files, JSON lines, further .zip files) or one JSON lines file.

    Raises CorpusError if nothing in it can be told original from spun.
    """
    skipped: list[str] = []
    found = 0
    for name, file in _files(path):
        for item in _items(name, file, skipped):
            found += 1
            yield item
    if not found:
        seen = ", ".join(skipped[:5]) or "no .txt or .jsonl files"
        raise CorpusError(
            f"{path}: nothing that can be told apart; found {seen}. A path must hold one of the words "
            f"{', '.join(sorted(ORIGINAL))} or {', '.join(sorted(SPUN))}; a JSON line `text` and `label`"
        )
    if skipped:
        print(f"{len(skipped):,} entries left out, such as {', '.join(skipped[:3])}")


def _files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """(path inside the corpus, open file) of all text and JSON lines files, archives looked into."""
    if not path.exists():
        raise CorpusError(f"{path}: no such file or folder")
    if path.is_dir():
        for inner in sorted(p for p in path.rglob("*") if p.is_file()):
            if inner.suffix.lower() == ".zip":
                yield from _members(inner, inner.relative_to(path).as_posix())
            else:
                with inner.open("rb") as file:
                    yield inner.relative_to(path).as_posix(), file
    elif zipfile.is_zipfile(path):
        yield from _members(path, path.stem)
    elif path.suffix.lower() == ".zip":
        raise CorpusError(f"{path}: not a .zip archive, or cut off: download it again")
    else:
        with path.open("rb") as file:
            yield path.name, file


def _members(path: Path, prefix: str) -> Iterator[tuple[str, IO[bytes]]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in sorted(archive.infolist(), key=lambda i: i.filename):
                if not info.is_dir():
                    with archive.open(info) as file:
                        yield f"{prefix}/{info.filename}", file
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise CorpusError(f"{path}: the archive can't be read: {error}") from None


def _items(name: str, file: IO[bytes], skipped: list[str]) -> Iterator[Item]:
    lowered = name.lower()
    if "__macosx" in lowered or "readme" in lowered or lowered.endswith((".md", ".pdf", ".py")):
        return
    if lowered.endswith((".jsonl", ".json")):
        yield from _rows(name, file, skipped)
    elif lowered.endswith(".txt"):
        text = file.read(MAX_TEXT_BYTES).decode("utf-8", "replace").strip()
        item = _item(name, text, None)
        if item is None or not text:
            skipped.append(name)
        else:
            yield item
    else:
        skipped.append(name)


def _rows(name: str, file: IO[bytes], skipped: list[str]) -> Iterator[Item]:
    for number, line in enumerate(file, 1):
        record = _record(line)
        if record is None or not isinstance(record.get("text"), str) or record.get("label") not in (0, 1):
            skipped.append(f"{name}:{number}")
            continue
        described = f"{name}/{record.get('dataset', '')}/{record.get('method', '')}"
        item = _item(described, record["text"], record["label"])
        assert item is not None
        yield item


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line[:MAX_LINE_BYTES])
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _item(path: str, text: str, label: int | None) -> Item | None:
    """The item that a path describes; None if it does not say which side it is on. The file's own name is asked
    first, then its folder, and so on up: `spinbot/original/1.txt` is an original."""
    words = [word for part in reversed(path.split("/")) for word in re.findall("[a-z]+", part.lower())]
    sides = (w for part in reversed(path.split("/")) for w in [_side(part)] if w is not None)
    spun = label if label is not None else next(sides, None)
    if spun is None:
        return None
    tool = next((TOOLS[w] for w in words if w in TOOLS), "")
    if tool == "SpinnerChief":
        tool = f"{tool} {next((FREQUENCIES[w] for w in words if w in FREQUENCIES), 'default')}"
    source = next((SOURCES[w] for w in words if w in SOURCES), "unknown")
    return Item(text, int(spun), (tool or "unknown tool") if spun else "", source, "train" in words)


def _side(part: str) -> int | None:
    words = set(re.findall("[a-z]+", part.lower()))
    if words & ORIGINAL:
        return 0
    return 1 if words & SPUN else None


def table(items: Iterator[Item], detector: Detector) -> Iterator[str]:
    """One Markdown row for each tool and source, spun against the originals of the source; the paper beside."""
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in items:
        kept = texts[item.tool, item.source]
        if not item.training and len(kept) < PER_SET:
            kept.append(item.text)
    scores, abstained = {}, Counter[str]()
    for key, listed in texts.items():
        verdicts = list(detector.score_batch(listed, evidence=False))
        scores[key] = np.array([v.spun for v in verdicts if v.status == "scored"])
        abstained.update(v.status for v in verdicts if v.status != "scored")
    yield "| tool, source | spun | original | AUC | found at 1 % | F1 (micro) | paper: Longformer | word embeddings | people |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (tool, source), spun in sorted(scores.items()):
        original = scores.get(("", source), np.array([]))
        if tool and len(spun) and len(original):
            yield f"| {tool}, {source} | {_figures(spun, original, detector)} | {' | '.join(PAPER.get(tool, ('',) * 3))} |"
    yield f"\nF1 at the threshold of the policy. Abstained: {dict(abstained) or 'none'}. At most {PER_SET:,} a set and side."


def _figures(spun: np.ndarray, original: np.ndarray, detector: Detector) -> str:
    labels, both = np.r_[np.ones(len(spun)), np.zeros(len(original))], np.r_[spun, original]
    found = (spun > np.quantile(original, 0.99)).mean()
    micro = f1_score(labels, both >= detector.thresholds[0], average="micro")
    return f"{len(spun):,} | {len(original):,} | {roc_auc_score(labels, both):.3f} | {found:.1%} | {100 * micro:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    try:
        for line in table(read_corpus(parser.parse_args().path), load()):
            print(line, flush=True)
    except CorpusError as error:
        raise SystemExit(f"error: {error}") from None
