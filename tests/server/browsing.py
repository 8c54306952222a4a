"""What a browser does: with httpx, sending its forms; and Chromium itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import httpx
import pytest

CHROMIUM = "/usr/bin/chromium"


def post(browser: httpx.Client, place: str, files: object = None, **fields: str) -> httpx.Response:
    token = re.search('name="token" value="([0-9a-f]+)"', browser.get("/workbench").text)
    assert token
    return browser.post(f"/workbench/{place}", data={"token": token[1], **fields}, files=files)  # type: ignore[arg-type]


@pytest.fixture
def chromium() -> Iterator[object]:
    """The system's Chromium, driven by Playwright."""
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"there is no {CHROMIUM}")
    with sync.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()
