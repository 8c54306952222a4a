"""Who may ask: tokens, names, other sites' pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from detector.server import Settings
from detector.server.settings import read_tokens
from tests.server.live import Live, serve_here
from tests.server.test_limits import problem
from tests.texts import STUFFED

TOKEN, OTHER = "k3-first-token-of-the-tests", "k3-second-token-of-the-tests"


@pytest.fixture(scope="module")
def locked(bundle: Path) -> Iterator[Live]:
    with serve_here(
        Settings(model=bundle, port=0, tokens=(TOKEN, OTHER), hosts=("api.example.org",))
    ) as server:
        yield server


def test_only_a_token_opens(locked: Live) -> None:
    with locked.client() as client:
        for wrong in (
            "",
            "Bearer",
            f"Bearer {TOKEN[:-1]}",
            f"Basic {TOKEN}",
            f"Bearer {TOKEN} x",
            "Bearer \xff",
        ):
            headers = {"authorization": wrong.encode("latin-1")} if wrong else {}
            answer = client.post("/v1/score", json={"text": STUFFED}, headers=headers)
            assert "Bearer" in answer.headers["www-authenticate"]
            assert TOKEN[:10] not in str(problem(answer, 401, "unauthorized"))
        for path in ("/v1/model", "/metrics", "/nothing"):
            problem(client.get(path), 401, "unauthorized")
        for path in ("/healthz", "/readyz", "/openapi.json"):
            assert client.get(path).status_code == 200
        for token in (TOKEN, OTHER):
            right = {"authorization": f"Bearer {token}"}
            assert client.post("/v1/score", json={"text": STUFFED}, headers=right).json()["verdict"] == "spam"
        assert client.get("/openapi.json").json()["security"] == [{"bearer": []}]


def test_a_name_that_was_pointed_here_is_turned_away(live: Live, locked: Live) -> None:
    with live.client() as client:
        for host in ("evil.example", "127.0.0.1.evil.example:80", "localhost@evil.example", ""):
            problem(client.get("/v1/model", headers={"host": host}), 421, "wrong-host")
        for host in ("localhost:1234", "127.0.0.1", "[::1]:80", "LOCALHOST"):
            assert client.get("/v1/model", headers={"host": host}).status_code == 200
    with locked.client(headers={"host": "api.example.org"}) as client:
        assert client.get("/readyz").status_code == 200


def test_pages_of_other_sites_may_not_use_it(live: Live) -> None:
    with live.client() as client:

        def ask(origin: str) -> httpx.Response:
            headers = {"origin": origin, "content-type": "text/plain"}
            return client.post("/v1/score", content=STUFFED, headers=headers)

        for origin in (
            "https://evil.example",
            "null",
            f"{live.url}.evil.example",
            f"http://127.0.0.1:{live.port + 1}",
        ):
            problem(ask(origin), 403, "cross-origin")
        assert ask(live.url).status_code == 200


def test_where_tokens_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DETECTOR_TOKENS", raising=False)
    assert read_tokens(None) == ()
    file = tmp_path / "tokens"
    file.write_text(f"# of the crawler\n{TOKEN}\n\n")
    monkeypatch.setenv("DETECTOR_TOKENS", f"{OTHER},{TOKEN}")
    assert read_tokens(file) == (OTHER, TOKEN)
    assert TOKEN not in repr(Settings(tokens=(TOKEN,)))
    for content in ("", "# none\n", "short", "with spaces inside it, long", "übertrieben-lang-genug"):
        file.write_text(content)
        with pytest.raises(ValueError, match="token") as caught:
            read_tokens(file)
        assert not content.strip("# ") or content not in str(caught.value)
    with pytest.raises(OSError, match="nowhere"):
        read_tokens(tmp_path / "nowhere")
