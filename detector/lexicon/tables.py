"""The lexicon at run time: memory-mapped tables, checked before use, shared between processes.

`load_lexicon(folder)` gives a `Lexicon`: a named tuple of arrays, which goes into every kernel as it is.
"""

from __future__ import annotations

import hashlib
import json
from enum import IntFlag
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detector.lexicon.hashing import count_of_level

FORMAT = 3
NONE, BREAK, UNKNOWN, NUMBER, FIRST_WORD = 0, 1, 2, 3, 4
"""Word ids with a meaning: no such token, sentence break, not in the vocabulary, digits; then the words."""
PHRASE_BEGUN = -1
"""In `phrase_index`: no phrase itself, but longer ones begin so."""
MAX_CANDIDATES = 16
"""Of a word, at most."""
MAX_BYTES = 64 << 20
STRENGTH_SCALE = 1 / 60
"""`candidate_strength` is 10 for a loose Moby synonym and 60 for one from the spin tables (weight 1)."""


class Flag(IntFlag):
    """What is known of a word whatever stands around it (`word_flags`)."""

    FUNCTION = 1
    PHRASE_START = 2
    COMMERCIAL = 4


class LexiconError(ValueError):
    """The lexicon folder can't be used; the message says which file and how to get a good one."""


class Lexicon(NamedTuple):
    """Arrays with W words, S slots, M candidates, P phrases (shapes and dtypes as written by the builder)."""

    fold: np.ndarray
    word_keys: np.ndarray
    word_ids: np.ndarray
    log_count: np.ndarray
    count: np.ndarray  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    word_flags: np.ndarray
    follower_offsets: np.ndarray
    followers: np.ndarray
    predecessor_offsets: np.ndarray
    predecessors: np.ndarray
    trigrams: np.ndarray
    level_count: np.ndarray
    candidate_offsets: np.ndarray
    candidate_ids: np.ndarray
    candidate_strength: np.ndarray
    candidate_count: np.ndarray
    candidate_weight: np.ndarray
    prior: np.ndarray
    phrase_keys: np.ndarray
    phrase_index: np.ndarray
    phrase_log_count: np.ndarray


class Originals(NamedTuple):
    """What spinners put for what, for suggestions only. `sibling` int32[W]: the next word with a lemma of this one,
    in a ring, 0 if it is alone. `keys` and `index` lead from the hash of one to six words to 1 + a group; group g
    holds the entries `groups[g]` to `groups[g + 1]`, entry e the word ids `words[offsets[e] : offsets[e + 1]]` and
    `log_share`, the log of how often these stood there."""

    sibling: np.ndarray
    keys: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # hides tuple.index
    groups: np.ndarray
    offsets: np.ndarray
    words: np.ndarray
    log_share: np.ndarray


DTYPES = {
    "fold": "uint32",
    "word_keys": "uint32", "word_ids": "int32", "log_count": "float32", "word_flags": "uint8",
    "follower_offsets": "int32", "followers": "uint16",
    "predecessor_offsets": "int32", "predecessors": "uint16", "trigrams": "uint16",
    "candidate_offsets": "int32", "candidate_ids": "int32", "candidate_strength": "uint8",
    "phrase_keys": "uint32", "phrase_index": "int32", "phrase_log_count": "float32",
    "word_text": "uint8", "word_offsets": "int32", "suggestion_text": "uint8", "suggestion_offsets": "int32",
    "original_sibling": "int32", "original_keys": "uint32", "original_index": "int32", "original_groups": "int32",
    "original_offsets": "int32", "original_words": "int32", "original_log_share": "float32",
}  # fmt: skip


