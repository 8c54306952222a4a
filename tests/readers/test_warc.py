import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document
from detector.readers import Failure, RawRecord, http, read_file, scan_file, warc
from detector.readers.warc import read_warc
from tests.readers.warcs import PROSE, answer, bomb, html, members, page, record, text

pytest.importorskip("resiliparse")
Write = Callable[[str, bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return save


def zst(*records: bytes) -> bytes:
    zstd = pytest.importorskip("backports.zstd")
    options = {zstd.CompressionParameter.checksum_flag: 1}
    return b"".join(zstd.compress(item, options=options) for item in records)


def ids(records: list[RawRecord]) -> list[str]:
    return [item.id.removeprefix("urn:uuid:") for item in records]


def failures(records: list[RawRecord]) -> dict[str, str]:
    return {item.id.removeprefix("urn:uuid:"): item.reason for item in records if isinstance(item, Failure)}


def body_of(data: bytes) -> bytes:
    return http.decoded_body(data, http.parse_head(data))


def scan(data: bytes) -> list[RawRecord]:
    return list(read_warc(io.BufferedReader(io.BytesIO(data)), "x.warc"))  # type: ignore[arg-type]


def test_pages_become_documents_with_record_id_and_target_uri(write: Write) -> None:
    info = record(0, b"software: x\r\n", "warcinfo", "application/warc-fields")
    asked = record(9, b"GET / HTTP/1.1\r\n\r\n", "request", "application/http; msgtype=request")
    picture = record(8, answer(b"\x89PNG", media="image/png"))
    gone = record(7, answer(html(), status="404 Not Found"))
    records = [info, page(1), asked, picture, gone, text(2), page(3)]
    expected = [("urn:uuid:1", "https://site.example/1"), ("urn:uuid:2", "https://site.example/2")]
    expected += [("urn:uuid:3", "https://site.example/3")]
    for name, data in (
        ("a.warc", b"".join(records)),
        ("a.warc.gz", members(*records)),
        ("whole.warc.gz", gzip.compress(b"".join(records))),
        ("named-wrongly.warc", members(*records)),
        ("a.wet.gz", members(*records)),
        ("a.warc.zst", zst(*records)),
    ):
        found = list(read_file(write(name, data)))
        assert [(item.id, item.url) for item in found] == expected, name
        assert all(isinstance(item, Document) and PROSE[:40] in item.text for item in found), name


def test_an_archive_that_begins_with_a_zstd_dictionary(write: Write) -> None:
    zstd = pytest.importorskip("backports.zstd")
    dictionary = zstd.ZstdDict(PROSE.encode() * 3, is_raw=True)
    frame = b"\x5d\x2a\x4d\x18" + len(dictionary.dict_content).to_bytes(4, "little") + dictionary.dict_content
    data = frame + b"".join(zstd.compress(page(i), zstd_dict=dictionary) for i in (1, 2))
    assert ids(list(scan_file(write("a.warc.zst", data)))) == ["1", "2"]


def test_what_warcio_writes_is_read(tmp_path: Path) -> None:
    warcio = pytest.importorskip("warcio")
    from warcio.statusandheaders import StatusAndHeaders

    with open(tmp_path / "a.warc.gz", "wb") as file:
        writer = warcio.WARCWriter(file, gzip=True)
        for number in range(3):
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            payload = io.BytesIO(html(number))
            uri = f"https://a.example/{number}"
            writer.write_record(
                writer.create_warc_record(uri, "response", payload=payload, http_headers=headers)
            )
    found = list(read_file(str(tmp_path / "a.warc.gz")))
    assert [item.url for item in found] == [f"https://a.example/{number}" for number in range(3)]


@pytest.mark.parametrize("lie", [-30, 30, 100_000, 1 << 40])
def test_a_lying_content_length_costs_one_record(lie: int) -> None:
    records = [page(1), page(2, lie), page(3), page(4)]
    for data in (b"".join(records), members(*records), zst(*records)):
        found = scan(data)
        assert ids(found) == ["1", "2", "3", "4"]
        assert list(failures(found)) == ["2"]
        assert "Content-Length" in failures(found)["2"]
        assert next(item.url for item in found if isinstance(item, Failure)) == "https://site.example/2"


def test_garbage_between_records_costs_nothing_else() -> None:
    found = scan(page(1) + b"these bytes are no record\r\nnor these\r\n\r\n" + page(2))
    assert ids(found) == ["1", "x.warc:2", "2"]
    assert "no WARC record begins here" in failures(found)["x.warc:2"]


@pytest.mark.parametrize("field", [b"Content-Length: x1", b"Content-Length: -5", b"X: y"])
def test_a_record_without_a_usable_length_costs_one_record(field: bytes) -> None:
    length = next(line for line in page(2).split(b"\r\n") if line.startswith(b"Content-Length"))
    found = scan(page(1) + page(2).replace(length, field, 1) + page(3))
    assert (ids(found), list(failures(found))) == (["1", "2", "3"], ["2"])


def test_an_endless_header_costs_one_record() -> None:
    found = scan(page(1) + b"WARC/1.0\r\n" + b"X-A: " + b"y" * 200_000 + b"\r\n\r\n" + page(3))
    assert (ids(found)[0], ids(found)[-1], len(failures(found))) == ("1", "3", 1)


@pytest.mark.parametrize("place", [3, 30, 200, -5], ids=str)
def test_a_damaged_member_costs_one_record(place: int) -> None:
    for packed in (members, zst):
        broken = bytearray(packed(page(2)))
        broken[place] ^= 0xFF
        found = scan(packed(page(1)) + bytes(broken) + packed(page(3), page(4)))
        assert [item for item in ids(found) if item in "1234" and item not in failures(found)] == [
            "1",
            "3",
            "4",
        ]
        assert len(failures(found)) == 1


def test_a_member_cut_off_in_the_middle_costs_one_record() -> None:
    for packed in (members, zst):
        whole = packed(page(2))
        found = scan(packed(page(1)) + whole[: len(whole) // 2] + packed(page(3), page(4)))
        assert ids(found)[0] == "1"
        assert ids(found)[-2:] == ["3", "4"]
        assert len(failures(found)) == 1


def test_a_file_cut_off_gives_all_before_and_one_failure() -> None:
    for data in (b"".join([page(1), page(2), page(3)]), members(page(1), page(2), page(3))):
        found = scan(data[:-300])
        assert ids(found)[:2] == ["1", "2"]
        assert len(failures(found)) == 1


def test_a_bomb_costs_one_record_and_little_time() -> None:
    inside = record(2, answer(bomb(300), "Content-Encoding: gzip"))
    found = scan(members(page(1), inside, page(3)))
    assert (ids(found), list(failures(found))) == (["1", "2", "3"], ["2"])
    assert "16 MiB" in failures(found)["2"]
    outside = members(record(2, answer(bytes(120 << 20))))
    found = scan(members(page(1)) + outside + members(page(3)))
    assert (ids(found), list(failures(found))) == (["1", "2", "3"], ["2"])


def test_a_large_record_is_passed_over_and_a_large_page_fails() -> None:
    film = record(2, answer(bytes(17 << 20), media="video/mp4"))
    large = record(3, answer(b"<p>" + b"x " * (9 << 20)))
    found = scan(page(1) + film + large + page(4))
    assert (ids(found), list(failures(found))) == (["1", "3", "4"], ["3"])
    assert "larger than 16 MiB" in failures(found)["3"]


@pytest.mark.parametrize(
    "encoding", ["gzip", "deflate", "raw deflate", "br", "zstd", "gzip, br", "kept header"]
)
def test_content_encodings_are_undone(encoding: str) -> None:
    body = html(1)
    if encoding in ("br", "gzip, br"):
        brotli = pytest.importorskip("brotli")
        body = brotli.compress(gzip.compress(body) if "gzip" in encoding else body)
    elif encoding == "zstd":
        body = zst(body)
    elif "deflate" in encoding:
        body = zlib.compress(body)[2:-4] if "raw" in encoding else zlib.compress(body)
    elif encoding == "gzip":
        body = gzip.compress(body)
    header = {"raw deflate": "deflate", "kept header": "gzip"}.get(encoding, encoding)
    assert body_of(answer(body, f"Content-Encoding: {header}")) == html(1)


def test_a_content_encoding_that_is_cut_off_costs_one_record() -> None:
    cut = gzip.compress(html(2))[:-20]
    found = scan(page(1) + record(2, answer(cut, "Content-Encoding: gzip")) + page(3))
    assert (ids(found), list(failures(found))) == (["1", "2", "3"], ["2"])
    assert "cut off" in failures(found)["2"]


def test_chunks_are_joined_where_there_are_any() -> None:
    body = b"5\r\n<html\r\n6;x=y\r\n><p>Hi\r\n0\r\n\r\n"
    assert body_of(answer(body, "Transfer-Encoding: chunked")) == b"<html><p>Hi"
    assert body_of(answer(b"<html>", "Transfer-Encoding: chunked")) == b"<html>"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp1251", "shift_jis", "utf-16"])
def test_undeclared_and_declared_encodings(encoding: str) -> None:
    word = {
        "cp1251": "Привет, как ваши дела сегодня? Мы ждали вас вчера вечером.",
        "shift_jis": "日本語の文章です。",
    }
    shown = word.get(encoding, "Straße café naïve")
    body = f"<html><title>{shown}</title><p>{PROSE}".encode(encoding)
    for media in ("text/html", f"text/html; charset={encoding}"):
        if encoding == "utf-16" and media == "text/html":
            continue
        (found,) = map(warc_document, scan(record(1, answer(body, media=media))))
        assert found.text.startswith(shown)


def warc_document(item: RawRecord) -> Document:
    from detector.readers import extract

    document = extract(item)
    assert isinstance(document, Document)
    return document


def test_after_a_thousand_damaged_records_the_rest_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc, "MAX_BROKEN", 5)
    for data in (b"x\r\nWARC/1.0\r\n\r\n" * 20, b"".join(members(page(1))[:-9] for _ in range(20))):
        found = scan(data)
        assert len(found) <= 8
        assert "the rest is left" in failures(found)["x.warc"]


pieces = st.sampled_from([page(1), text(2), members(page(3)), b"WARC/1.0\r\n", b"\r\n\r\n", b"Content-Length: 5\r\n",
    b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", page(4)[:200], members(page(5))[:100], b"\0\xff" * 9])  # fmt: skip


@given(st.lists(pieces, max_size=8), st.integers(0, 400), st.integers(0, 255))
def test_no_bytes_raise_and_each_record_is_met_at_most_once(parts: list[bytes], at: int, value: int) -> None:
    data = bytearray(b"".join(parts))
    if data:
        data[at % len(data)] = value
    found = scan(bytes(data))
    assert all(isinstance(item.id, str) for item in found)
    assert len(found) <= 40
