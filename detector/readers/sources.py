"""From what stands on the command line to records: paths, directories, patterns, `-` for standard input.

Everything is found and read one after the other, so any number of files passes through flat memory. What
can't be read becomes a `Failure` in its place.
"""

from __future__ import annotations

import glob
import io
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from detector.readers.base import FORMATS, Failure, Format, RawRecord, Record, broken, format_named
from detector.readers.encoding import SAMPLE, encoding_of
from detector.readers.html import Extraction, extract
from detector.readers.limits import (
    BZIP2,
    GZIP,
    XZ,
    ZSTD,
    DamagedError,
    Decoder,
    bzip2_decoder,
    gzip_decoder,
    unpacked,
    xz_decoder,
    zstd_decoder,
)
from detector.readers.remote import expand_url, is_url, open_url

STDIN = "-"
ZSTD_EXTRA = "spun-text-detector[zstd]"
_PACKED: dict[str, tuple[bytes, Callable[[], Decoder]]] = {
    ".gz": (GZIP, gzip_decoder),
    ".zst": (ZSTD, zstd_decoder),
    ".bz2": (BZIP2, bzip2_decoder),
    ".xz": (XZ, xz_decoder),
}
_PACKED_AGAIN = re.compile(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|\xfd7zXZ\0|BZh[1-9]1AY&SY")
_PARQUET = b"PAR1"
_WARC = re.compile(rb"WARC/[01]\.\d+\r?\n")
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?>(?:<!--.*?-->\s*)*)<(?:!doctype html|html|head|body)\b", re.I | re.S
)
_JSON_OBJECT = re.compile(r'\s*\{\s*"(?:[^"\\\n]|\\.)*"\s*:')
_HEADER = re.compile(r'[\w "-]*(?:[,;\t][\w "-]*)+')
_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe; pipe it in and give - instead"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device; pipe it in and give - instead"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISDIR, "a directory"),
)


def read(
    arguments: Iterable[str], input_format: str | None = None, extraction: Extraction = "fast"
) -> Iterator[Record]:
    """The records of all these paths, directories, glob patterns, URLs or `-`, in order.

    `input_format` names one reader for everything, else the suffix and then the content decide; `extraction`
    is how the text is taken out of HTML. Raises ValueError at once for an unknown format.
    """
    forced = None if input_format is None else format_named(input_format)
    return (extract(record, extraction) for record in _scan_all(arguments, forced))


def _scan_all(arguments: Iterable[str], forced: Format | None) -> Iterator[RawRecord]:
    for argument in arguments:
        for found in [STDIN] if argument == STDIN else expand(argument):
            if isinstance(found, Failure):
                yield found
            else:
                yield from scan_file(found, forced)


def read_file(path: str, forced: Format | None = None) -> Iterator[Record]:
    """The records of one file, or of standard input for `-`."""
    return map(extract, scan_file(path, forced))


def scan_file(
    path: str, forced: Format | None = None, opened: Callable[[io.BufferedReader], None] | None = None
) -> Iterator[RawRecord]:
    """As `read_file`, with web pages as they came. `opened` is told the file once it is open: its `tell` says
    how far reading has come."""
    try:
        with open_binary(path) as source:
            if opened is not None:
                opened(source)
            yield from _scan_opened(source, path, forced)
    except EOFError as error:
        yield Failure(path, broken(error))
    except OSError as error:
        yield Failure(path, _explained(error))
    except ImportError:
        yield Failure(path, f'reading .zst needs an extra: pip install "{ZSTD_EXTRA}"')
    except ValueError as error:  # a NUL in the path
        yield Failure(path, str(error))


def _scan_opened(source: io.BufferedReader, path: str, forced: Format | None) -> Iterator[RawRecord]:
    known = forced or by_suffix(path)
    unpacks = known is not None and known.unpacks and not path.lower().endswith((".bz2", ".xz"))
    packing = None if unpacks else _packing(source, path)
    if packing is None:
        reader = known or sniff(source.peek(SAMPLE)[:SAMPLE])
        yield from reader.read(source, path)
        return
    with unpacked(source, packing) as content:
        if _PACKED_AGAIN.match(content.peek(SAMPLE)[:SAMPLE]):
            raise DamagedError("it is compressed twice: unpack it once")
        reader = known or sniff(content.peek(SAMPLE)[:SAMPLE])
        yield from reader.read(content, path)


