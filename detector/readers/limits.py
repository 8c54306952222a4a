"""Decompression within limits, for every format: gzip, bzip2, xz, zstd (extra `zstd`), deflate, brotli (extra `warc`).

A small file can unpack to any size. Here everything is unpacked in steps of STEP bytes, and after each step a
`Budget` compares what came out with what went in, and with an absolute limit where there is one. So a bomb costs
at most the budget, never the memory or the time that it was made to cost.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from typing import Protocol

from detector.readers.base import MIB

STEP = 64 * 1024
MAX_RATIO = 200
"""Bytes out per byte in. Text shrinks to a third or a tenth, a page of one repeated line to a hundredth; deflate
can't do better than 1,032, which is what bombs do."""
FREE_BYTES = 64 * MIB
"""So much may come out at any ratio: short honest files shrink as well as bombs."""
GZIP, ZSTD, BZIP2, XZ = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0"
XZ_MEMORY = 128 * MIB
"""What unpacking xz may take; `xz -9` asks for 65 MiB, and a file may ask for four GiB."""
GZIP_MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]", re.DOTALL)
ZSTD_MEMBER = re.compile(re.escape(ZSTD))
"""What members begin with; by chance one in 10^11, and one in 4 * 10^9, places looks so."""
MAX_MEMBER_HEADER = 10
_ZSTD_DICTIONARY = b"\x37\xa4\x30\xec"


class DecompressionBombError(OSError):
    """More came out than the limits allow."""


class DamagedError(OSError):
    """The compressed bytes are not what they should be, or end too early."""


