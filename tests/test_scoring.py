import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import scoring
from detector.document import Document, Zone, ZoneKind
from detector.lexicon.tables import LexiconFiles
from detector.model import POLICIES
from detector.scoring import MIN_WORDS, Detector, load
from detector.verdict import Verdict
from tests.strategies import TRICKS, any_text
from tests.texts import GERMAN, HONEST, SPUN, STUFFED

long_text = st.tuples(
    st.sampled_from([HONEST, SPUN, STUFFED]), st.lists(st.sampled_from(TRICKS), max_size=40)
).map(
    lambda pair: (
        "".join(sign + part for sign, part in zip([*pair[1], ""], pair[0].split("e"), strict=False)) + pair[0]
    )
)


def mixture() -> list[Document]:
    """Documents of every status and many lengths, in a fixed random order."""
    rng = random.Random(3)
    texts = [
        HONEST,
        SPUN,
        STUFFED,
        GERMAN,
        "",
        "Too short.",
        "\ud800 " + SPUN,
        HONEST * 9,
        "\U0001d41a\u200b" * 300,
    ]
    sentences = [s for text in (HONEST, SPUN, STUFFED) for s in text.split(".")]
    texts += [".".join(rng.choices(sentences, k=rng.randint(1, 30))) for _ in range(60)]
    documents = [Document(text, id=f"d{i}") for i, text in enumerate(texts)]
    parts = [(ZoneKind.TITLE, "cheap plumber Leeds"), (ZoneKind.BODY, HONEST), (ZoneKind.ALT, STUFFED)]
    return [*documents, Document.from_parts(parts, id="page", url="https://example.org/")]


@pytest.fixture(scope="module")
def singles(detector: Detector) -> list[Verdict]:
    return [detector.score(document) for document in mixture()]


# Same answer whatever the road


@pytest.mark.parametrize(
    ("documents", "characters"), [(1, 10**9), (2, 10**9), (7, 10**9), (128, 1), (128, 3_000), (1000, 10**9)]
)
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_batches_and_jobs_change_no_bit(
    detector: Detector,
    singles: list[Verdict],
    monkeypatch: pytest.MonkeyPatch,
    documents: int,
    characters: int,
    jobs: int,
) -> None:
    monkeypatch.setattr(scoring, "BATCH_DOCUMENTS", documents)
    monkeypatch.setattr(scoring, "BATCH_CHARACTERS", characters)
    assert list(detector.score_batch(mixture(), jobs=jobs)) == singles


def test_every_status_is_among_them(singles: list[Verdict]) -> None:
    assert {verdict.status for verdict in singles} == {"scored", "too_short", "not_english"}
    assert len({verdict.spun for verdict in singles}) > 40


def test_threads_may_share_a_detector(detector: Detector, singles: list[Verdict]) -> None:
    start = threading.Barrier(4)

    def work(seed: int) -> bool:
        order = list(enumerate(mixture()))
        random.Random(seed).shuffle(order)
        start.wait()
        return all(detector.score(document) == singles[i] for i, document in order)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_a_fresh_detector_agrees(detector: Detector, singles: list[Verdict]) -> None:
    fresh = Detector(detector.model, detector.lexicon, "balanced", POLICIES["balanced"])
    assert [fresh.score(document) for document in reversed(mixture())] == singles[::-1]


def test_evidence_can_be_left_out(detector: Detector, singles: list[Verdict]) -> None:
    for verdict, full in zip(detector.score_batch(mixture(), evidence=False), singles, strict=True):
        assert verdict.evidence == ()
        assert (verdict.spun, verdict.stuffed, verdict.verdict) == (full.spun, full.stuffed, full.verdict)


def test_batches_stream(detector: Detector) -> None:
    """The first verdicts come long before the input ends, and the rest of it is never read."""
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "short"

    for jobs in (1, 2):
        verdicts = detector.score_batch(endless(), jobs=jobs)
        assert next(verdicts).status == "too_short"
        verdicts.close()  # type: ignore[attr-defined]
    assert read < 2_000


def test_an_error_in_the_input_reaches_the_caller(detector: Detector) -> None:
    def broken() -> Iterator[str]:
        yield HONEST
        raise OSError("disk gone")

    for jobs in (1, 2):
        with pytest.raises(OSError, match="disk gone"):
            list(detector.score_batch(broken(), jobs=jobs))