def _packing(source: io.BufferedReader, path: str) -> Callable[[], Decoder] | None:
    """How the file is compressed: by its suffix, or what comes from standard input by its content."""
    head = source.peek(6)[:6]
    for suffix, (magic, new_decoder) in _PACKED.items():
        if path.lower().endswith(suffix):
            if head and not head.startswith(magic[:2]):
                raise DamagedError(f"it is named {suffix} but is not {suffix.removeprefix('.')}")
            return new_decoder
        if path == STDIN and head.startswith(magic):
            return new_decoder
    return None


def _explained(error: OSError) -> str:
    reasons = {
        FileNotFoundError: "no such file or directory: check the path",
        PermissionError: "no permission to read it",
    }
    return reasons.get(type(error)) or (error.strerror.lower() if error.strerror else str(error))


def open_binary(path: str) -> io.BufferedReader:
    """Open a regular file, a URL, or standard input for `-`. Raises OSError; never waits on a pipe or device."""
    if is_url(path):
        return open_url(path)
    if path == STDIN:
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), SAMPLE)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((name for is_kind, name in _SPECIAL if is_kind(mode)), "not a regular file")
        raise OSError(f"it is {kind}")
    return io.BufferedReader(io.FileIO(descriptor), SAMPLE)


def by_suffix(path: str) -> Format | None:
    """The format that a file name stands for, compression aside."""
    name = path.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    suffix = os.path.splitext(name)[1]
    return next((known for known in FORMATS.values() if suffix in known.suffixes), None)


def sniff(head: bytes) -> Format:
    """The format that a file's first bytes look like; plain text if nothing else."""
    if head.startswith(_PARQUET):
        return FORMATS["parquet"]
    if _WARC.match(head):
        return FORMATS["warc"]
    name, mark = encoding_of(head)
    text = head[mark:].decode(name, "replace")
    if _HTML.match(text):
        return FORMATS["html"]
    if _JSON_OBJECT.match(text):
        return FORMATS["jsonl"]
    header = text.partition("\n")[0].strip()
    columns = {cell.strip(' "').lower() for cell in re.split("[,;\t]", header)}
    return FORMATS["csv" if _HEADER.fullmatch(header) and "text" in columns else "text"]


def expand(argument: str) -> Iterator[str | Failure]:
    """The files of a path, a directory (recursively, sorted, known suffixes, nothing hidden), pattern or URL."""
    try:
        if is_url(argument):
            yield from expand_url(argument)
        elif os.path.isdir(argument):
            yield from _walk(argument, set())
        elif os.path.lexists(argument) or not glob.has_magic(argument):
            yield argument
        else:
            yield from _matches(argument)
    except OSError as error:
        yield Failure(argument, _explained(error))
    except ValueError as error:  # a NUL in the path
        yield Failure(argument, str(error))


def _matches(pattern: str) -> Iterator[str | Failure]:
    matches = sorted(glob.iglob(pattern, recursive=True))
    if not matches:
        yield Failure(pattern, "no file matches this pattern: check it, and the quotes around it")
    for match in matches:
        if not os.path.isdir(match):
            yield match
        elif "**" not in pattern:
            yield from _walk(match, set())


def _walk(folder: str, seen: set[tuple[int, int]]) -> Iterator[str | Failure]:
    """Files below a folder by name; each real folder once, so links can't lead round in circles."""
    pending = [folder]
    while pending:
        path = pending.pop()
        if path != folder and not os.path.isdir(path):
            yield path
            continue
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                names = sorted(entry.name for entry in entries if _wanted(entry))
        except OSError as error:
            yield Failure(path, f"the directory can't be read: {(error.strerror or str(error)).lower()}")
        else:
            pending += [os.path.join(path, name) for name in reversed(names)]


def _wanted(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    try:
        return entry.is_dir() or by_suffix(entry.name) is not None
    except OSError:
        return True


def file_stem(path: str) -> str:
    """A file's name without directories and suffixes, for naming a report of it."""
    name = "stdin" if path == STDIN else Path(path).name
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name.rpartition(".")[0] or name
