"""Runs the application under uvicorn: one process, or several that are supervised."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from fastapi import FastAPI
from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from detector.server.app import create_app
from detector.server.logs import start_logging
from detector.server.metrics import SHARED_FOLDER
from detector.server.protocol import BoundedProtocol
from detector.server.settings import Settings

log = logging.getLogger(__name__)
BACKLOG = 2048
SPARE_FILES = 200
HEALTH_SECONDS = 15
"""In which a worker process must import the package and answer; a death just while it is asked is noticed after
them. uvicorn's own 5 are too few on a busy machine: workers would be killed while they start."""
KEEP_ALIVE = 75
"""Seconds; longer than common proxies keep a connection, so that it is they who close it."""
GRACE = 10
"""Seconds that a stop waits beyond the time which a request may take."""


class Supervisor(Multiprocess):
    """uvicorn's, which starts a worker anew when it dies; but SIGHUP looks at the model, and restarts nobody.

    Restarts take seconds each and are done before a SIGTERM that came after them is looked at.
    """

    def handle_hup(self) -> None:
        """Pass it on to the workers that are up, and know it."""
        for process in self.processes:
            if process.pid is not None and process.is_ready(timeout=1):
                os.kill(process.pid, signal.SIGHUP)


def bind(settings: Settings) -> socket.socket:
    """The socket to listen at. Raises OSError that names it."""
    try:
        if settings.uds is not None:
            return _bind_file(settings.uds)
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        place = settings.uds or f"{settings.host}:{settings.port}"
        raise OSError(f"can't listen at {place}: {error.strerror or error}") from None


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted by then is answered first."""
    _allow_sockets(settings.limits.connections)
    log_writer = start_logging()
    log.info("listening", extra={"fields": {"at": _address(listener)}})
    try:
        if settings.workers == 1:
            signal.signal(signal.SIGTERM, _leave)  # uvicorn raises them once more when it has stopped
            signal.signal(signal.SIGINT, _leave)
            Server(uvicorn_config(settings, create_app)).run([listener])
        else:
            _serve_with_workers(settings, listener)
    finally:
        if settings.uds is not None:
            settings.uds.unlink(missing_ok=True)
        log_writer.stop()


def _serve_with_workers(settings: Settings, listener: socket.socket) -> None:
    with tempfile.TemporaryDirectory(prefix="detector-workers-") as folder:
        figures = Path(folder) / "metrics"
        figures.mkdir()
        os.environ[SHARED_FOLDER] = str(figures)
        config = uvicorn_config(replace(settings, last_good=Path(folder) / "model.zip"))
        Supervisor(config, [listener]).run()


def _bind_file(path: Path) -> socket.socket:
    """A Unix socket; what a killed server left behind is taken away, a living one's is not."""
    listener = socket.socket(socket.AF_UNIX)
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()
    listener.bind(str(path))
    listener.listen(BACKLOG)
    return listener


def _address(listener: socket.socket) -> str:
    if listener.family == socket.AF_INET:
        return "http://{}:{}".format(*listener.getsockname())
    if listener.family == socket.AF_INET6:
        return "http://[{}]:{}".format(*listener.getsockname())
    return str(listener.getsockname())


def make_app(settings: Settings) -> FastAPI:
    """The application of one worker process, with its log."""
    return create_app(settings, start_logging().stop)


def _allow_sockets(connections: int) -> None:
    """Raise the process's own limit on open files, where there is one and it may."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def uvicorn_config(settings: Settings, make: Callable[[Settings], FastAPI] = make_app) -> Config:
    """How uvicorn runs the application that `make` makes."""
    limits = settings.limits
    return Config(
        partial(make, settings),
        factory=True,
        http=partial(BoundedProtocol, limits),  # type: ignore[arg-type]
        ws="none",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_worker_healthcheck=HEALTH_SECONDS,
        timeout_graceful_shutdown=int(limits.seconds) + GRACE,
    )
