"""Files behind a URL, through fsspec (extra `remote`): https://, s3://, gs://, memory://, and what else it knows.

Only what the user names is opened: nothing that a document says is ever fetched.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from typing import Any

ATTEMPTS, PAUSE = 4, 1.0
"""A read that fails is tried so often, after 1, 2, 4 seconds: a long run meets connections that drop."""
BUFFER = 1 << 20
_URL = re.compile(r"[a-z][a-z0-9+.-]*(?:::[a-z][a-z0-9+.-]*)*://", re.IGNORECASE)
EXTRA = "spun-text-detector[remote]"


def is_url(path: str) -> bool:
    """Whether this names a file by URL rather than by path."""
    return _URL.match(path) is not None


def open_url(url: str) -> io.BufferedReader:
    """The file at this URL. Raises OSError that says why not."""
    return io.BufferedReader(_RemoteFile(url), BUFFER)


def expand_url(url: str) -> Iterator[str]:
    """The files that a URL with a pattern, or of a folder, stands for; else the URL itself. Raises OSError."""
    filesystem, path = _filesystem(url)
    try:
        if re.search(r"[*\[]", path):
            found = filesystem.glob(path)
        elif url.endswith("/") and not url.startswith("http"):
            found = filesystem.find(path)
        else:
            yield url
            return
    except Exception as error:
        raise _as_os_error(error) from None
    if not found:
        raise OSError("nothing there matches: check the URL, and the quotes around it")
    for name in sorted(found):
        yield filesystem.unstrip_protocol(name)


def identity(url: str) -> tuple[int | None, str]:
    """(size if known, whatever tells one version of the file from another). Raises OSError."""
    filesystem, path = _filesystem(url)
    try:
        info = filesystem.info(path)
    except Exception as error:
        raise _as_os_error(error) from None
    marks = (
        info.get(key)
        for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")
    )
    return info.get("size"), next((str(mark) for mark in marks if mark), "")


def _filesystem(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise OSError(f'reading from a URL needs an extra: pip install "{EXTRA}"') from None
    try:
        filesystem, path = url_to_fs(url)
    except ImportError as error:
        raise OSError(f"reading {url.partition('://')[0]}:// needs another package: {error}") from None
    except ValueError as error:
        raise OSError(f"it is no URL that can be read: {error}") from None
    return filesystem, path


def _as_os_error(error: Exception) -> OSError:
    """fsspec's backends raise what their client libraries raise."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(2, "no such file at this URL")
    return OSError(f"{type(error).__name__}: {error}")


class _RemoteFile(io.RawIOBase):
    """A file of fsspec whose reads are tried anew, from where they stopped, if the connection fails."""

    def __init__(self, url: str) -> None:
        self._filesystem, self._path = _filesystem(url)
        self._position = 0
        self._file = self._retrying(self._open)

    def _open(self) -> Any:
        return self._filesystem.open(self._path, "rb")

    def _retrying(self, action: Any) -> Any:
        for attempt in range(ATTEMPTS):
            try:
                if attempt:
                    time.sleep(PAUSE * 2 ** (attempt - 1))
                    self._file = self._open()
                    self._file.seek(self._position)
                return action()
            except Exception as error:
                missing = isinstance(error, FileNotFoundError | PermissionError | NotImplementedError)
                if missing or attempt == ATTEMPTS - 1:
                    raise _as_os_error(error) from None
        raise AssertionError

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return getattr(self._file, "size", None) is not None or bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = self._retrying(lambda: self._file.seek(offset, whence))
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._retrying(lambda: self._file.read(len(buffer)))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()
