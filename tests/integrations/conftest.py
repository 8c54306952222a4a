"""The crawl files, and what the command line says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integrations import crawl_files


@pytest.fixture(scope="session")
def parquet_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("parquet")
    crawl_files.write_parquet(folder)
    return folder


@pytest.fixture(scope="session")
def warc_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("warcio")
    folder = tmp_path_factory.mktemp("warc")
    crawl_files.write_warc(folder)
    return folder


@pytest.fixture(scope="session")
def expected(parquet_files: Path, warc_files: Path) -> dict[str, dict[str, Any]]:
    """{row's id or page's address: verdict} by the command line, of the same files."""
    found = crawl_files.command_line(parquet_files, warc_files)
    assert {value["status"] for value in found.values()} == {"scored", "too_short", "not_english", "failed"}
    assert {value["verdict"] for value in found.values()} >= {"spam", "clean"}
    return found
