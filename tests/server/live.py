"""Real servers for the tests: in a thread of this process, or as a user starts them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from uvicorn import Server

from detector.server.app import create_app
from detector.server.run import bind, uvicorn_config
from detector.server.service import Service
from detector.server.settings import Settings

ROOT = Path(__file__).parents[2]
PATIENCE = 400.0
_LISTENING = re.compile(r"listening.*http://127\.0\.0\.1:(\d+)")


@dataclass
class Live:
    """A server that answers at `port`; `service` is its inside, if it runs in this process."""

    port: int
    service: Service | None = None
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE, **options)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def wait_ready(self) -> None:
        def ready() -> bool:
            try:
                return self.client().get("/readyz").status_code == 200
            except httpx.ConnectError:  # of several workers, none listens yet
                return False

        wait_until(ready)

    def wait_stopped(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE)


def wait_until(true: Any) -> None:
    """Poll until `true()`; fail after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@contextmanager
def serve_here(settings: Settings) -> Iterator[Live]:
    """A server in a thread; stopped at the end as by a signal."""
    apps = []

    def make(given: Settings) -> Any:
        apps.append(create_app(given))
        return apps[0]

    server = Server(uvicorn_config(settings, make))
    listener = bind(settings)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        live = Live(listener.getsockname()[1], apps[0].state.service)
        live.wait_ready()
        yield live
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def serve_command(*options: str, **environment: str) -> Iterator[Live]:
    """`detector serve` in a process of its own, with its log."""
    process = subprocess.Popen(
        [sys.executable, "-m", "detector", "serve", "--port", "0", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    live = Live(0, process=process)

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            live.lines.append(line)
            if found := _LISTENING.search(line):
                live.port = int(found[1])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        wait_until(lambda: live.port or process.poll() is not None)
        assert process.poll() is None, "".join(live.lines)
        live.wait_ready()
        yield live
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        reader.join(PATIENCE)
        assert process.stderr is not None
        process.stderr.close()
