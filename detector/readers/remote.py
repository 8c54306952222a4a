"""Files behind a URL, through fsspec (extra `remote`): https://, s3://, gs://, memory://, and what else it knows.

Only what the user names is opened: nothing that a document says is ever fetched.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

ATTEMPTS, PAUSE = 4, 1.0
"""What fails is tried so often, after 1, 2, 4 seconds: a long run meets connections that drop."""
BUFFER = 1 << 20
_URL = re.compile(r"[a-z][a-z0-9+.-]*(?:::[a-z][a-z0-9+.-]*)*://", re.IGNORECASE)
EXTRA = "spun-text-detector[remote]"
T = TypeVar("T")


def is_url(path: str) -> bool:
    """Whether this names a file by URL rather than by path."""
    return _URL.match(path) is not None


def open_url(url: str) -> io.BufferedReader:
    """The file at this URL. Raises OSError that says why not."""
    return io.BufferedReader(_RemoteFile(url), BUFFER)


def expand_url(url: str) -> Iterator[str]:
    """The files that a URL with a pattern, or of a folder, stands for; else the URL itself. Raises OSError."""
    filesystem, path = filesystem_of(url)
    try:
        if re.search(r"[*\[]", path):
            found = filesystem.glob(path)
        elif url.endswith("/") and not url.startswith("http"):
            found = filesystem.find(path)
        else:
            yield url
            return
    except Exception as error:
        raise as_os_error(error) from None
    if not found:
        raise OSError("nothing there matches: check the URL, and the quotes around it")
    for name in sorted(found):
        yield filesystem.unstrip_protocol(name)


def identity(url: str) -> tuple[int | None, str]:
    """(size if known, whatever tells one version of the file from another). Raises OSError."""
    filesystem, path = filesystem_of(url)
    try:
        info = filesystem.info(path)
    except Exception as error:
        raise as_os_error(error) from None
    marks = (
        info.get(key)
        for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")
    )
    return info.get("size"), next((str(mark) for mark in marks if mark), "")


def filesystem_of(url: str) -> tuple[Any, str]:
    """(fsspec's filesystem, the path in it). Raises OSError that says what is missing."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise OSError(f'a URL needs an extra: pip install "{EXTRA}"') from None
    try:
        filesystem, path = url_to_fs(url)
    except ImportError as error:
        raise OSError(f"{url.partition('://')[0]}:// needs another package: {error}") from None
    except ValueError as error:
        raise OSError(f"it is no URL that can be opened: {error}") from None
    return filesystem, path


def as_os_error(error: Exception) -> OSError:
    """fsspec's backends raise what their client libraries raise."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(2, "no such file at this URL")
    return OSError(" ".join(f"{type(error).__name__}: {error}".split()))


def retried(action: Callable[[], T], renew: Callable[[], None] = lambda: None) -> T:
    """The result of `action`, tried ATTEMPTS times, after `renew` from the second on. Raises OSError; at once
    where another attempt is of no use."""
    for attempt in range(ATTEMPTS):
        try:
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
                renew()
            return action()
        except Exception as error:
            hopeless = isinstance(error, FileNotFoundError | PermissionError | NotImplementedError)
            if hopeless or attempt == ATTEMPTS - 1:
                raise as_os_error(error) from None
    raise AssertionError


class _RemoteFile(io.RawIOBase):
    """A file of fsspec whose reads are tried anew, from where they stopped, if the connection fails."""

    def __init__(self, url: str) -> None:
        self._filesystem, self._path = filesystem_of(url)
        self._position = 0
        self._file = retried(self._open)

    def _open(self) -> Any:
        return self._filesystem.open(self._path, "rb")

    def _renew(self) -> None:
        self._file = self._open()
        self._file.seek(self._position)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return getattr(self._file, "size", None) is not None or bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = retried(lambda: self._file.seek(offset, whence), self._renew)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = retried(lambda: self._file.read(len(buffer)), self._renew)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()
