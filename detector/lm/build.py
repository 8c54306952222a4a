"""`detector lm build`: GGUF file -> the reader's folder: `model.onnx`, `tokenizer.json`, `manifest.json`.

The same file gives the same bytes (with the same onnx and tokenizers). Needs some seconds and 1 GB of memory.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from detector.lm.errors import missing
from detector.lm.folder import default_folder
from detector.lm.reader import FORMAT, POSITIONS, TAPS, VOCABULARY

NAME = "smollm2-135m"

try:
    import gguf
    import numpy as np
    from tokenizers import Tokenizer, models, pre_tokenizers

    from detector.lm.graph import Shape, Weights, build_graph
except ModuleNotFoundError as error:
    raise missing(error.name) from None


def build(source: Path, target: Path | None = None, taps: tuple[int, ...] = TAPS, name: str = NAME) -> Path:
    """Write the reader made from the GGUF file `source`; returns its folder (default: in the user's cache).

    Swapped in whole: an interrupted build leaves the old one."""
    folder = default_folder() if target is None else target
    reader = gguf.GGUFReader(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        shape = _shape(reader, taps)
        write_reader(
            fresh, name, shape, _weights(reader, shape.vocabulary), _tokenizer(reader, shape.vocabulary)
        )
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def write_reader(folder: Path, name: str, shape: Shape, weights: Weights, tokenizer: Tokenizer) -> None:
    """Fill `folder` with the files of a reader."""
    graph = build_graph(shape, weights)
    files = {
        "model.onnx": graph.SerializeToString(deterministic=True),
        "tokenizer.json": tokenizer.to_str().encode(),
    }
    for file, data in files.items():
        (folder / file).write_bytes(data)
    manifest = {
        "format": FORMAT,
        "kind": f"{name}/{'+'.join(map(str, shape.taps))}",
        "width": shape.width * len(shape.taps),
        "positions": shape.positions,
        "files": {file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    folder.chmod(0o755)


def _shape(reader: gguf.GGUFReader, taps: tuple[int, ...]) -> Shape:
    def field(name: str) -> Any:
        return reader.fields[f"llama.{name}"].contents()

    return Shape(
        taps=taps,
        width=field("embedding_length"),
        heads=field("attention.head_count"),
        groups=field("attention.head_count_kv"),
        inner=field("feed_forward_length"),
        vocabulary=min(VOCABULARY, field("vocab_size")),
        positions=POSITIONS,
        rope_base=field("rope.freq_base"),
        epsilon=field("attention.layer_norm_rms_epsilon"),
    )


def _weights(reader: gguf.GGUFReader, vocabulary: int) -> Weights:
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def read(name: str) -> np.ndarray:
        tensor = tensors[name]
        values: np.ndarray = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        return values[:vocabulary] if name == "token_embd.weight" else values

    return read


def _tokenizer(reader: gguf.GGUFReader, vocabulary: int) -> Tokenizer:
    """Byte-level BPE (Sennrich et al. 2016). Tokens are in order of their merges, so that cutting both at the
    same place leaves a BPE of fewer merges."""
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()[:vocabulary]
    known = {token: i for i, token in enumerate(tokens)}
    pairs = [tuple(m.split(" ")) for m in reader.fields["tokenizer.ggml.merges"].contents()]
    merges = [(left, right) for left, right in pairs if left + right in known]
    return make_tokenizer(known, merges)


def make_tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """A byte-level BPE that splits as SmolLM2's does: digits one by one, then words."""
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return tokenizer
