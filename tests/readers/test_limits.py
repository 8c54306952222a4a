import bz2
import gzip
import io
import lzma
import time
import zlib
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.readers import Failure, limits, read_file
from detector.readers.limits import (
    Budget,
    DamagedError,
    DecompressionBombError,
    Unpacked,
    bzip2_decoder,
    gzip_decoder,
    unpack,
    unpacked,
    xz_decoder,
    zstd_decoder,
)
from tests.readers.warcs import bomb


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=5), st.integers(1, 200))
def test_members_are_unpacked_one_after_the_other(parts: list[bytes], size: int) -> None:
    zstd = pytest.importorskip("backports.zstd")
    kinds = (
        (gzip.compress, gzip_decoder), (zstd.compress, zstd_decoder),
        (bz2.compress, bzip2_decoder), (lzma.compress, xz_decoder),
    )  # fmt: skip
    for pack, new_decoder in kinds:
        data = b"".join(pack(part) for part in parts)
        file = unpacked(io.BytesIO(data), new_decoder)
        assert b"".join(iter(lambda f=file: f.read(size), b"")) == b"".join(parts)
        stream = Unpacked(io.BytesIO(data), new_decoder, stop=True)
        found = [stream.readall()]
        while stream.advance():
            found.append(stream.readall())
        assert found == parts


def test_zeros_after_the_last_member_are_padding() -> None:
    assert unpacked(io.BytesIO(gzip.compress(b"text") + bytes(700)), gzip_decoder).read() == b"text"


def test_a_bomb_stops_at_the_budget() -> None:
    data = bomb(300)
    started = time.process_time()
    with pytest.raises(DecompressionBombError, match="more than 16 MiB"):
        unpack(data, gzip_decoder(), 16 << 20)
    with pytest.raises(DecompressionBombError, match="more than 200 times its size"):
        for _ in (
            iter(lambda: file.read(1 << 20), b"")
            if (file := unpacked(io.BytesIO(data), gzip_decoder))
            else ()
        ):
            pass
    assert time.process_time() - started < 5


@pytest.mark.parametrize("size", [32 << 20, 900_000])
def test_a_bomb_in_many_members_stops_at_the_budget(size: int) -> None:
    data = bz2.compress(bytes(size), 1) * 1000
    file = unpacked(io.BytesIO(data), bzip2_decoder)
    steps = iter(lambda: len(file.read(1 << 20)), 0)
    with pytest.raises(DecompressionBombError):
        sum(islice(steps, 200))


def test_an_honest_file_of_any_length_is_within_the_budget() -> None:
    budget = Budget()
    for _ in range(1000):
        budget.spend(1 << 20, 100 << 20)
    with pytest.raises(DecompressionBombError):
        budget.spend(0, 1 << 40)


@pytest.mark.parametrize("suffix", ["txt.gz", "jsonl.gz", "html.gz", "jsonl.zst", "txt.bz2", "jsonl.xz"])
def test_a_bomb_of_any_format_is_one_failed_or_cut_record(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    zeros = bytes(32 << 20)
    match suffix.rpartition(".")[2]:
        case "zst":
            path.write_bytes(pytest.importorskip("backports.zstd").compress(zeros * 10))
        case "bz2":
            path.write_bytes(bz2.compress(zeros, 1) * 10)
        case "xz":
            path.write_bytes(lzma.compress(zeros, preset=0) * 10)
        case _:
            path.write_bytes(bomb(300))
    (record,) = read_file(str(path))
    assert isinstance(record, Failure)


def test_a_file_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.xz"
    data = bytearray(lzma.compress(b"some text" * 50))
    # The dictionary's size stands in the block header, whose checksum is put right.
    header = data[12 : 12 + 4 * (data[12] + 1)]
    header[4] = 36  # 1 GiB
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    data[12 : 12 + len(header)] = header
    path.write_bytes(data)
    (record,) = read_file(str(path))
    assert isinstance(record, Failure)
    assert "emory" in record.reason


def test_damaged_data_is_told_from_an_end() -> None:
    data = gzip.compress(b"some text" * 100)
    for broken in (data[:-3], data[:20], data[:15] + b"\xff\xff\xff" + data[18:]):
        with pytest.raises(DamagedError):
            unpack(broken, gzip_decoder(), limits.FREE_BYTES)
