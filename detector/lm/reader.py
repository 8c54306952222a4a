"""The language model at run time: a page's beginning -> hidden states. Needs onnxruntime and tokenizers.

A page is read alone, on the calling thread: nothing is padded, and its states do not depend on what else is
read. Several threads may read at once.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.lm.errors import LanguageModelError, missing
from detector.lm.folder import default_folder

try:
    import onnxruntime
    from tokenizers import Encoding, Tokenizer
except ModuleNotFoundError as error:
    raise missing(error.name) from None

FORMAT = 1
FILES = ("model.onnx", "tokenizer.json")
TAPS = (12, 16)
"""Layers, of 30, whose states are looked at; what lies above the last is left out."""
VOCABULARY = 36_864
"""Tokens kept of 49,152, the commonest first: the others, 1.6 % of English text, are read in pieces."""
POSITIONS = 320
"""Tokens read of a page, the separator before it included."""
CHARACTERS = 6_000
"""More than POSITIONS tokens of English hold."""
SEPARATOR = 0
"""Token between documents in the model's training data."""
BUILD = "run 'detector lm build'"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class States:
    """`values` float32[L, width], one row a token; `starts`, `ends` int32[L], code points in the text."""

    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class Reader:
    """A language model opened for reading. Thread-safe."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open the reader in `folder`. Raises LanguageModelError if there is none or it is damaged."""
        where = folder or default_folder()
        manifest = _manifest(where)
        data = {name: _checked(where / name, manifest["files"][name]) for name in FILES}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            data["model.onnx"], options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_str(data["tokenizer.json"].decode())
        self._limit = manifest["positions"] - 1
        self.kind: str = manifest["kind"]
        self.width: int = manifest["width"]

    def states(self, text: str) -> States:
        """The hidden states of the first tokens of `text`; none for an empty one."""
        encoded = self._encode(text)
        spans = np.array(encoded.offsets[: self._limit], np.int32).reshape(-1, 2)
        ids = np.array([SEPARATOR, *encoded.ids[: self._limit]], np.int64)
        (values,) = self._session.run(["states"], {"ids": ids})
        return States(values[1:], spans[:, 0], spans[:, 1])

    def token_ids(self, text: str) -> list[int]:
        """What is read of `text`, the separator first."""
        return [SEPARATOR, *self._encode(text).ids[: self._limit]]

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(_SURROGATE.sub("?", text[:CHARACTERS]), add_special_tokens=False)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    except FileNotFoundError:
        raise LanguageModelError(f"the language model is not built yet: {BUILD}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise LanguageModelError(f"{folder / 'manifest.json'} can't be read ({error}): {BUILD}") from None
    expected = {"format": int, "kind": str, "width": int, "positions": int, "files": dict}
    whole = isinstance(manifest, dict) and all(isinstance(manifest.get(k), t) for k, t in expected.items())
    if not whole or manifest["format"] != FORMAT or not manifest["files"].keys() >= set(FILES):
        raise LanguageModelError(f"{folder} was not built by this release: {BUILD} again")
    return manifest


def _checked(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LanguageModelError(f"{path}: {error.strerror or error}: {BUILD} again") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise LanguageModelError(f"{path} was cut off or changed: {BUILD} again")
    return data
