"""Valid files and likely pages out of fuzzed bytes: what passes the first checks and goes wrong behind them."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from atheris import FuzzedDataProvider

from detector.document import Document, Zone, ZoneKind
from detector.lexicon.tables import LexiconFiles
from detector.model import ARRAYS, HEADS, OPTIONAL
from tests.bundles import make_bundle, zipped
from tests.texts import HONEST, SPUN, STUFFED

COLUMNS = ("text", "html", "id", "url", "title", " Text ", "TEXT", "text.a", "a", "")
PACKINGS = ("none", "snappy", "gzip", "brotli", "zstd", "lz4")
ODD = (
    None,
    True,
    -1,
    0,
    1,
    1.5,
    1e308,
    -1e308,
    10**30,
    "",
    "a",
    "\ud800",
    "a" * 300,
    "\n",
    [],
    {},
    [[]],
    [0.5],
    {"a": 1},
)
NUMBERS = (
    0.0,
    -1.0,
    1.0,
    2.0,
    0.5,
    1e9,
    -1e9,
    1e10,
    1e300,
    float("nan"),
    float("inf"),
    -float("inf"),
    65504.0,
    477.0,
    478.0,
)
SIGNS = (
    "\u00ad", "\u200b", "\u0301", "\u20dd", "\u0430", "\u03bf", "\u0441\u043e", "\uff41", "\U0001d41a", "\ufb01", "\u00df", "\u4e2d",
    "\u202e", "\u202c", "\u2067", "\u2069", "\x00", "\x1f", "\x85", "\xa0", "\u2028", "\ud800", "\U0001f600", "\U000e0041",
    "'", "\u2019", "-", "\u2011", "&", "@", "://", "www.", "{", "|", "}", "{{", "0", "1", "7", "1,000.5", "3rd", "$", "%",
)  # fmt: skip
GAPS = (" ",) * 12 + (
    "\n",
    "\n\n",
    ", ",
    ". ",
    "; ",
    ": ",
    "! ",
    "? ",
    "-",
    "'",
    "",
    "  ",
    "\t",
    "\r\n",
    " - ",
    "\u00ad",
)


def parquet_file(data: bytes) -> bytes:
    """A Parquet file of any columns, some of them ours, then with some bytes changed."""
    source = FuzzedDataProvider(data)
    rows = source.ConsumeIntInRange(0, 70)
    columns = []
    for _ in range(source.ConsumeIntInRange(0, 5)):
        array = _column(source, rows, 0)
        columns.append((COLUMNS[source.ConsumeIntInRange(0, len(COLUMNS) - 1)], array))
    table = pa.Table.from_arrays([array for _, array in columns], names=[name for name, _ in columns])
    out = io.BytesIO()
    try:
        pq.write_table(
            table, out, row_group_size=source.ConsumeIntInRange(1, 70), data_page_version=source.PickValueInList(["1.0", "2.0"]),
            compression=source.PickValueInList(list(PACKINGS)), use_dictionary=source.ConsumeBool(),
            data_page_size=source.ConsumeIntInRange(16, 4096), write_statistics=source.ConsumeBool(),
        )  # fmt: skip
    except (pa.ArrowException, OSError, ValueError):  # a type that Parquet does not hold
        return b""
    file = bytearray(out.getvalue())
    for _ in range(source.ConsumeIntInRange(0, 4)):
        # from the end, where the schema is, or anywhere
        back = (
            source.ConsumeIntInRange(1, 400)
            if source.ConsumeBool()
            else source.ConsumeIntInRange(1, len(file))
        )
        file[max(len(file) - back, 0)] = source.ConsumeIntInRange(0, 255)
    return bytes(file)


def _column(source: FuzzedDataProvider, rows: int, depth: int) -> pa.Array:
    kind = source.ConsumeIntInRange(0, 11 if depth < 2 else 8)
    missing = (
        [source.ConsumeIntInRange(0, 7) == 0 for _ in range(rows)] if source.ConsumeBool() else [False] * rows
    )
    if kind in (9, 10):
        inner = _column(source, rows, depth + 1)
        if kind == 9:
            return pa.array(
                [
                    None if gone else [value] * (i % 3)
                    for i, (value, gone) in enumerate(zip(inner.to_pylist(), missing, strict=True))
                ],
                pa.list_(inner.type),
            )
        return pa.StructArray.from_arrays([inner], [COLUMNS[source.ConsumeIntInRange(0, len(COLUMNS) - 1)]])
    if kind <= 3:
        values: list[Any] = [f"<p>{HONEST[: source.ConsumeIntInRange(0, 90)]}\u00e9" for _ in range(rows)]
        type_ = (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view())[
            kind
        ]
        if kind == 3:
            type_ = pa.string()
    elif kind == 4:
        values, type_ = (
            [source.ConsumeBytes(source.ConsumeIntInRange(0, 40)) for _ in range(rows)],
            pa.binary(),
        )
    elif kind == 5:
        values, type_ = [source.ConsumeInt(8) for _ in range(rows)], pa.int64()
    elif kind == 6:
        values, type_ = [source.ConsumeFloat() for _ in range(rows)], pa.float64()
    elif kind == 7:
        values, type_ = [source.ConsumeIntInRange(-(2**60), 2**60) for _ in range(rows)], pa.timestamp("ns")
    elif kind == 8:
        values, type_ = [None] * rows, pa.null()
    else:
        values, type_ = [bool(i & 1) for i in range(rows)], pa.bool_()
    return pa.array([None if gone else value for value, gone in zip(values, missing, strict=True)], type_)


class Bundles:
    """Model bundles that are valid but for a few changes: of the manifest's fields, of an array's numbers, shape,
    type or header, of any bytes; the hashes mostly put right, as an attacker would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        made = make_bundle(folder / "valid")
        self.manifest = json.loads((made / "manifest.json").read_text())
        whole = np.array([[len(np.load(made / f"{head}_roots.npy")), 0.0] for head in HEADS])
        self.arrays = {name: whole if name in OPTIONAL else np.load(made / name) for name in ARRAYS}
        self.archive = zipped(made, folder / "valid.zip").read_bytes()

    def write(self, data: bytes) -> Path:
        """The bundle that these bytes make."""
        source = FuzzedDataProvider(data)
        if source.ConsumeIntInRange(0, 15) == 0:
            path = self.folder / "changed.zip"
            path.write_bytes(_changed(source, self.archive))
            return path
        path = self.folder / "changed"
        path.mkdir(exist_ok=True)
        manifest = json.loads(json.dumps(self.manifest))
        files = {name: _npy(array) for name, array in self.arrays.items()}
        for _ in range(source.ConsumeIntInRange(1, 3)):
            name = source.PickValueInList(list(ARRAYS))
            how = source.ConsumeIntInRange(0, 4)
            if how == 0:
                _change_field(source, manifest)
            elif how == 1:
                files[name] = _changed(source, files[name])
            else:
                files[name] = _npy(_change_array(source, self.arrays[name].copy()))
        if isinstance(manifest.get("files"), dict) and source.ConsumeIntInRange(0, 15):
            manifest["files"] = {name: hashlib.sha256(file).hexdigest() for name, file in files.items()}
        for name, file in files.items():
            (path / name).write_bytes(file)
        raw = json.dumps(manifest).encode()
        (path / "manifest.json").write_bytes(
            _changed(source, raw) if source.ConsumeIntInRange(0, 7) == 0 else raw
        )
        return path


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _changed(source: FuzzedDataProvider, file: bytes) -> bytes:
    """Bytes overwritten, inserted or cut out, mostly near the beginning."""
    at = source.ConsumeIntInRange(0, min(len(file), 200 if source.ConsumeBool() else len(file)))
    put = source.ConsumeBytes(source.ConsumeIntInRange(0, 12))
    return file[:at] + put + file[at + source.ConsumeIntInRange(0, 2 * len(put) + 1) :]


def _change_field(source: FuzzedDataProvider, manifest: dict[str, Any]) -> None:
    key = source.PickValueInList([*manifest, "training", "metrics", "extra"])
    old = manifest.get(key)
    if isinstance(old, list) and old and source.ConsumeBool():
        old[source.ConsumeIntInRange(0, len(old) - 1)] = _odd(source)
    elif isinstance(old, dict) and old and source.ConsumeBool():
        old[source.PickValueInList(list(old))] = _odd(source)
    elif source.ConsumeIntInRange(0, 3) == 0:
        manifest.pop(key, None)
    else:
        manifest[key] = _odd(source)


def _odd(source: FuzzedDataProvider) -> Any:
    return copy.deepcopy(ODD[source.ConsumeIntInRange(0, len(ODD) - 1)])


def _change_array(source: FuzzedDataProvider, array: np.ndarray) -> np.ndarray:
    flat = array.reshape(-1)
    with np.errstate(all="ignore"):
        for _ in range(source.ConsumeIntInRange(0, 4)):
            value = NUMBERS[source.ConsumeIntInRange(0, len(NUMBERS) - 1)]
            if source.ConsumeBool():
                value = float(source.ConsumeIntInRange(-2, 600))
            flat[source.ConsumeIntInRange(0, len(flat) - 1)] = np.float64(value).astype(array.dtype)
        shape = source.ConsumeIntInRange(0, 9)
        if shape == 0:
            return array[: source.ConsumeIntInRange(0, len(array))]
        if shape == 1:
            return array.reshape(-1, 1)
        if shape == 2:
            return np.asfortranarray(array)
        if shape == 3:
            return array.astype(source.PickValueInList(["<f4", ">f8", "<i8", "|u1", "<U3", "<c16", "|b1"]))
        if shape == 4:
            return np.concatenate([array, array])
    return array