class LexiconFiles:
    """An opened lexicon folder: `tables` for the kernels, `word` and `suggestion` for people."""

    def __init__(self, folder: Path, arrays: dict[str, np.ndarray], digest: str) -> None:
        self.folder = folder
        self.digest = digest
        self._arrays = arrays
        self._words: dict[int, str] = {}
        derived = _derived(arrays) | {"level_count": count_of_level()}
        shared = {name: arrays[name] for name in Lexicon._fields if name not in derived}
        self.tables = Lexicon(**shared, **derived)
        self.originals = Originals(*(arrays[f"original_{name}"] for name in Originals._fields))

    def word(self, word_id: int) -> str:
        """The word of an id, lower case."""
        found = self._words.get(word_id)
        if found is None:
            found = self._words[word_id] = self._text("word", word_id)
        return found

    def suggestion(self, phrase: int) -> str:
        """What stood in the place of a phrase, lower case."""
        return self._text("suggestion", phrase)

    @cached_property
    def id_of(self) -> dict[str, int]:
        """{word: id}; built on first use, for training and tests."""
        return {self.word(i): i for i in range(FIRST_WORD, len(self.tables.log_count))}

    def _text(self, name: str, index: int) -> str:
        start, end = self._arrays[f"{name}_offsets"][index : index + 2]
        return self._arrays[f"{name}_text"][start:end].tobytes().decode()


def _derived(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the kernels need of the tables in another form: counts, per candidate its count and its weight
    (count times trust), and per word `prior`, the log of how much its candidates outweigh it."""
    count = np.exp(arrays["log_count"])
    candidate_count = count[arrays["candidate_ids"]]
    weight = candidate_count * (arrays["candidate_strength"] * np.float32(STRENGTH_SCALE))
    sums = np.concatenate([[0.0], np.cumsum(weight, dtype=np.float64)])
    offsets = arrays["candidate_offsets"]
    prior = np.log1p((sums[offsets[1:]] - sums[offsets[:-1]]) / count).astype(np.float32)
    return {"count": count, "candidate_count": candidate_count, "candidate_weight": weight, "prior": prior}


def write_tables(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write each array as `.npy`, then the manifest, which makes the folder valid."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, dtype in DTYPES.items():
        path = folder / f"{name}.npy"
        np.save(path, np.ascontiguousarray(arrays[name], dtype=dtype))
        files[path.name] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
    (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "files": files}, indent=1) + "\n")


def load_lexicon(folder: Path) -> LexiconFiles:
    """Map and check the tables of a folder. Raises LexiconError if one is missing, cut off or changed."""
    manifest = _read_manifest(folder)
    arrays = {}
    for name, dtype in DTYPES.items():
        path = folder / f"{name}.npy"
        stated = manifest.get(path.name)
        if not isinstance(stated, dict) or not path.is_file():
            raise LexiconError(f"{path} is missing: reinstall, or run `detector lexicon build`")
        try:
            size = path.stat().st_size
            if size != stated.get("bytes") or size > MAX_BYTES:
                stated_size = stated.get("bytes")
                raise LexiconError(
                    f"{path} has {size} bytes, the manifest says {stated_size}: cut off or replaced"
                )
            if _sha256(path) != stated.get("sha256"):
                raise LexiconError(f"{path} does not match the hash in manifest.json: it was changed")
        except OSError as error:
            raise LexiconError(f"{path} can't be read: {error.strerror or error}") from None
        try:
            array = np.lib.format.open_memmap(path, mode="r")
        except Exception as error:  # numpy's parser of headers raises much that it does not name
            raise LexiconError(f"{path} is not a plain array file: {error or type(error).__name__}") from None
        if array.dtype != dtype or array.ndim != 1:
            raise LexiconError(f"{path} holds {array.dtype}[{array.ndim}d], expected {dtype}[1d]")
        arrays[name] = np.asarray(array)
    return LexiconFiles(folder, arrays, _sha256(folder / "manifest.json"))


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, files = manifest["format"], manifest["files"]
    except FileNotFoundError:
        raise LexiconError(f"{path} is missing: reinstall, or run `detector lexicon build`") from None
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise LexiconError(f"{path} can't be read: {error}") from None
    if version != FORMAT or not isinstance(files, dict):
        raise LexiconError(f"{path} has lexicon format {version!r}; this release reads {FORMAT}")
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
