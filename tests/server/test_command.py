"""What `detector serve` says when it can't start, and the Unix socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from detector.cli import app
from detector.server import Settings
from detector.server.run import bind
from tests.server.live import ROOT, wait_until
from tests.texts import STUFFED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "TAKEN"], "can't listen at 127.0.0.1:TAKEN: "),
        (["--host", "192.0.2.1"], "can't listen at 192.0.2.1:8765: "),
        (["--uds", "nowhere/socket"], "can't listen at nowhere/socket: "),
        (["--model", "nowhere"], "nowhere: no such model"),
        (["--token-file", "nowhere"], "--token-file: "),
        (["--policy", "precise", "--fpr", "0.1"], "exclude each other"),
        (["--time-limit", "0"], "time-limit"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        given = [option.replace("TAKEN", port) for option in options]
        model = [] if "--model" in given else ["--model", str(bundle)]
        result = CliRunner().invoke(app, ["serve", *model, *given])
    assert result.exit_code == 2
    assert message.replace("TAKEN", port) in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets on this system")
def test_a_unix_socket(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    left_behind = bind(Settings(uds=path))
    left_behind.close()
    assert path.is_socket()
    command = [sys.executable, "-m", "detector", "serve", "--uds", str(path), "--model", str(bundle)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        transport = httpx.HTTPTransport(uds=str(path), retries=0)
        with httpx.Client(transport=transport, base_url="http://service", timeout=60) as client:

            def ready() -> bool:
                try:
                    return client.get("/readyz").status_code == 200
                except httpx.ConnectError:
                    return False

            wait_until(ready)
            with pytest.raises(OSError, match="can't listen"):
                bind(Settings(uds=path))
            assert client.post("/v1/score", json={"text": STUFFED}).json()["verdict"] == "spam"
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert not path.exists()
