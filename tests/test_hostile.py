"""Any bytes, any string: a verdict, an abstention or a failure with a reason; never an exception. And honest
text that looks odd is not taken for an attack."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document, ZoneKind
from detector.labels import formats
from detector.readers import FORMATS, read_file
from detector.scoring import Detector
from tests.cli.conftest import ENVIRONMENT
from tests.invariants import check_labels, check_record, check_verdict, read_bytes
from tests.strategies import any_text
from tests.texts import HONEST

PIECES = (
    *b'"{}[],:;\t\r\n<>&\0\\', b"text", b"id", b"label", b'{"text": "', b'"}\n', b"text,label\n", b"<p>", b"<a href=x>",
    b"</a>", b"<!--", b"<h1>", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PAR1", b"WARC/1.0\r\n",
    b"Content-Length: 5\r\n", b"WARC-Type: response\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"spun", b'"spans": [[0, 1]]', b"\xc3\xa9",
    b"\xe9", b"\xed\xa0\x80", b"&#x", b"NaN", b"1e999",
)  # fmt: skip
any_bytes = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from([p if isinstance(p, bytes) else bytes([p]) for p in PIECES]), max_size=40).map(
        b"".join
    ),
)


@pytest.mark.parametrize("name", FORMATS)
@given(data=any_bytes)
def test_every_reader_takes_any_bytes(name: str, data: bytes) -> None:
    read_bytes(FORMATS[name].read, data)


@given(
    data=any_bytes,
    suffix=st.sampled_from([".txt", ".gz", ".jsonl.gz", ".html.zst", ".warc.gz", ".parquet", ""]),
)
def test_files_of_any_name_and_content(
    data: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    for record in read_file(str(path)):
        check_record(record)


@given(data=any_bytes)
def test_label_files_of_any_content(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "labels"
    path.write_bytes(data)
    check_labels(formats.read_labels(str(path)))


@given(st.lists(st.one_of(any_text, st.sampled_from(HONEST.split(". "))), max_size=12).map(" ".join))
def test_verdicts_on_any_string_hold_what_they_promise(shipped: Detector, text: str) -> None:
    verdict = shipped.score(text)
    check_verdict(verdict, text)
    assert shipped.score(text) == verdict


ODD = {
    "emoji": "We made it to the top 🏔️🎉 after six hours!! My legs 😭 but the view 😍😍😍. Dad brought 🥪 and coffee ☕ and we all sat down 👨‍👩‍👧‍👦 and said nothing for a while. On the way back it rained 🌧️ and nobody minded. Tomorrow I will not move from the sofa 🛋️, I promise. Here are the pictures 👇🏽 and a big thank you ❤️ to everybody who carried something for me.",
    "accents": "At the café on the Plaça de Sant Josep, Zoë and Jürgen ordered crème brûlée and a carafe of Gewürztraminer. Their friend Søren, who had come from Ålesund by way of Kraków, asked for piña colada. The naïve young waiter, a protégé of the maître d'hôtel, brought Müller-Thurgau instead and a cliché about fiancées. Señor Núñez paid. Afterwards they walked past the façade of the old Opéra, déjà vu and all.",
    "decomposed": "Cafe\u0301 life in Zu\u0308rich is quiet in the morning. Rene\u0301 opens the doors at six and puts the chairs out, and by seven the first pa\u0302tisserie is on the counter. Most of his guests read the paper and say little. When the fo\u0308hn blows they complain of headaches and order a second cup. He has done this for thirty years and never once been late, he told me, not even when his son was born.",
    "Russian": "The sign over the door said «Книги» and under it, in smaller letters, «вход со двора». We went round to the yard as it told us. Inside, an old man looked up from a samovar and asked что вам угодно. I knew just enough to answer that we were only looking, and he waved at the shelves. Between two dictionaries I found a first edition of «Мастер и Маргарита» with somebody's name on the flyleaf, and I have it still.",
    "Greek and Hebrew": "Plato uses the word ἀρετή here, which the old translations give as virtue. It is closer to being good at what one is for: a knife has ἀρετή when it cuts. The Hebrew word שלום has a range as wide, from peace to health to a simple hello. A reader who knows only one of these meanings will be surprised by half of the sentences in which the words occur, and a translator has to choose again every time.",
    "Chinese and Arabic": "My teacher wrote 水 on the board, then 冰 beside it, and asked what the small strokes on the left might mean. Water that has stopped, somebody said, and she laughed and said that was better than the textbook. The next week a student from Cairo showed us how كتاب and مكتبة grow from one root, and for an hour we all hunted for roots in our own languages and found more than we had expected to.",
    "formulas": "Let α and β be the angles at the base, so that sin α = h⁄b and sin β = h⁄a. Then a·sin α = b·sin β, and dividing by both sines gives the law that we wanted. For small angles sin x ≈ x − x³⁄6, with an error below 10⁻⁵ if |x| < 0.2. The energy is 𝐸 = 𝑚𝑐², of course, but what matters in practice is ΔE, and ∂E⁄∂T at constant V is what the table calls c_v. We measured it twice with the same result to within 2 %.",
    "code": "The function `read_lines(path)` returns a list, so a file of 4 GB will not fit. Use a generator instead:\n\n    def lines(path):\n        with open(path) as f:\n            for line in f:\n                yield line.rstrip('\\n')\n\nThen `sum(1 for _ in lines(p))` counts them in constant memory. If you need x[i] by number, build an index with f.tell() first; it costs one pass. On my machine (Python 3.11, ext4) that took 3.2 s for 10**8 lines, and the list version died after a minute.",
    "chat": "omg u wont believe what happened lol. so i was waiting 4 the bus rite n this guy goes r u sam?? n im like no?? n he says oh sry u look just like him. turns out hes my cousins flatmate hahaha small world. anyway r we still on 4 2nite? cuz i gotta work til 7 but i can b there by 8ish. lmk if u want me 2 bring anything, ive got crisps n that weird cheese from xmas. c u l8r xx",
    "phonetics": "Speakers in the north say /bʊs/ for bus and do not tell put from putt. In the south the vowel of bath is long, [bɑːθ], while further up it is the same as in cat, [baθ]. Children notice this long before linguists do. My daughter came home from her first week at school and asked for a [ɡlas] of water in an accent I had last heard from my grandmother, and by Christmas she could do both without thinking.",
    "codes": "My B2B flat is on the 3rd floor at 45a, bus 10A or the A4 to J12, then 5km on the B3. Bring the mp3 player, the PS4 and 2 AA cells, since the MP3s of the 80th birthday are on a 4GB card that only the old i5 reads. We eat at 7pm or 19:30h, and G20 or not, the H1N1 posters and the covid19 tape at gate 5b are still up. If you get lost, say W1A 1AA to the sat nav, or ring me on the 4G phone, room 101b. The 1980s sofa is yours.",
    "typography": "“Honestly,” said the printer—he was a patient man—“nobody notices a good apostrophe.” He pointed at the ﬁrst line, where the ﬂourish of an ﬃ ligature had been set by hand. It was N° 4 of an edition of 250, price £12½, bound in ⅞ leather… The pa\u00adper was made by hand, and the mar\u00adgins were wide enough for a thumb. We bought it, of course. It’s on the shelf by the window, § 3 still uncut.",
    "double encoding": "I donâ\x80\x99t know who runs this archive, but somebody saved it in the wrong encoding and now every apostrophe is a little knot of signs. Itâ\x80\x99s a pity, because the letters themselves are lovely. One of them describes a storm so well that I read it aloud to my wife, skipping the knots. Weâ\x80\x99d like to see the originals one day. The librarian says theyâ\x80\x99re in a box that nobody has opened since the move.",
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_but_honest_text_is_not_taken_for_an_attack(shipped: Detector, kind: str) -> None:
    verdict = shipped.score(ODD[kind])
    assert verdict.status == "scored"
    assert not verdict.flagged
    found = [item.text for item in verdict.evidence if item.kind == "disguise"]
    assert found == (["\u0261las"] if kind == "phonetics" else [])  # with the phonetic sign for g


def test_no_model_file_is_ever_unpickled(tmp_path: Path) -> None:
    """An audit hook would see any pickle that names a function; the poisoned ones would also leave a file."""
    code = """
import pickle, sys
from pathlib import Path
class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))
poison = pickle.dumps(Bomb())
Path("m.joblib").write_bytes(poison)
Path("m").mkdir()
for name in ("manifest.json", "trees.npy", "token_weights.npy", "model.joblib", "model.pkl"):
    (Path("m") / name).write_bytes(poison)
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith("pickle.") else None)
from detector import load
for path in ("m.joblib", "m"):
    try:
        load(path)
    except ValueError as error:
        print(type(error).__name__)
print(seen, Path("exploded").exists())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.stdout.split("\n")[:3] == ["ModelError", "ModelError", "[] False"], done.stderr


def test_a_reversed_document_keeps_its_zones(shipped: Detector) -> None:
    page = Document.from_parts([(ZoneKind.HEADING, "\u202egnidaeh A\u202c"), (ZoneKind.BODY, HONEST)])
    check_verdict(shipped.score(page), page.text)
