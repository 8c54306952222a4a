import bz2
import gzip
import io
import lzma
import os
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from detector.document import Document
from detector.readers import FORMATS, Failure, expand, file_stem, read, read_file
from detector.readers.sources import by_suffix, sniff


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with some of everything, and in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.md", "sub/c.txt", "sub/deep/d.txt.gz", "x.pdf", ".hidden/e.txt", ".f.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"zipped") if name.endswith(".gz") else name.encode())
    return tmp_path


def test_a_directory_gives_its_known_files_sorted_and_nothing_hidden(site: Path) -> None:
    assert list(expand(".")) == ["./a.md", "./b.txt", "./sub/c.txt", "./sub/deep/d.txt.gz"]
    assert [r.id for r in read(["sub"])] == ["sub/c.txt", "sub/deep/d.txt.gz"]


def test_an_id_is_the_path_exactly_as_given(site: Path) -> None:
    for path in ("b.txt", "./b.txt", str(site / "b.txt"), "sub/../b.txt"):
        assert list(read([path])) == [Document("b.txt", path)]


def test_patterns_are_expanded_and_one_that_matches_nothing_fails(site: Path) -> None:
    assert list(expand("*.txt")) == ["b.txt"]
    assert list(expand("**/*.txt")) == ["b.txt", "sub/c.txt"]
    assert list(expand("s?b")) == ["sub/c.txt", "sub/deep/d.txt.gz"]
    (failure,) = read(["*.nope"])
    assert isinstance(failure, Failure)
    assert failure.id == "*.nope"


def test_a_file_whose_name_looks_like_a_pattern_is_itself(site: Path) -> None:
    (site / "[1].txt").write_text("one")
    assert list(read(["[1].txt"])) == [Document("one", "[1].txt")]


def test_what_is_missing_or_no_file_fails_in_its_place_and_the_rest_is_read(site: Path) -> None:
    os.mkfifo(site / "pipe.txt")
    (site / "dangling.txt").symlink_to("nowhere")
    records = list(read(["b.txt", "gone.txt", "pipe.txt", "dangling.txt", "/dev/null", "a\0b", "a.md"]))
    assert [r.id for r in records] == [
        "b.txt",
        "gone.txt",
        "pipe.txt",
        "dangling.txt",
        "/dev/null",
        "a\0b",
        "a.md",
    ]
    reasons = [r.reason for r in records if isinstance(r, Failure)]
    assert [isinstance(r, Failure) for r in records] == [False, True, True, True, True, True, False]
    assert "check the path" in reasons[0]
    assert "named pipe" in reasons[1]
    assert "device" in reasons[3]


def test_links_that_lead_round_in_circles_end(site: Path) -> None:
    (site / "sub" / "up").symlink_to("..")
    (site / "sub" / "self").symlink_to(".")
    (site / "loop.txt").symlink_to("loop.txt")
    found = list(expand("."))
    assert len(found) == len(set(found)) == 5
    assert isinstance(next(read(["loop.txt"])), Failure)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_fails_and_the_rest_is_read(site: Path) -> None:
    (site / "b.txt").chmod(0)
    (site / "sub").chmod(0)
    try:
        records = {r.id: r for r in read(["."])}
    finally:
        (site / "sub").chmod(0o755)
    assert isinstance(records["./a.md"], Document)
    assert "permission" in records["./b.txt"].reason  # type: ignore[union-attr]
    assert "can't be read" in records["./sub"].reason  # type: ignore[union-attr]