class Decoder(Protocol):
    """Unpacks one member; the interface of PEP 784."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Budget:
    """What one compressed thing may unpack to: at most `absolute` bytes, if given, and past FREE_BYTES at most
    MAX_RATIO times what went in."""

    def __init__(self, absolute: int | None = None) -> None:
        self._absolute = absolute
        self._packed = self._unpacked = 0

    def spend(self, packed: int, unpacked: int) -> None:
        """Count these bytes. Raises DecompressionBombError."""
        self._packed += packed
        self._unpacked += unpacked
        if self._absolute is not None and self._unpacked > self._absolute:
            raise DecompressionBombError(f"it unpacks to more than {self._absolute // MIB} MiB")
        if self._unpacked > FREE_BYTES + MAX_RATIO * self._packed:
            raise DecompressionBombError(
                f"it unpacks to more than {MAX_RATIO} times its size, like a decompression bomb"
            )


class _Zlib:
    """A zlib decoder with the interface of PEP 784."""

    def __init__(self, window: int) -> None:
        self._decoder = zlib.decompressobj(window)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not (self._full or self._decoder.unconsumed_tail or self._decoder.eof)

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self._full = len(out) == max_length
        return out


class _Brotli:
    """A brotli decoder with the interface of PEP 784."""

    def __init__(self) -> None:
        import brotli

        self._decoder = brotli.Decompressor()
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return bool(self._decoder.is_finished())

    @property
    def needs_input(self) -> bool:
        return bool(self._decoder.can_accept_more_data()) and not self.eof

    def decompress(self, data: bytes, max_length: int) -> bytes:
        import brotli

        try:
            return bytes(self._decoder.process(data, output_buffer_limit=max_length))
        except brotli.error as error:
            raise DamagedError(f"its brotli data is damaged ({error})") from None


def gzip_decoder() -> Decoder:
    """One gzip member, its checksum verified."""
    return _Zlib(31)


def bzip2_decoder() -> Decoder:
    """One bzip2 stream."""
    import bz2

    return bz2.BZ2Decompressor()


def xz_decoder() -> Decoder:
    """One xz stream; damaged if it asks for more than XZ_MEMORY."""
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)


def deflate_decoder(head: bytes) -> Decoder:
    """What HTTP calls deflate: with the zlib header, or as some servers send it, without."""
    wrapped = len(head) >= 2 and head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0
    return _Zlib(15 if wrapped else -15)


def brotli_decoder() -> Decoder:
    """One brotli stream. Raises ImportError without the extra."""
    return _Brotli()


def zstd_decoder(dictionary: bytes = b"") -> Decoder:
    """One zstd frame. Raises ImportError without the extra."""
    import sys

    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    raw = not dictionary.startswith(_ZSTD_DICTIONARY)
    decoder: Decoder = zstd.ZstdDecompressor(zstd.ZstdDict(dictionary, is_raw=raw) if dictionary else None)
    return decoder


def unpack(data: bytes, decoder: Decoder, absolute: int) -> bytes:
    """All of `data`, which is one member. Raises DecompressionBombError, DamagedError."""
    return io.BufferedReader(
        Unpacked(io.BytesIO(data), lambda: decoder, lambda: Budget(absolute), stop=True)
    ).read()


def unpacked(source: io.BufferedIOBase, new_decoder: Callable[[], Decoder]) -> io.BufferedReader:
    """The content of a compressed file, through all its members, as a file."""
    return io.BufferedReader(Unpacked(source, new_decoder), STEP)  # type: ignore[return-value]


class Unpacked(io.RawIOBase):
    """The content of a compressed file as a stream of bytes, through all its members.

    A gzip file may consist of many members and a zstd file of many frames; in a WARC file each holds one record.
    With `stop` the stream ends after each member until `advance` is called, and each member has a budget of its own;
    without, the whole file has one.
    """

    def __init__(
        self,
        source: io.BufferedIOBase,
        new_decoder: Callable[[], Decoder],
        new_budget: Callable[[], Budget] = Budget,
        stop: bool = False,
    ) -> None:
        self._source = source
        self._new_decoder, self._new_budget = new_decoder, new_budget
        self._stop = stop
        self._decoder = new_decoder()
        self._budget = new_budget()
        self._input = b""
        self._recent = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = b""
        while not data:
            if self._decoder.eof and (self._stop or not self.advance()):
                return 0
            data = self._step(min(len(buffer), STEP))
        buffer[: len(data)] = data
        return len(data)

    def _step(self, size: int) -> bytes:
        """Unpack at most `size` bytes more. Raises DecompressionBombError, DamagedError."""
        packed = b""
        if self._decoder.needs_input:
            packed = self._input or self._source.read(STEP)
            self._input = b""
            if not packed:
                raise DamagedError("the compressed data is cut off")
            self._recent = (self._recent + packed)[-4 * STEP :]
        try:
            data = self._decoder.decompress(packed, size)
        except DamagedError:
            raise
        except Exception as error:  # zlib.error, ZstdError, LZMAError, OSError of bz2
            raise DamagedError(f"the compressed data is damaged ({error})") from None
        if self._decoder.eof:
            self._input = self._decoder.unused_data
        self._budget.spend(
            len(packed) - len(self._input), len(data)
        )  # the next member's share is not counted twice
        return data

    def advance(self) -> bool:
        """Go to the next member, from the end of the present one; False if there is none."""
        while not self._decoder.eof:
            self._step(STEP)
        self._input = self._input or self._source.read(STEP)
        if not self._input.strip(b"\0"):  # tape padding
            return bool(self._input) and self._after_padding()
        self._begin()
        return True

    def _after_padding(self) -> bool:
        while (data := self._source.read(STEP)) and not data.strip(b"\0"):
            pass
        self._input = data
        self._begin()
        return bool(data)

    def recover(self, header: re.Pattern[bytes]) -> bool:
        """Go to the next place after damage where a member seems to begin; False if there is none."""
        held = self._input if self._decoder.eof else self._recent[1:] + self._input
        while (start := header.search(held)) is None:
            more = self._source.read(STEP)
            if not more:
                return False
            held = held[1 - MAX_MEMBER_HEADER :] + more
        self._input = held[start.start() :]
        self._begin()
        return True

    def _begin(self) -> None:
        self._decoder, self._recent = self._new_decoder(), b""
        if self._stop:
            self._budget = self._new_budget()