def test_no_documents_no_verdicts(detector: Detector) -> None:
    assert list(detector.score_batch([])) == list(detector.score_batch([], jobs=2)) == []


# Any string


@given(any_text)
def test_any_string_has_a_verdict(detector: Detector, text: str) -> None:
    verdict = detector.score(text)
    assert verdict.words < MIN_WORDS or verdict.status != "too_short"
    assert verdict.to_dict()["status"] in ("scored", "too_short", "not_english")


@given(long_text)
def test_scores_and_evidence_of_any_long_text(detector: Detector, text: str) -> None:
    verdict = detector.score(text)
    if verdict.status != "scored":
        return
    assert verdict.spun is not None
    assert verdict.stuffed is not None
    assert 0.0 <= verdict.spun <= 1.0
    assert 0.0 <= verdict.stuffed <= 1.0
    stuffing = [e for e in verdict.evidence if e.kind == "stuffing"]
    others = [e for e in verdict.evidence if e.kind != "stuffing"]
    for found, score in ((others, verdict.spun), (stuffing, verdict.stuffed)):
        weights = [e.weight for e in found]
        assert weights == sorted(weights, reverse=True)
        assert all(weight >= 0.0 for weight in weights)
        assert not found or sum(weights) == pytest.approx(score)
    for e in verdict.evidence:
        assert 0 <= e.start < e.end <= len(text)
        assert text[e.start : e.end] == e.text


def test_evidence_is_sorted_by_weight_over_all_kinds(detector: Detector) -> None:
    weights = [e.weight for e in detector.score(SPUN + "\n\n" + STUFFED).evidence]
    assert weights == sorted(weights, reverse=True)


def test_lone_surrogates_and_wide_signs_keep_offsets_right(shipped: Detector) -> None:
    before = "\ud800 \U0001f600 \u4e2d\u6587. "
    plain, shifted = shipped.score(SPUN), shipped.score(before + SPUN)
    moved = {(e.start - len(before), e.end - len(before)) for e in shifted.evidence}
    same = {(e.start, e.end) for e in plain.evidence} & moved
    assert len(same) > 0.8 * len(plain.evidence) > 3


# Abstaining


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", "too_short"),
        (" \n" * 500, "too_short"),
        (" ".join(HONEST.split()[: MIN_WORDS - 5]), "too_short"),
        ("\u4e2d\u6587" * 2_000, "too_short"),
        (GERMAN, "not_english"),
        ("\u0447\u0438\u0442\u0430\u0442\u044c \u043a\u043d\u0438\u0433\u0438 " * 60, "not_english"),
        (HONEST, "scored"),
        (STUFFED, "scored"),
    ],
)
def test_it_abstains_where_it_cannot_know(detector: Detector, text: str, status: str) -> None:
    verdict = detector.score(text)
    assert verdict.status == status
    if status != "scored":
        assert (verdict.spun, verdict.stuffed, verdict.verdict) == (None, None, None)
        assert (verdict.evidence, verdict.reasons) == ((), ())


def test_words_are_counted(detector: Detector) -> None:
    assert detector.score("One two, three's 4.").words == 4


def test_a_page_with_hardly_any_prose_is_too_short(detector: Detector) -> None:
    parts = [(ZoneKind.BODY, "Welcome to our page."), (ZoneKind.META, HONEST)]
    assert detector.score(Document.from_parts(parts)).status == "too_short"


# Truncation


