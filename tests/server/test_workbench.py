"""The workbench over HTTP, and in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from detector.labels import LabelStore
from detector.server import Settings
from detector.training.corpus import align, read_corpus
from tests.server.browsing import chromium, post  # noqa: F401  (a fixture)
from tests.server.live import ROOT, Live, serve_here
from tests.texts import HONEST, STUFFED

HOSTILE = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def started(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Path]]:
    """A server for all tests of this module, and where its labels go."""
    home = tmp_path_factory.mktemp("workbench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETECTOR_HOME", str(home))
        with serve_here(Settings(model=bundle, port=0, jobs=2, workbench=True)) as server:
            yield server, home


@pytest.fixture
def home(started: tuple[Live, Path]) -> Path:
    """The folder of labels, empty."""
    for file in started[1].glob("labels.sqlite3*"):
        file.unlink()
    return started[1]


@pytest.fixture
def bench(started: tuple[Live, Path], home: Path) -> Live:
    """The server, with nothing on the desk."""
    with started[0].client(headers={"origin": started[0].url}) as client:
        client.get("/workbench")
        assert post(client, "clear").status_code == 303
    return started[0]


@pytest.fixture
def browser(bench: Live) -> Iterator[httpx.Client]:
    """Sends what a browser would."""
    with bench.client(headers={"origin": bench.url}, follow_redirects=True) as client:
        client.get("/workbench")
        yield client


def bring(browser: httpx.Client, **files: str) -> httpx.Response:
    parts = [("files", (name.replace("_", "."), text)) for name, text in files.items()]
    return post(browser, "documents", parts)


def waiting(browser: httpx.Client) -> str:
    """The number of the document that is to be labelled next."""
    found = re.search('name="number" value="([0-9]+)"', browser.get("/workbench/queue").text)
    assert found
    return found[1]


def labels(home: Path) -> list[str]:
    store = LabelStore(home / "labels.sqlite3")
    return [stored.label.words for stored in store.standing()]


def test_only_with_the_option(live: Live) -> None:
    assert live.client().get("/workbench").status_code == 404


def test_a_pasted_text_comes_back_with_its_evidence(browser: httpx.Client) -> None:
    page = post(browser, "documents", text=STUFFED)
    assert page.url.path.startswith("/workbench/documents/")
    assert "flagged for keyword stuffing" in page.text.lower()
    assert '<mark class="stuffed' in page.text


def test_files_make_a_table_that_can_be_sorted(browser: httpx.Client) -> None:
    bring(browser, a_txt=HONEST, b_txt=STUFFED, c_jsonl='{"text": 1}\n')

    def order(query: str) -> list[str]:
        return re.findall(r'documents/\d+">([^<]+)<', browser.get(f"/workbench?{query}").text)

    assert order("sort=stuffed&order=down")[:2] == ["b.txt", "a.txt"]
    assert order("sort=stuffed&order=up")[:2] == ["a.txt", "b.txt"]
    assert order("sort=document&order=up")[:2] == ["a.txt", "b.txt"]
    assert order("sort=__class__") == order("")
    assert len(order("")) == 3, "what can't be read is listed too"


def test_markup_in_texts_and_names_is_shown_not_run(browser: httpx.Client) -> None:
    page = post(browser, "documents", text=f"{HOSTILE} {STUFFED}")
    post(browser, "documents", [("files", (f"{HOSTILE}.txt", f"{HONEST} {HOSTILE}"))])
    post(browser, "annotator", annotator=HOSTILE[:50])
    for shown in (page, browser.get("/workbench"), browser.get("/workbench/queue")):
        assert "&lt;script&gt;" in shown.text
        assert "<script>" not in shown.text
        assert "<img src=x" not in shown.text
        assert "script-src 'self'" in shown.headers["content-security-policy"]
        assert "unsafe" not in shown.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ["../../../../etc/passwd", "a\x00b.txt", "/", "x" * 250 + ".txt", "con\n.txt"]
)
def test_a_file_may_have_any_name(browser: httpx.Client, name: str) -> None:
    page = post(browser, "documents", [("files", (name, STUFFED))])
    assert page.status_code == 200
    assert "keyword stuffing" in page.text


def test_forms_of_other_sites_are_refused(bench: Live, browser: httpx.Client, home: Path) -> None:
    bring(browser, a_txt=HONEST, b_txt=STUFFED)
    post(browser, "annotator", annotator="Anna")
    answer = {"number": waiting(browser), "answer": "spun"}
    token = re.search('name="token" value="([0-9a-f]+)"', browser.get("/workbench/queue").text)
    assert token
    refused = [
        browser.post("/workbench/labels", data=answer),
        browser.post("/workbench/labels", data={**answer, "token": "0" * 64}),
        browser.post(
            "/workbench/labels",
            data={**answer, "token": token[1]},
            headers={"origin": "https://evil.example"},
        ),
        browser.post("/workbench/labels", data={**answer, "token": token[1]}, headers={"origin": "null"}),
        bench.client(cookies=dict(browser.cookies)).post(
            "/workbench/labels", data={**answer, "token": token[1]}
        ),
        bench.client(headers={"origin": bench.url}).post(
            "/workbench/labels", data={**answer, "token": token[1]}
        ),
    ]
    assert [response.status_code for response in refused] == [403] * len(refused)
    assert labels(home) == []
    assert browser.post("/workbench/labels", data={**answer, "token": token[1]}).status_code == 200
    assert labels(home) == ["spun"]


def test_cookies_stay_with_our_own_pages(bench: Live) -> None:
    cookie = bench.client().get("/workbench").headers["set-cookie"].lower()
    assert "samesite=strict" in cookie
    assert "httponly" in cookie


def test_a_label_is_stored_and_taken_back(browser: httpx.Client, home: Path) -> None:
    bring(browser, a_txt=HONEST, b_txt=STUFFED)
    assert "2 left" in post(browser, "annotator", annotator="Anna").text
    first = waiting(browser)
    assert "1 left" in post(browser, "labels", number=first, answer="clean").text
    (stored,) = LabelStore(home / "labels.sqlite3").standing()
    assert (stored.label.spun, stored.label.stuffed, stored.label.annotator) == (0, 0, "Anna")
    again = post(browser, "undo").text
    assert labels(home) == []
    assert f'name="number" value="{first}"' in again
    assert len(LabelStore(home / "labels.sqlite3").history()) == 2, "nothing is ever lost"
    assert "nothing to take back" in post(browser, "undo").text


def test_a_skipped_text_comes_back_with_undo(browser: httpx.Client, home: Path) -> None:
    bring(browser, a_txt=HONEST, b_txt=STUFFED)
    post(browser, "annotator", annotator="Anna")
    for _ in range(2):
        page = post(browser, "labels", number=waiting(browser), answer="skip").text
    assert "Nothing left to label" in page
    assert "1 left" in post(browser, "undo").text
    assert labels(home) == []


def test_what_was_labelled_before_does_not_wait(browser: httpx.Client, home: Path) -> None:
    bring(browser, a_txt=HONEST)
    post(browser, "annotator", annotator="Anna")
    post(browser, "labels", number=waiting(browser), answer="clean")
    bring(browser, again_txt=HONEST, b_txt=STUFFED)
    assert "1 left" in browser.get("/workbench/queue").text
    post(browser, "annotator", annotator="Ben")
    assert "2 left" in browser.get("/workbench/queue").text, "another annotator is asked too"


def boxes(browser: httpx.Client, number: str) -> dict[str, str]:
    """Words of a document that can be marked, and where they are."""
    page = browser.get(f"/workbench/documents/{number}/mark").text
    found = re.findall(r'value="(\d+-\d+)"(?: checked)?><span>([^<]+)<', page)
    return {word: value for value, word in found}


def test_marked_words_are_kept_in_code_points(browser: httpx.Client, home: Path) -> None:
    text = f"\U0001f600 It isn't co\u00adwritten:\r\n \U0001d4d0strange\u200b words stand here. {HONEST}"
    bring(browser, a_txt=text)
    assert browser.get("/workbench/documents/1/mark").url.path == "/workbench/queue", "a name is asked for"
    post(browser, "annotator", annotator="Anna")
    number = waiting(browser)
    words = boxes(browser, number)
    chosen = [words[word] for word in ("isn&#39;t", "words", "stand")]
    page = post(browser, "labels", number=number, answer="spun", span=chosen)  # type: ignore[arg-type]
    assert "2 places marked" in page.text
    (stored,) = LabelStore(home / "labels.sqlite3").standing()
    kept = [stored.label.text[start:end] for start, end in stored.label.spans]
    assert kept == ["isn't", "words stand"], "neighbours make one span"
    assert browser.get(f"/workbench/documents/{number}/mark").text.count(" checked>") == 3
    post(browser, "undo")
    assert browser.get(f"/workbench/documents/{number}/mark").text.count(" checked>") == 0


@pytest.mark.parametrize(
    "span", ["1-", "-1-2", "0-99999999", "5-5", "9-2", "a-b", "1-9000000", "\u0661-\u0662"]
)
def test_a_place_that_is_none_is_refused(browser: httpx.Client, home: Path, span: str) -> None:
    bring(browser, a_txt=HONEST)
    post(browser, "annotator", annotator="Anna")
    answer = post(browser, "labels", number=waiting(browser), answer="spun", span=span)
    assert answer.status_code == 422
    assert labels(home) == []


def test_versions_of_one_text_are_a_family(browser: httpx.Client) -> None:
    assert "Bring two texts" in browser.get("/workbench/families").text
    bring(browser, a_txt=STUFFED, b_txt=HONEST)
    assert "None of the 2 texts" in browser.get("/workbench/families").text
    pair = align(next(iter(read_corpus(ROOT / "training_data", "pairs"))).body)
    bring(browser, c_txt=pair.spun, d_txt=f"{pair.original} {HOSTILE}")
    page = browser.get("/workbench/families").text
    assert "Of 4 texts on the desk 2 are in 1 family" in page
    assert page.count('<td><a href="/workbench/documents/') == 2
    assert "<script>document" not in page


@pytest.mark.parametrize(
    ("place", "fields", "status"),
    [
        ("labels", {"number": "9999", "answer": "spun"}, 404),
        ("labels", {"number": "x", "answer": "spun"}, 404),
        ("labels", {"number": "1", "answer": "rubbish"}, 422),
        ("documents", {"text": ""}, 200),
    ],
)
def test_rubbish_gets_a_page_that_says_so(
    browser: httpx.Client, place: str, fields: dict[str, str], status: int
) -> None:
    post(browser, "annotator", annotator="Anna")
    answer = post(browser, place, **fields)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


def test_a_body_over_the_limit_is_refused(browser: httpx.Client) -> None:
    answer = post(browser, "documents", text="word " * 5_000_000)
    assert answer.status_code == 413
    assert "larger than" in answer.text


def test_words_are_marked_with_keys_and_by_drawing(bench: Live, chromium, home: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"{bench.url}/workbench")
    page.locator("#text:focus").wait_for()
    page.keyboard.insert_text("\U0001f600 One two three four five six seven. " + HONEST)
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("link", name="Label", exact=False).first.wait_for()
    page.goto(f"{bench.url}/workbench/queue")
    page.locator("#annotator:focus").wait_for()
    page.keyboard.type("Anna")
    page.keyboard.press("Enter")
    page.get_by_text("1 left").wait_for()
    page.keyboard.press("m")
    page.get_by_text("0 words marked").wait_for()
    page.keyboard.press("ArrowRight")  # from "One", which has the focus, to "two"
    page.keyboard.press("Space")
    page.get_by_text("1 word marked").wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")  # "four" and "five"
    page.get_by_text("3 words marked").wait_for()
    seven = page.locator("label.word", has_text="seven").first.bounding_box()
    six = page.locator("label.word", has_text="six").first.bounding_box()
    page.mouse.move(six["x"] + 5, six["y"] + 8)
    page.mouse.down()
    page.mouse.move(seven["x"] + 5, seven["y"] + 8, steps=4)
    page.mouse.up()
    page.get_by_text("5 words marked").wait_for()
    page.locator("label.word", has_text="two").first.click()
    page.get_by_text("4 words marked").wait_for()
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("s")
    page.get_by_text("Kept: spun, 1 place marked.").wait_for()
    (stored,) = LabelStore(home / "labels.sqlite3").standing()
    assert [stored.label.text[a:b] for a, b in stored.label.spans] == ["four five six seven"]
    assert faults == []


def test_from_a_pasted_text_to_labels_with_the_keyboard_alone(bench: Live, chromium, home: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    page = chromium.new_page(viewport={"width": 320, "height": 640})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    page.goto(f"{bench.url}/workbench")
    for text in (f"{HOSTILE} {STUFFED}", HONEST):
        page.goto(f"{bench.url}/workbench")
        page.locator("#text:focus").wait_for()
        page.keyboard.insert_text(text)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/documents/*")
        assert fits()
    assert page.title() != "taken"
    page.keyboard.press("p")
    page.get_by_role("link", name="Next").wait_for()
    assert page.locator("mark.stuffed").count() > 2
    page.keyboard.press("l")
    page.wait_for_url("**/queue")
    page.locator("#annotator:focus").wait_for()
    page.keyboard.type("Anna skcu")  # letters in a field are letters
    page.keyboard.press("Enter")
    page.get_by_text("2 left").wait_for()
    assert fits()
    page.keyboard.press("k")
    page.get_by_text("1 left").wait_for()
    assert labels(home) == ["stuffed"]
    page.keyboard.press("u")
    page.get_by_text("2 left").wait_for()
    assert labels(home) == []
    page.keyboard.press("c")
    page.get_by_text("1 left").wait_for()
    page.keyboard.press("Space")
    page.get_by_text("Nothing left").wait_for()
    assert labels(home) == ["clean"]
    page.goto(f"{bench.url}/workbench")
    page.get_by_role("link", name="Stuffed").press("Enter")
    page.wait_for_url("**sort=stuffed**")
    assert page.locator('th[aria-sort="descending"]').inner_text().startswith("Stuffed")
    assert fits()
    assert faults == []
