"""One JSON object a line on standard error. Never page text, addresses of pages, tokens or headers.

Writing happens in a thread of its own: a full disk or a reader that stalls costs log lines, not requests.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener

MAX_WAITING = 10_000


class JsonFormatter(logging.Formatter):
    """time, level, event, and the `fields` that a call gave with `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = type(record.exc_info[1]).__name__  # its message may quote what a client sent
            entry["at"] = _place(record.exc_info[1])
        return json.dumps(entry)


class _Dropping(QueueHandler):
    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(queue.Full):
            self.queue.put_nowait(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def start_logging() -> QueueListener:
    """Send what the service and uvicorn say to standard error; `stop()` the result to write the rest."""
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(MAX_WAITING)
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonFormatter())
    logging.raiseExceptions = False
    for name in ("detector", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [_Dropping(waiting)]
        logger.propagate = False
        logger.setLevel(logging.INFO)
    listener = QueueListener(waiting, stream)
    listener.start()
    return listener
