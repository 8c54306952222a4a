"""Where a run writes: a folder on a disk, or in an object store, through fsspec (extra `remote`).

In both a file appears under its name only when it is whole.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from detector.model import sync_folder
from detector.readers.remote import as_os_error, filesystem_of, is_url, retried

LOCK, DRAFT = "_lock", ".tmp"


class Folder(Protocol):
    """All methods raise OSError, with the reason."""

    def sizes(self) -> dict[str, int]:
        """The files in it, with their bytes, drafts and the lock aside; none if there is no such folder."""
        ...

    def read(self, name: str) -> bytes:
        """What a file holds."""
        ...

    def draft(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """An empty file to write to, which is gone at the end unless it was published."""
        ...

    def publish(self, name: str, draft: IO[bytes]) -> None:
        """Close a draft and give it its name."""
        ...

    def append(self, name: str, before: bytes, line: bytes) -> None:
        """Add a line to a file that is known to hold `before`."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder, which is made if it isn't there. Raises BlockingIOError if another run does."""
        ...


def folder_at(place: Path | str) -> Folder:
    """The folder at this path or URL. Raises OSError if no such thing can be written."""
    return RemoteFolder(str(place)) if is_url(str(place)) else LocalFolder(Path(place))


class LocalFolder:
    """On a disk: drafts lie in the folder itself, are flushed to the disk, and renamed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def sizes(self) -> dict[str, int]:
        files = (file for file in self._path.iterdir() if file.name != LOCK and file.suffix != DRAFT)
        return {file.name: file.stat().st_size for file in files}

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    @contextmanager
    def draft(self, name: str) -> Iterator[IO[bytes]]:
        path = self._path / f".{name}{DRAFT}"
        try:
            with path.open("wb") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def publish(self, name: str, draft: IO[bytes]) -> None:
        draft.flush()
        os.fsync(draft.fileno())
        draft.close()
        Path(draft.name).replace(self._path / name)
        sync_folder(self._path)

    def append(self, name: str, before: bytes, line: bytes) -> None:
        with (self._path / name).open("ab") as file:
            file.truncate(len(before))  # a kill may have come in the middle of a line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def locked(self) -> Iterator[None]:
        self._path.mkdir(parents=True, exist_ok=True)
        with (self._path / LOCK).open("w") as file:  # the lock ends with the process
            try:
                if sys.platform == "win32":
                    import msvcrt

                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                else:
                    import fcntl

                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BlockingIOError("another run is writing there") from None
            yield


class RemoteFolder:
    """In an object store, where what is put appears whole, and nothing is renamed, appended to or locked.

    Without a lock two starts of one run do no harm but to time: both write the same bytes, and each writes
    `_parts.jsonl` whole, with lines that the other would write as well.
    """

    def __init__(self, url: str) -> None:
        if url.lower().startswith(("http://", "https://")):
            raise OSError(
                "a web server takes no files: name a folder, or an object store such as s3://bucket/folder"
            )
        self._filesystem, path = filesystem_of(url)
        self._path = path.rstrip("/")
        self._filesystem.invalidate_cache()  # another start may have written there

    def sizes(self) -> dict[str, int]:
        found = self._asked("ls", self._path, detail=True)
        within = f"{self._path}/"  # a store may list the folder itself, as an empty object
        files = {file["name"]: file["size"] for file in found if file["type"] == "file"}
        return {
            name.removeprefix(within): files[name] for name in files if name.rstrip("/").startswith(within)
        }

    def read(self, name: str) -> bytes:
        return bytes(self._asked("cat_file", f"{self._path}/{name}"))

    def _asked(self, method: str, *arguments: Any, **options: Any) -> Any:
        """This is asked at the beginning only, so what fails is told at once; an empty list for no such file."""
        try:
            return getattr(self._filesystem, method)(*arguments, **options)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise as_os_error(error) from None

    @contextmanager
    def draft(self, name: str) -> Iterator[IO[bytes]]:
        descriptor, path = tempfile.mkstemp(prefix="detector-", suffix=f"-{name}")
        os.close(descriptor)
        try:
            with open(path, "wb") as file:
                yield file
        finally:
            os.unlink(path)

    def publish(self, name: str, draft: IO[bytes]) -> None:
        draft.close()
        self._put("put_file", draft.name, f"{self._path}/{name}")

    def append(self, name: str, before: bytes, line: bytes) -> None:
        self._put("pipe_file", f"{self._path}/{name}", before + line)

    def _put(self, method: str, *arguments: Any) -> None:
        try:
            retried(lambda: getattr(self._filesystem, method)(*arguments))
        except FileNotFoundError:
            raise OSError("there is no such bucket") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield
