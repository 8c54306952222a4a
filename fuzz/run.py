"""Coverage-guided fuzzing (atheris) of everything that reads bytes from strangers.

    python fuzz/run.py --list
    python fuzz/run.py html -max_total_time=60          # libFuzzer's options; findings lie in build/fuzz/html
    python fuzz/run.py html build/fuzz/html/crash-...   # one input again

Targets: each reader by its name (`parquet` changes valid files, see `structured.py`); `files` (a path with its
suffixes, compression and sniffing), `labels`, `model` (a valid bundle, changed), `score` (whole verdicts with evidence)
and `kernels` (PAGES pages an input). The last two run compiled, with every index checked; coverage does not guide
them, since numba can't compile instrumented code: their inputs are seeds of pages.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
NAME = sys.argv[1] if len(sys.argv) > 1 else "--list"
COMPILED = ("kernels", "score")
if NAME in COMPILED:
    os.environ["NUMBA_BOUNDSCHECK"] = "1"
    os.environ["DETECTOR_CACHE"] = str(ROOT / "build" / "bounds-checked")

import atheris  # noqa: E402

with nullcontext() if NAME in COMPILED else atheris.instrument_imports(include=["detector"]):
    import numpy as np

    from detector import features, load, model, scoring
    from detector.bidi import as_displayed
    from detector.labels import formats
    from detector.packing import Batch, pack
    from detector.readers import FORMATS, read_file
    from detector.scoring import Detector
    from detector.signals.spintax import find_spintax

import structured  # noqa: E402

from tests.invariants import check_labels, check_record, check_tokens, check_verdict, read_bytes  # noqa: E402
from tests.texts import HONEST, SPUN  # noqa: E402

SUFFIXES = (
    ".txt", ".html", ".jsonl", ".csv", ".txt.gz", ".jsonl.gz", ".gz", ".bin", "",
    ".txt.bz2", ".csv.xz", ".jsonl.zst", ".warc.xz",
)  # fmt: skip
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
PAGES = 40
"""Pages that one input of `kernels` makes."""


def files(data: bytes) -> None:
    """A file of any name: the first byte chooses the suffix, the second whether it is packed as that says, in how many
    members, and what is cut off."""
    suffix = SUFFIXES[data[0] % len(SUFFIXES)] if data else ""
    way, content = (data[1], data[2:]) if len(data) > 1 else (0, b"")
    pack = PACKERS.get(Path(suffix).suffix)
    if pack and way & 1:
        content = pack(content) * (1 + (way >> 1) % 3)
        content = content[: len(content) - (way >> 4)]
    path = FOLDER / f"f{suffix}"
    path.write_bytes(content)
    for record in read_file(str(path)):
        check_record(record)


def labels(data: bytes) -> None:
    """A file of labels in any format."""
    path = FOLDER / "labels"
    path.write_bytes(data)
    check_labels(formats.read_labels(str(path)))


def parquet(data: bytes) -> None:
    """A Parquet file of any columns, damaged or not."""
    read_bytes(FORMATS["parquet"].read, structured.parquet_file(data))


def bundles() -> Callable[[bytes], None]:
    """Model bundles, loaded."""
    changed = structured.Bundles(FOLDER)

    def load_changed(data: bytes) -> None:
        try:
            loaded = model.load_model(changed.write(data))
        except model.ModelError:
            return
        assert np.isfinite(loaded.heads.spun.value).all()

    return load_changed


def scores(detector: Detector) -> Callable[[bytes], None]:
    """Verdicts with evidence, twice, alone and in company."""
    vocabulary = structured.vocabulary(detector.lexicon)

    def score(data: bytes) -> None:
        (page,) = structured.pages(data, vocabulary, 1)
        verdict = detector.score(page)
        check_verdict(verdict, page.text)
        assert list(detector.score_batch([HONEST, page], evidence=True))[1] == verdict

    return score


def kernels(detector: Detector) -> Callable[[bytes], None]:
    """The features of pages in scratch memory that just holds them, together and one alone, and its tokens."""
    vocabulary = structured.vocabulary(detector.lexicon)
    tables, heads = detector.lexicon.tables, detector.model.heads
    tried = 0

    def measured(batch: Batch) -> np.ndarray:
        number = len(batch.arrays[1]) - 1
        matrix = np.empty((number, features.WIDTH), np.float32)
        words, odds = np.empty((number, 2), np.int64), np.empty((2, number))
        scratch = features.new_scratch(batch.longest)
        scoring._score(tables, heads, batch, scratch, matrix, words, odds)
        assert np.isfinite(matrix).all()
        assert np.isfinite(odds).all()
        assert ((words[:, 1] >= 0) & (words[:, 1] <= words[:, 0])).all()
        return matrix

    def run(data: bytes) -> None:
        nonlocal tried
        pages = [as_displayed(page) for page in structured.pages(data, vocabulary, PAGES)]
        together = measured(pack(pages))
        alone = pack(pages[-1:])
        assert (measured(alone)[0] == together[-1]).all()
        scratch = features.new_scratch(alone.longest)
        count, _ = scoring._measure(tables, heads.token_weights, alone, scratch)
        check_tokens(scratch.tokens, count, pages[-1].text)
        tried += PAGES
        if tried % (100 * PAGES) == 0:
            print(f"tried {tried} pages", flush=True)

    return run


def refuse_unchecked() -> None:
    """Raise AssertionError unless kernels were compiled with checks."""
    two = np.zeros(2, np.int32)
    try:
        find_spintax(np.frombuffer(b"{a|b}", np.uint8), 0, 50, two, two)
    except IndexError:
        return
    raise AssertionError("an index out of range went unnoticed: the kernels were compiled without checks")


def target(name: str) -> Callable[[bytes], None]:
    """The function that libFuzzer calls. Raises KeyError for an unknown name."""
    if name == "parquet":
        return parquet
    if name in FORMATS:
        return lambda data: read_bytes(FORMATS[name].read, data) and None
    if name in COMPILED:
        refuse_unchecked()
        return (scores if name == "score" else kernels)(load())
    return bundles() if name == "model" else {"files": files, "labels": labels}[name]


def seeds(name: str) -> list[bytes]:
    """Something valid to start from."""
    lines = b'{"id": "a", "text": "x", "title": "t", "spun": 1, "spans": [[0, 1]]}\n'
    page = (
        b"<html><title>t</title><h1>a b</h1><p>c <a href=x>d e</a><img alt=f><meta name=keywords content=g>"
    )
    found: dict[str, list[bytes]] = {
        "html": [page],
        "csv": [b'text,label\n"a, b",spun\n'],
        "jsonl": [lines],
        "text": [SPUN.encode()],
    }
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a/\r\nContent-Type: application/http; msgtype=response\r\n"
    found["warc"] = [head + b"Content-Length: %d\r\n\r\n" % len(answer) + answer + b"\r\n\r\n"]
    if name == "labels":
        return [*found["jsonl"], *found["csv"], b"[" + lines.strip() + b"]"]
    if name in (*COMPILED, "parquet", "model"):
        return [random.Random(i).randbytes(400) for i in range(8)]
    every = [item for items in found.values() for item in items]
    ways = [bytes([i, way]) for i in range(len(SUFFIXES)) for way in (0, 1, 3, 17)]
    return found.get(name, [way + item for way in ways for item in every])


def main() -> None:
    names = [*FORMATS, "files", "labels", "model", "kernels", "score"]
    if NAME == "--list":
        print(*names)
        return
    if NAME not in names:
        sys.exit(f"usage: python fuzz/run.py TARGET [libFuzzer options]; targets: {' '.join(names)}")
    model.SWAP_WAITS = ()
    found = ROOT / "build" / "fuzz" / NAME
    (found / "corpus").mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(seeds(NAME)):
        (found / "corpus" / f"seed-{i}").write_bytes(data)
    inputs = [argument for argument in sys.argv[2:] if not argument.startswith("-")] or [
        str(found / "corpus")
    ]
    options = [argument for argument in sys.argv[2:] if argument.startswith("-")]
    if NAME in COMPILED:
        options.insert(0, "-len_control=0")  # or inputs would stay tiny, since none of them adds coverage
    run = target(NAME)
    run(b"warm up: compile, import")
    atheris.Setup(
        [sys.argv[0], f"-artifact_prefix={found}/", "-timeout=20", "-rss_limit_mb=4096", *options, *inputs],
        run,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        FOLDER = Path(folder)
        main()