def test_a_directory_that_cannot_be_listed_fails(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    (failure,) = read(["sub"])
    assert failure == Failure("sub", "the directory can't be read: permission denied")


def test_files_are_opened_one_by_one(tmp_path: Path) -> None:
    for i in range(2000):
        (tmp_path / f"{i:04}.txt").write_text(str(i))
    records = read([str(tmp_path)])
    assert [r.text for r in islice(records, 3) if isinstance(r, Document)] == ["0", "1", "2"]
    (tmp_path / "0003.txt").unlink()
    assert isinstance(next(records), Failure)
    assert sum(isinstance(r, Document) for r in records) == 1996


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.TXT", "text"),
        ("a.md.gz", "text"),
        ("x/a.htm", "html"),
        ("a.jsonl.gz", "jsonl"),
        ("a.TSV", "csv"),
        ("a", None),
    ],
)
def test_suffixes(name: str, format: str | None) -> None:
    assert by_suffix(name) is (FORMATS[format] if format else None)


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"Plain words.", "text"),
        (b"", "text"),
        (b"{fast|quick} cars", "text"),
        (b' {"text": "x"}', "jsonl"),
        ('{"text": "x"}'.encode("utf-16"), "jsonl"),
        (b"\n<!-- c -->\n<!DOCTYPE html><p>", "html"),
        (b"<?xml version='1.0'?><html>", "html"),
        (b'"id",text\n1,x', "csv"),
        (b"Here is some text, and more of it\n", "text"),
    ],
)
def test_unknown_files_are_told_by_their_beginning(head: bytes, format: str) -> None:
    assert sniff(head).name == format


def test_sniffing_takes_no_time_on_any_beginning() -> None:
    started = time.perf_counter()
    for head in (
        b"<!---->" * 9000,
        b"<!--" * 16000,
        b'{ "' + b"\\" * 65000,
        b'"a ' * 20000,
        b"<?xml " * 10000,
    ):
        sniff(head)
    assert time.perf_counter() - started < 1


def test_a_named_format_goes_before_suffix_and_content(site: Path) -> None:
    (site / "page.txt").write_text('{"text": "inside"}')
    assert list(read(["page.txt"], "jsonl")) == [Document("inside", "page.txt:1")]
    with pytest.raises(ValueError, match="no input format 'docx'"):
        read(["page.txt"], "docx")


def test_standard_input_is_read_and_told_by_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(gzip.compress(b'{"id": "a", "text": "piped"}\n'))
    with open(tmp_path / "in", "rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert list(read(["-"])) == [Document("piped", "a")]


def test_stems_for_reports() -> None:
    names = {"-": "stdin", "a/b.txt": "b", "b.jsonl.gz": "b", ".profile": ".profile", "README": "README"}
    assert {name: file_stem(name) for name in names} == names


def test_an_unreadable_file_reads_as_a_failure_not_an_exception(tmp_path: Path) -> None:
    assert isinstance(next(read_file(str(tmp_path))), Failure)
    assert isinstance(next(read_file("x" * 5000)), Failure)


@pytest.mark.parametrize(
    ("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_compressed_files_of_any_format_are_read(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    lines = tmp_path / f"lines.jsonl.{suffix}"
    lines.write_bytes(pack(b'{"id": "a", "text": "one"}\n') + pack(b'{"id": "b", "text": "two"}\n'))
    assert list(read_file(str(lines))) == [Document("one", "a"), Document("two", "b")]
    lines.write_bytes(b'{"id": "a", "text": "one"}\n')
    (wrong,) = read_file(str(lines))
    assert isinstance(wrong, Failure)
    assert suffix in wrong.reason
    archive = tmp_path / f"a.wet.{suffix}"
    body = b"A page of an archive."
    head = (
        "WARC/1.0",
        "WARC-Type: conversion",
        "WARC-Target-URI: https://e.org/",
        "WARC-Record-ID: <urn:x>",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}\r\n\r\n",
    )
    archive.write_bytes(pack("\r\n".join(head).encode() + body + b"\r\n\r\n"))
    assert [record.id for record in read_file(str(archive))] == ["urn:x"]
    twice = tmp_path / f"twice.txt.{suffix}"
    twice.write_bytes(pack(pack(b"some text " * 50)))
    (nested,) = read_file(str(twice))
    assert isinstance(nested, Failure)
    assert "compressed twice" in nested.reason
