import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from detector.document import Document
from detector.readers import Failure, read, remote

fsspec = pytest.importorskip("fsspec")
LINES = b"".join(json.dumps({"id": i, "text": f"number {i}"}).encode() + b"\n" for i in range(2000))


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; every answer to a path with `drops` in it ends in the middle."""

    def log_message(self, *_: object) -> None:
        pass

    def copyfile(self, source: object, outputfile: object) -> None:
        data = source.read()  # type: ignore[attr-defined]
        outputfile.write(data[: len(data) // 2] if "drops" in self.path else data)  # type: ignore[attr-defined]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A real server over a folder with the same lines, plain and compressed."""
    pytest.importorskip("aiohttp")
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES))
    (tmp_path / "drops.jsonl").write_bytes(LINES)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_files_are_read_over_http(site: str) -> None:
    for name in ("a.jsonl", "a.jsonl.gz"):
        records = list(read([f"{site}/{name}"]))
        assert [record.id for record in records] == [str(i) for i in range(2000)]


def test_a_missing_file_or_server_is_a_failure(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSE", 0.01)
    missing, dead = read([f"{site}/gone.jsonl", "http://127.0.0.1:9/x.jsonl"])
    assert isinstance(missing, Failure)
    assert "no such file" in missing.reason
    assert isinstance(dead, Failure)


def test_a_connection_that_drops_is_tried_again_and_then_said(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PAUSE", 0.01)
    records = list(read([f"{site}/drops.jsonl"]))
    assert isinstance(records[-1], Failure)


def test_any_filesystem_that_fsspec_knows(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe(
        {
            "/bucket/b.jsonl": LINES,
            "/bucket/a.jsonl.gz": gzip.compress(b'{"text": "x"}'),
            "/bucket/c.txt": b"t",
        }
    )
    assert [r.id for r in read(["memory://bucket/*.gz"])] == ["memory:///bucket/a.jsonl.gz:1"]
    assert len(list(read(["memory://bucket/"]))) == 2002
    assert next(read([f"file://{tmp_path}/none.txt"])).id.startswith("file://")
    (tmp_path / "x.txt").write_text("here")
    assert list(read([f"file://{tmp_path}/x.txt"])) == [Document("here", f"file://{tmp_path}/x.txt")]
    for url in ("memory://bucket/*.none", "nosuch://x/y", "memory://bucket/none.txt"):
        (record,) = read([url])
        assert isinstance(record, Failure), url


@pytest.mark.parametrize("path", ["C://x", "a:/b", "s3:/x", "notes.txt", "::", "a b://c"])
def test_paths_are_no_urls(path: str) -> None:
    assert remote.is_url(path) is (path == "C://x")
