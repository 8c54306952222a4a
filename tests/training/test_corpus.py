from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.training.corpus import REQUIRED, CorpusError, align, main, parse, read_corpus

WRITTEN = Path(__file__).parents[2] / "training_data"
PAIR = "=== p1\nkind: A\nniche: health/back\n\nThe [[mind|brain]] stem is [[|the]] deep.\n"


def write(root: Path, folder: str, text: str, name: str = "a.txt") -> Path:
    path = root / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_record_has_both_sides(tmp_path: Path) -> None:
    (record,) = parse(write(tmp_path, "pairs", PAIR))
    assert (record.id, record.folder, record.keys) == ("p1", "pairs", {"kind": "A", "niche": "health/back"})
    pair = align(record.body)
    assert pair.spun == "The mind stem is  deep."
    assert pair.original == "The brain stem is the deep."
    assert pair.spans == [(4, 8), (17, 17)]
    assert pair.originals == ["brain", "the"]


plain = st.text(st.characters(exclude_characters="[]|", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(plain, plain, plain), max_size=6), plain)
def test_text_outside_slots_is_shared(parts: list[tuple[str, str, str]], tail: str) -> None:
    pair = align("".join(f"{shared}[[{spun}|{original}]]" for shared, spun, original in parts) + tail)
    assert pair.spun == "".join(shared + spun for shared, spun, _ in parts) + tail
    assert pair.original == "".join(shared + original for shared, _, original in parts) + tail
    assert [pair.spun[start:end] for start, end in pair.spans] == [spun for _, spun, _ in parts]
    assert pair.originals == [original for _, _, original in parts]


def test_records_are_read_in_order_over_files(tmp_path: Path) -> None:
    write(tmp_path, "honest", "=== b\nstyle: x\nniche: y\n\nTwo.\n\nParts.\n", "2.txt")
    write(
        tmp_path,
        "honest",
        "=== a\nstyle: x\nniche: y\n\nOne.\n=== c\nstyle: x\nniche: y\n\nThree.\n",
        "1.txt",
    )
    assert [(r.id, r.body) for r in read_corpus(tmp_path, "honest")] == [
        ("a", "One."),
        ("c", "Three."),
        ("b", "Two.\n\nParts."),
    ]
    assert read_corpus(tmp_path, "pairs") == []


@pytest.mark.parametrize(
    ("folder", "text", "message"),
    [
        ("pairs", "Stray text\n=== p1\nkind: A\nniche: n\n\nx", "text before the first '=== id' line"),
        ("pairs", "=== p1\nkind A\nniche: n\n\nx", "record p1: header line without a colon: 'kind A'"),
        ("pairs", "=== p1\nkind: A\n\nx", "record p1: missing niche before the blank line"),
        ("pairs", "=== p1\nkind:\nniche: n\n\nx", "record p1: missing kind"),
        ("stuffed", "=== s1\n\nx", "missing technique, niche, keyphrase, title"),
        ("honest", "=== h1\nniche: n\n\nx", "missing style"),
    ],
)
def test_format_errors_name_file_and_record(tmp_path: Path, folder: str, text: str, message: str) -> None:
    path = write(tmp_path, folder, text)
    with pytest.raises(CorpusError, match=message) as error:
        list(parse(path))
    assert str(path) in str(error.value)


def test_repeated_ids_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "pairs", PAIR, "1.txt")
    write(tmp_path, "pairs", PAIR, "2.txt")
    with pytest.raises(CorpusError, match="repeated ids: p1"):
        read_corpus(tmp_path, "pairs")


def words(n: int, salt: str) -> str:
    return " ".join(f"{salt}{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(n))


def slots(n: int) -> str:
    return " ".join(f"[[spun{chr(97 + i)}|plain{chr(97 + i)}]]" for i in range(n))


@pytest.mark.parametrize(
    ("header", "body", "complaint"),
    [
        ("kind: A", f"{slots(6)} {words(120, 'x')}", None),
        ("kind: F", f"{slots(2)} {words(120, 'x')}", None),
        ("kind: A", f"{slots(5)} {words(120, 'x')}", "only 5 slots"),
        ("kind: A", f"{slots(6)} {words(20, 'x')}", "26 words"),
        ("kind: A", f"{slots(6)} [[same|same]] {words(120, 'x')}", "a slot changes nothing"),
        ("kind: A", f"{slots(6)} [[a|b {words(120, 'x')}", "a slot is malformed"),
        ("kind: X", f"{slots(6)} {words(120, 'x')}", "kind 'X' is none of A-G"),
        ("kind: AB", f"{slots(6)} {words(120, 'x')}", "kind 'AB' is none of A-G"),
    ],
)  # fmt: skip
def test_the_check_names_what_needs_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str, body: str, complaint: str | None
) -> None:
    write(tmp_path, "pairs", f"=== p1\n{header}\nniche: n\n\n{body}\n")
    assert main(tmp_path) == int(complaint is not None)
    if complaint:
        assert f"pairs/p1: {complaint}" in capsys.readouterr().out


def test_passages_shared_by_two_records_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in (1, 2):
        own = f"{slots(6)} {words(110, 'xy'[i - 1])} the very same nine words stand in both of these texts"
        write(tmp_path, "pairs", f"=== p{i}\nkind: A\nniche: n\n\n{own}\n", f"{i}.txt")
    assert main(tmp_path) == 1
    assert "p1 and p2 share: the very same nine words" in capsys.readouterr().out


@pytest.mark.parametrize("folder", REQUIRED)
def test_the_written_corpus_can_be_read(folder: str) -> None:
    records = read_corpus(WRITTEN, folder)
    assert len(records) > 20
    for record in records:
        pair = align(record.body)
        assert "[[" not in pair.spun
        assert len(pair.spans) == len(pair.originals)
        assert bool(pair.spans) == (folder == "pairs")