def test_long_documents_are_read_to_the_limit_and_say_so(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = detector.score(HONEST)
    monkeypatch.setattr(scoring, "MAX_CHARACTERS", len(HONEST))
    cut = detector.score(HONEST + SPUN)
    assert cut.truncated
    assert cut.to_dict()["truncated"] is True
    assert (cut.spun, cut.stuffed, cut.words, cut.evidence) == (
        whole.spun,
        whole.stuffed,
        whole.words,
        whole.evidence,
    )
    assert not detector.score(HONEST).truncated
    assert "truncated" not in detector.score(HONEST).to_dict()


def test_a_zone_across_the_limit_stays_a_zone(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HONEST + "\n\n" + SPUN
    hidden = Zone(ZoneKind.HIDDEN, len(HONEST) + 2, len(text))
    inside = detector.score(Document(text, zones=(hidden,)))
    monkeypatch.setattr(scoring, "MAX_CHARACTERS", len(text) - 1)
    cut = detector.score(Document(text, zones=(hidden,)))
    assert cut.spun == pytest.approx(inside.spun, abs=1e-6)


# Zones


def test_evidence_names_its_zone(shipped: Detector) -> None:
    parts = [(ZoneKind.TITLE, "cheap plumber Leeds"), (ZoneKind.BODY, STUFFED)]
    evidence = shipped.score(Document.from_parts(parts)).evidence
    assert {e.zone for e in evidence if e.kind == "stuffing"} == {"title", "body"}
    assert all((e.zone == "title") == (e.end <= 19) for e in evidence)


def test_spinning_is_not_judged_by_meta_and_alt_texts(detector: Detector) -> None:
    parts = [(ZoneKind.BODY, HONEST), (ZoneKind.META, SPUN), (ZoneKind.ALT, SPUN)]
    swaps = [e for e in detector.score(Document.from_parts(parts)).evidence if e.kind in ("swap", "phrase")]
    assert {e.zone for e in swaps} <= {"body"}


# Policies


def test_looser_policies_flag_more(detector: Detector) -> None:
    order = {"clean": 0, "suspect": 1, "spam": 2, None: -1}
    levels = []
    for name, rate in POLICIES.items():
        judged = Detector(detector.model, detector.lexicon, name, rate)
        levels.append([order[judged.score(d, evidence=False).verdict] for d in mixture()])
    precise, balanced, sensitive = levels
    assert all(a <= b <= c or b == 1 for a, b, c in zip(precise, balanced, sensitive, strict=True))
    assert sum(x == 2 for x in precise) <= sum(x == 2 for x in balanced) <= sum(x == 2 for x in sensitive)


def test_verdict_follows_from_scores_and_thresholds(detector: Detector, singles: list[Verdict]) -> None:
    spun_from, stuffed_from = detector.thresholds
    for verdict in singles:
        if verdict.spun is not None and verdict.stuffed is not None:
            over = (verdict.spun >= spun_from, verdict.stuffed >= stuffed_from)
            assert verdict.flagged == any(over)
            if verdict.flagged:
                assert verdict.reasons == tuple(
                    n for n, o in zip(("spun", "stuffed"), over, strict=True) if o
                )
            assert (verdict.verdict == "clean") == (verdict.reasons == ())


def test_load_names_the_policies_it_knows() -> None:
    with pytest.raises(ValueError, match="no policy 'strict'; there are precise, balanced, sensitive"):
        load(policy="strict")


def test_load_refuses_a_missing_model() -> None:
    with pytest.raises(ValueError, match="no such model"):
        load(model="/nowhere/model")


def test_info_says_what_is_loaded(detector: Detector, lexicon: LexiconFiles) -> None:
    info = detector.info()
    assert info["model"] == detector.model.name
    assert info["lexicon"] == lexicon.digest
    assert list(info["policies"]) == list(POLICIES)


def test_a_model_made_for_another_lexicon_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from tests.bundles import make_bundle

    with pytest.raises(ValueError, match="lexicon"):
        load(make_bundle(tmp_path / "model", lexicon="f" * 64))


def test_hidden_text_is_evidence_and_no_prose(detector: Detector) -> None:
    secret = "best cheap phones online buy cheap phones today and save"
    parts = [(ZoneKind.BODY, HONEST), (ZoneKind.HIDDEN, secret), (ZoneKind.HIDDEN, "skip to the content")]
    verdict = detector.score(Document.from_parts(parts))
    found = [item for item in verdict.evidence if item.zone == "hidden" and item.kind == "disguise"]
    assert [item.text for item in found] == [secret]
    assert (
        detector.score(Document.from_parts([(ZoneKind.BODY, "Too short."), (ZoneKind.HIDDEN, HONEST)])).status
        == "too_short"
    )
    places = [item for item in verdict.evidence if item.kind == "stuffing" or item in found]
    assert sum(item.weight for item in places) == pytest.approx(verdict.stuffed)
