import codecs
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document
from detector.readers import Failure, encoding, read_file, text
from detector.readers.encoding import BinaryFileError, decode

SENTENCE = "Zoë’s café on the Kärntner Straße opened at 7 o’clock — nobody came.\r\nRain, again."


def only(path: Path) -> Document | Failure:
    records = list(read_file(str(path)))
    assert len(records) == 1
    return records[0]


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "cp1252"),
    ],
)
def test_the_text_is_the_same_in_every_encoding(tmp_path: Path, mark: bytes, name: str) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(mark + SENTENCE.encode(name))
    assert only(path) == Document(SENTENCE, str(path))


def test_latin_1_letters_and_the_undefined_bytes_of_windows_1252_survive() -> None:
    assert decode("naïve façade".encode("latin-1")) == "naïve façade"
    assert decode(b"a\x81b\x8d") == "a\x81b\x8d"


def test_one_bad_byte_does_not_spoil_the_other_letters() -> None:
    assert decode("naïve ".encode() + b"\x93" + " façade".encode()) == "naïve “ façade"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda s: s[0] != "\ufeff"))
def test_any_utf8_text_comes_back(written: str) -> None:
    assert decode(written.encode()) == written


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    with suppress(BinaryFileError):
        assert isinstance(decode(data), str)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"text\0text and more", "zero bytes"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"From: <Saved by Blink>\r\nMIME-Version: 1.0\r\n", "a web archive"),
        (b"PK\x03\x04\x14\x00", "zip archive"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (bytes(range(1, 32)) * 9, "control characters"),
    ],
)
def test_a_binary_file_fails_and_says_what_it_is(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "picture.txt"
    path.write_bytes(data)
    record = only(path)
    assert isinstance(record, Failure)
    assert record.id == str(path)
    assert reason in record.reason


def test_random_bytes_are_refused_with_or_without_zeros() -> None:
    data = bytes(b % 255 + 1 for b in os.urandom(4000))
    with pytest.raises(BinaryFileError):
        decode(data)


def test_an_empty_file_is_an_empty_document(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.touch()
    assert only(path) == Document("", str(path))


def test_a_long_file_is_read_up_to_the_limit_without_splitting_a_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "MAX_TEXT_BYTES", 10)
    path = tmp_path / "long.txt"
    path.write_text("abcdefghi" + "é" * 20, encoding="utf-8")
    assert only(path) == Document("abcdefghi", str(path))
    path.write_text("abcdefghé", encoding="utf-8")
    assert only(path) == Document("abcdefghé", str(path))


def test_the_limits_hold_what_is_scored() -> None:
    from detector.scoring import MAX_CHARACTERS

    assert text.MAX_TEXT_BYTES > 4 * MAX_CHARACTERS
    assert encoding.SAMPLE >= 1024
