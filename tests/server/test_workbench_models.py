"""The pages about models: a training that is followed, the gate's comparison, promotion and the way back."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from detector.labels import Label, LabelStore
from detector.model import load_model
from detector.paths import SHIPPED
from detector.registry import Registry
from detector.server import Settings
from detector.server.workbench.training import Training
from tests.server.browsing import chromium, post  # noqa: F401  (a fixture)
from tests.server.live import ROOT, Live, serve_command, serve_here, wait_until
from tests.texts import HONEST, STUFFED

HOSTILE = "<script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Path]]:
    """A server with the shipped model, and its DETECTOR_HOME."""
    home = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETECTOR_HOME", str(home))
        patch.setenv("PYTHONPATH", str(ROOT))
        with serve_here(Settings(port=0, jobs=2, workbench=True)) as server:
            yield server, home


@pytest.fixture
def browser(started: tuple[Live, Path]) -> Iterator[httpx.Client]:
    live = started[0]
    with live.client(headers={"origin": live.url}, follow_redirects=True) as client:
        client.get("/workbench")
        yield client


@pytest.fixture
def registry(started: tuple[Live, Path]) -> Iterator[Registry]:
    """The user's models; afterwards the shipped one is in use."""
    found = Registry(started[1] / "models")
    yield found
    while found.current_name() != "shipped":
        found.rollback()


def add_version(registry: Registry, by_annotator: dict[str, int]) -> str:
    """A version that judges as the shipped one, and is said to have learned these labels."""
    model = load_model(SHIPPED)
    labels = {
        "learned": sum(by_annotator.values()),
        "by_annotator": by_annotator,
        "left_out": {"too_short": 3},
    }
    manifest = {**model.manifest, "training": {"labels": labels}}
    return registry.add(lambda version: {**manifest, "version": version}, model.arrays).name


def follow(training: Training) -> Any:
    wait_until(lambda: training.run().state != "running")  # type: ignore[union-attr]
    return training.run()


def test_a_run_is_followed_and_only_one_at_a_time(tmp_path: Path) -> None:
    gate = tmp_path / "open"
    script = (
        "import pathlib, time; print('one', flush=True)\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        "print('model 0007 is made: somewhere')"
    )
    training = Training((sys.executable, "-c", script))
    assert training.run() is None
    assert training.start()
    wait_until(lambda: training.run().lines == ("one",))  # type: ignore[union-attr]
    assert not training.start()
    assert training.run().state == "running"  # type: ignore[union-attr]
    gate.touch()
    run = follow(training)
    assert (run.state, run.version, run.lines) == ("done", "0007", ("one",))
    assert training.start(), "the next one may begin"
    assert follow(training).state == "done"


def test_a_run_that_fails_or_is_stopped_says_so() -> None:
    failing = Training((sys.executable, "-c", "raise SystemExit('no labels')"))
    failing.start()
    run = follow(failing)
    assert (run.state, run.version, run.lines) == ("failed", None, ("no labels",))
    endless = Training((sys.executable, "-c", "import time; time.sleep(1000)"))
    endless.stop()
    endless.start()
    endless.stop()
    assert endless.run().state == "stopped"  # type: ignore[union-attr]


def test_a_failed_training_shows_its_error(browser: httpx.Client) -> None:
    post(browser, "training")  # the button is disabled, for there are no labels; the form can be sent
    wait_until(lambda: "data-live" not in browser.get("/workbench/models").text)
    page = browser.get("/workbench/models").text
    assert "The training failed" in page
    assert "there are no labels in" in page


def test_promote_and_roll_back(started: tuple[Live, Path], browser: httpx.Client, registry: Registry) -> None:
    name = add_version(registry, {"Anna": 5})
    post(browser, "annotator", annotator="Anna")
    page = browser.get(f"/workbench/models/{name}").text
    assert "The gate has no objection" in page
    assert "all spam" in page
    assert "learned from 5 labelled texts; 3 left out (too short)" in page
    page = post(browser, f"models/{name}/promote").text
    assert f"Model {name} is in use." in page
    service = started[0].service
    assert service is not None
    assert service.detector.model.digest == load_model(registry.folder / name).digest
    assert "in use" in browser.get(f"/workbench/models/{name}").text, "now beside the shipped one"
    assert "The shipped model is in use again" in post(browser, "rollback").text
    assert registry.current_name() == "shipped"
    assert [entry.by for entry in registry.history()] == ["Anna", "Anna"]
    assert "nothing to roll back" in post(browser, "rollback").text.lower()


