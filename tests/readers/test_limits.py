import gzip
import io
import time
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
    gzip_decoder,
    unpack,
    unpacked,
    zstd_decoder,
)
from tests.readers.warcs import bomb


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=5), st.integers(1, 200))
def test_members_are_unpacked_one_after_the_other(parts: list[bytes], size: int) -> None:
    zstd = pytest.importorskip("backports.zstd")
    for pack, new_decoder in ((gzip.compress, gzip_decoder), (zstd.compress, zstd_decoder)):
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


def test_an_honest_file_of_any_length_is_within_the_budget() -> None:
    budget = Budget()
    for _ in range(1000):
        budget.spend(1 << 20, 100 << 20)
    with pytest.raises(DecompressionBombError):
        budget.spend(0, 1 << 40)


@pytest.mark.parametrize("suffix", ["txt.gz", "jsonl.gz", "html.gz", "jsonl.zst"])
def test_a_bomb_of_any_format_is_one_failed_or_cut_record(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    zstd = pytest.importorskip("backports.zstd") if suffix.endswith("zst") else None
    path.write_bytes(zstd.compress(bytes(300 << 20)) if zstd else bomb(300))
    (record,) = read_file(str(path))
    assert isinstance(record, Failure)


def test_damaged_data_is_told_from_an_end() -> None:
    data = gzip.compress(b"some text" * 100)
    for broken in (data[:-3], data[:20], data[:15] + b"\xff\xff\xff" + data[18:]):
        with pytest.raises(DamagedError):
            unpack(broken, gzip_decoder(), limits.FREE_BYTES)
