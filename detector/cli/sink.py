"""Where verdicts go: standard output, or a file that appears under its name only when it is whole."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from detector.cli.common import UserError, warn

_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""What a Path makes of a URL; one letter is a drive of Windows."""
ERRORS = "backslashreplace"
"""A lone surrogate or an undecodable file name becomes its escape, which in JSON is the right one."""


@contextmanager
def open_sink(output: Path | None, inputs: Iterable[str] = ()) -> Iterator[TextIO]:
    """A stream for UTF-8 text: `output`, or standard output for None.

    A file is written beside its place and moved there at the end; if the run is interrupted or the disk is
    full, what was written is kept as `<output>.partial`. Raises UserError if it can't be written.
    """
    if output is None:
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors=ERRORS)
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            silence_stdout()
            raise UserError(f"standard output can't be written: {error.strerror or error}") from None
        return
    for name in inputs:
        with suppress(OSError, ValueError):
            if os.path.samefile(name, output):
                raise UserError(
                    f"--output {output} is an input as well: it would be overwritten; name another"
                )
    if _URL.match(str(output)):
        raise UserError(
            f"--output {output}: only --output-dir of 'detector score' writes to URLs; name a file"
        )
    try:
        with _open_file(Path(os.path.realpath(output))) as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"--output {output} can't be written: {error.strerror or error}") from None


@contextmanager
def _open_file(target: Path) -> Iterator[TextIO]:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_file():  # a directory fails here, a device or pipe is written to
        with target.open("w", encoding="utf-8", errors=ERRORS, newline="") as stream:
            yield stream
        return
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    opened = fresh.open("x", encoding="utf-8", errors=ERRORS, newline="")
    try:
        with opened as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
    except (KeyboardInterrupt, OSError):
        partial = target.with_name(f"{target.name}.partial")
        fresh.replace(partial)
        warn(f"what was done so far is in {partial}")
        raise
    finally:
        fresh.unlink(missing_ok=True)


def silence_stdout() -> None:
    """After a broken pipe: send what is still buffered nowhere, so that the interpreter exits quietly."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