def test_what_the_gate_refuses_takes_a_reason(browser: httpx.Client, registry: Registry) -> None:
    name = add_version(registry, {HOSTILE: 40})
    for reason in ({}, {"reason": "  "}):
        page = post(browser, f"models/{name}/promote", **reason).text
        assert "Not promoted" in page
        assert "40 of its 40 labels are from one annotator" in page
        assert "<script>document" not in page
        assert registry.current_name() == "shipped"
    page = post(browser, f"models/{name}/promote", reason=f"I am alone {HOSTILE}").text
    assert registry.current_name() == name
    entry = registry.history()[-1]
    assert entry.forced
    assert entry.reason == f"I am alone {HOSTILE}"
    assert len(entry.objections) == 1
    assert "against the gate" in page
    assert "<script>document" not in page


@pytest.mark.parametrize("place", ["training", "training/stop", "models/shipped/promote", "rollback"])
def test_forms_of_other_sites_are_refused(browser: httpx.Client, registry: Registry, place: str) -> None:
    before = registry.history()
    assert browser.post(f"/workbench/{place}").status_code == 403
    assert browser.post(f"/workbench/{place}", headers={"origin": "https://evil.example"}).status_code == 403
    assert registry.history() == before


def test_a_version_that_is_not_there(browser: httpx.Client) -> None:
    assert browser.get("/workbench/models/9999").status_code == 404
    assert post(browser, "models/9999/promote").status_code == 404


def test_the_end_of_the_server_ends_the_training(bundle: Path, tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels.sqlite3")
    for i in range(20):
        store.add(Label(f"Page {i}. {HONEST}", spun=0, annotator="Anna"))
    with serve_command("--workbench", "--model", str(bundle), DETECTOR_HOME=str(tmp_path)) as live:
        with live.client(headers={"origin": live.url}, follow_redirects=True) as client:
            client.get("/workbench")
            assert "data-live" in post(client, "training").text
        assert live.process is not None
        children = psutil.Process(live.process.pid).children()
        assert children
    assert not any(child.is_running() for child in children)
    assert [version.name for version in Registry(tmp_path / "models").versions()] == ["shipped"]


@pytest.mark.slow
def test_from_labels_to_a_promoted_model_with_the_keyboard_alone(  # type: ignore[no-untyped-def]
    started: tuple[Live, Path],
    registry: Registry,
    chromium,  # noqa: F811
) -> None:
    live, home = started
    store = LabelStore(home / "labels.sqlite3")
    for i in range(16):  # from 30 on the gate would object to a single annotator
        clean = i % 2
        text = f"Page number {i}. " + (HONEST if clean else STUFFED)
        store.add(
            Label(text, None if not clean else 0, int(not clean), annotator="Anna", id=f"{HOSTILE} {i}")
        )
    page = chromium.new_page(viewport={"width": 320, "height": 640})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    patience = {"timeout": 180_000}

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    page.goto(f"{live.url}/workbench/models")
    page.get_by_text("16 labelled texts").wait_for()
    page.keyboard.press("r")
    page.locator("#progress").wait_for(**patience)
    assert fits()
    page.reload()
    page.locator("#progress").get_by_text("learn from").wait_for(
        **patience
    )  # it is followed without a reload
    page.get_by_role("link", name="See the difference").wait_for(**patience)
    assert fits()
    page.keyboard.press("d")
    page.get_by_role("heading", name="beside shipped").wait_for(**patience)
    name = re.search(r"Model (\d+)", page.title())
    assert name
    assert page.get_by_text("each judged without it").count() >= 1
    assert page.get_by_text("all spam").count() >= 1
    assert fits()
    if page.locator("#reason").count():  # whether the gate objects to sixteen labels is not for this test
        page.locator("#reason").focus()
        page.keyboard.type("A trial")
        page.keyboard.press("Enter")
    else:
        page.keyboard.press("p")
    page.get_by_text(f"Model {name[1]} is in use.").wait_for(**patience)
    assert registry.current_name() == name[1]
    assert fits()
    page.keyboard.press("z")
    page.get_by_text("The shipped model is in use again").wait_for(**patience)
    assert registry.current_name() == "shipped"
    assert page.title() != "taken"
    assert faults == []