def vocabulary(lexicon: LexiconFiles) -> list[str]:
    """The words that pages are made of, frequent ones first."""
    return [word for word in lexicon.id_of if word.isalpha()][:60_000]


def pages(data: bytes, vocabulary: list[str], number: int) -> list[Document]:
    """Pages of known and unknown words, odd signs, breaks, repeated phrases and these very bytes, with zones. All
    are of about the same length, which the bytes choose, too."""
    rng = random.Random(data)
    length = rng.choice((1, 4, 20, 55, 70, 130, 300, 900))
    runs = [text.split() for text in (HONEST, SPUN, STUFFED)]
    raw = (
        data.decode("utf-8", "surrogatepass" if rng.random() < 0.5 else "replace")
        if _is_utf8(data)
        else data.decode("latin-1")
    )
    return [_page(rng, length, vocabulary, runs, raw) for _ in range(number)]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


ALPHABETS = [{ord("a") + i: first + i for i in range(26)} for first in (0x1D41A, 0x24D0, 0xFF41, 0x1D4EA)]


def _page(
    rng: random.Random, length: int, vocabulary: list[str], runs: list[list[str]], raw: str
) -> Document:
    phrase = " ".join(rng.choices(vocabulary, k=rng.randrange(1, 5)))
    sources: list[Callable[[], str]] = [
        lambda: rng.choice(vocabulary[:400]),
        lambda: rng.choice(vocabulary),
        lambda: _run(rng, runs),
        lambda: phrase,
        lambda: phrase.title(),
        lambda: rng.choice(SIGNS),
        lambda: _broken(rng, rng.choice(vocabulary)),
        lambda: " ".join(_broken(rng, word) for word in _run(rng, runs).split()),
        lambda: _run(rng, runs).translate(rng.choice(ALPHABETS)),
        lambda: _run(rng, runs).replace(" ", "", rng.randrange(20)),
        lambda: "".join(rng.choices("aeinrst\u00e9", k=rng.randrange(1, 30))),
        lambda: str(rng.randrange(10 ** rng.randrange(1, 9))),
        lambda: _cut(rng, raw),
        lambda: "{" + "|".join(rng.choices(vocabulary, k=3)) + "}",
        lambda: " ".join(rng.choice(vocabulary)),
    ]
    weights = [rng.random() ** 3 for _ in sources]
    chosen = rng.choices(sources, weights, k=rng.randrange(length + 1))
    text = "".join(part() + rng.choice(GAPS) for part in chosen)
    edges = sorted(rng.randrange(len(text) + 1) for _ in range(rng.choice((0, 0, 2, 4, 12))))
    kinds = list(ZoneKind)
    zones = [Zone(rng.choice(kinds), low, high) for low, high in zip(edges[::2], edges[1::2], strict=True)]
    return Document(text, zones=tuple(zones))


def _run(rng: random.Random, runs: list[list[str]]) -> str:
    run = rng.choice(runs)
    at = rng.randrange(len(run))
    return " ".join(run[at : at + rng.randrange(1, 30)])


def _broken(rng: random.Random, word: str) -> str:
    at = rng.randrange(len(word) + 1)
    change = rng.randrange(8)
    if change == 0:
        return word[:at] + rng.choice(SIGNS) + word[at:]
    if change == 1:
        return word[:at] + " " + word[at:]
    if change == 2:
        return word.translate(str.maketrans("oieast", "013457"))
    if change == 3:
        return word.upper()
    if change == 4:
        return word[:at] + word[max(at - 1, 0) : at] + word[at:]
    if change == 5:
        return word[:at] + rng.choice("aeinrst") + word[at + 1 :]
    if change == 6:
        return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    return word[:at] + word[at + 1 :]


def _cut(rng: random.Random, raw: str) -> str:
    at = rng.randrange(len(raw) + 1)
    return raw[at : at + rng.randrange(40)]
