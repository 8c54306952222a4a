"""Coverage-guided fuzzing (atheris) of everything that reads bytes from strangers.

    python fuzz/run.py --list
    python fuzz/run.py html -max_total_time=60          # libFuzzer's options; findings lie in build/fuzz/html
    python fuzz/run.py html build/fuzz/html/crash-...   # one input again

Targets: each reader by its name; `files` (a path with its suffixes, compression and sniffing), `labels`, `model`
(a bundle), `score` (compiled kernels with bounds checked), `kernels` (the same as plain Python, so that coverage
guides the inputs).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
NAME = sys.argv[1] if len(sys.argv) > 1 else "--list"
if NAME == "kernels":
    os.environ["NUMBA_DISABLE_JIT"] = "1"
elif NAME == "score":
    os.environ["NUMBA_BOUNDSCHECK"] = "1"
    os.environ["DETECTOR_CACHE"] = str(ROOT / "build" / "bounds-checked")

import atheris  # noqa: E402

with (
    nullcontext() if NAME == "score" else atheris.instrument_imports(include=["detector"])
):  # numba can't read it
    import numpy as np

    from detector import Document, features, load, model
    from detector.document import Zone, ZoneKind
    from detector.labels import formats
    from detector.packing import pack
    from detector.readers import FORMATS, read_file
    from detector.scoring import Detector

from tests.bundles import make_bundle, replace_file, zipped  # noqa: E402
from tests.invariants import check_labels, check_record, check_verdict, read_bytes  # noqa: E402
from tests.texts import HONEST, SPUN, STUFFED  # noqa: E402

SUFFIXES = (".txt", ".html", ".jsonl", ".csv", ".txt.gz", ".jsonl.gz", ".gz", ".bin", "")
WORDS = [word for text in (HONEST, SPUN, STUFFED) for word in text.split()]


def files(data: bytes) -> None:
    """A file of any name: the first byte chooses the suffix."""
    suffix = SUFFIXES[data[0] % len(SUFFIXES)] if data else ""
    path = FOLDER / f"f{suffix}"
    path.write_bytes(data[1:])
    for record in read_file(str(path)):
        check_record(record)


def labels(data: bytes) -> None:
    """A file of labels in any format."""
    path = FOLDER / "labels"
    path.write_bytes(data)
    check_labels(formats.read_labels(str(path)))


def bundles() -> Callable[[bytes], None]:
    """A model: one of its files replaced, with its hash in the manifest put right; or a zip."""
    folder = make_bundle(FOLDER / "model")
    names = ["manifest.json", *model.ARRAYS]
    manifest = (folder / "manifest.json").read_bytes()

    def load_changed(data: bytes) -> None:
        chosen = data[0] % (len(names) + 1) if data else 0
        path, whole = folder, b""
        if chosen == len(names):
            path = FOLDER / "model.zip"
            path.write_bytes(data[1:])
        else:
            whole = (folder / names[chosen]).read_bytes()
            replace_file(folder, names[chosen], data[1:]) if chosen else (folder / names[0]).write_bytes(
                data[1:]
            )
        try:
            loaded = model.load_model(path)
        except model.ModelError:
            return
        finally:
            if chosen < len(names):
                (folder / names[chosen]).write_bytes(whole)
                (folder / "manifest.json").write_bytes(manifest)
        assert np.isfinite(loaded.heads.spun.value).all()

    return load_changed


def document(data: bytes, most: int = 400) -> Document:
    """A text with zones: known words, so that it is long and English enough, between any signs."""
    source = atheris.FuzzedDataProvider(data)
    parts = []
    while source.remaining_bytes() > 4 and len(parts) < most:
        if source.ConsumeBool():
            at = source.ConsumeIntInRange(0, len(WORDS) - 1)
            parts.append(" ".join(WORDS[at : at + source.ConsumeIntInRange(1, 40)]) + " ")
        else:
            parts.append(source.ConsumeUnicode(source.ConsumeIntInRange(0, 12)))
    text = "".join(parts)
    edges = sorted({source.ConsumeIntInRange(0, len(text)) for _ in range(source.ConsumeIntInRange(0, 6))})
    kinds = list(ZoneKind)
    zones = [
        Zone(kinds[source.ConsumeIntInRange(0, len(kinds) - 1)], low, high)
        for low, high in zip(edges[::2], edges[1::2])
    ]
    return Document(text, zones=tuple(zones))


def scores(detector: Detector) -> Callable[[bytes], None]:
    """Verdicts with evidence, twice, alone and in company."""

    def score(data: bytes) -> None:
        page = document(data)
        verdict = detector.score(page)
        check_verdict(verdict, page.text)
        assert list(detector.score_batch([HONEST, page], evidence=True))[1] == verdict

    return score


def kernels(detector: Detector) -> Callable[[bytes], None]:
    """Features of one document, in Python."""
    np.seterr(over="ignore")
    row = np.empty(features.WIDTH, np.float32)
    weights = detector.model.heads.token_weights

    def run(data: bytes) -> None:
        batch = pack([document(data, 20)])
        buffer, _, _, kinds, starts, ends = batch.arrays
        words, prose = features.document_features(
            detector.lexicon.tables, weights, buffer, 0, len(buffer), kinds, starts, ends,
            features.new_scratch(batch.longest), row,
        )  # fmt: skip
        assert 0 <= prose <= words
        assert np.isfinite(row).all()

    return run


def target(name: str) -> Callable[[bytes], None]:
    """The function that libFuzzer calls. Raises KeyError for an unknown name."""
    if name in FORMATS:
        return lambda data: read_bytes(FORMATS[name].read, data) and None
    if name in ("score", "kernels"):
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
    if name == "model":
        folder = make_bundle(FOLDER / "seed")
        found = [(folder / name).read_bytes() for name in ("manifest.json", *model.ARRAYS)]
        found.append(zipped(folder, FOLDER / "seed.zip").read_bytes())
        return [bytes([i]) + data for i, data in enumerate(found) if len(data) < 100_000]
    if name in ("score", "kernels"):
        return [bytes(range(256)) * 4]
    return found.get(name, [b"\0" + item for items in found.values() for item in items])


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
    shared = [
        str(path)
        for path in [ROOT / "build" / "fuzz" / "kernels" / "corpus"]
        if NAME == "score" and path.is_dir()
    ]
    inputs = [argument for argument in sys.argv[2:] if not argument.startswith("-")] or [
        str(found / "corpus"),
        *shared,
    ]
    options = [argument for argument in sys.argv[2:] if argument.startswith("-")]
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
