"""A Ray cluster of two nodes on this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.integrations.tables import FIELDS
from tests.integrations.crawl_files import ROOT, of_pages, of_rows, read_warc, verdict

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")
pytestmark = pytest.mark.engines


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        cluster.add_node(num_cpus=2)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()
        cluster.shutdown()


def score(dataset: Any, scorer: type | None = None, **options: Any) -> Any:
    from detector.integrations.ray import SpunScorer

    return dataset.map_batches(
        scorer or SpunScorer,
        fn_constructor_kwargs=options,
        batch_format="pyarrow",
        batch_size=4,
        concurrency=2,
    )


def verdicts(dataset: Any, key: str) -> dict[str, dict[str, Any]]:
    rows = dataset.take_all()
    found = {row[key]: verdict(row, "detector_") for row in rows}
    assert len(found) == len(rows)
    return found


def test_parquet_gets_the_command_line_s_verdicts(parquet_files: Path, expected: dict[str, Any]) -> None:
    scored = score(ray.data.read_parquet(str(parquet_files))).materialize()
    assert verdicts(scored, "id") == of_rows(expected)
    assert set(scored.schema().names) == {"id", "text", "year", "tags", *(field.name for field in FIELDS)}
    rows = {row["id"]: row for row in scored.take_all()}
    assert (rows["row-6"]["year"], rows["row-7"]["year"], list(rows["row-7"]["tags"])) == (2006, None, ["a"])


def test_warc_gets_the_command_line_s_verdicts(warc_files: Path, expected: dict[str, Any]) -> None:
    pytest.importorskip("fastwarc")
    files = ray.data.read_binary_files(str(warc_files))
    pages = files.flat_map(lambda row: list(read_warc(row["bytes"])))
    assert verdicts(score(pages), "url") == of_pages(expected)


def test_drop_leaves_out_what_is_flagged(parquet_files: Path, expected: dict[str, Any]) -> None:
    kept = verdicts(score(ray.data.read_parquet(str(parquet_files)), drop=True), "id")
    assert kept == {id: value for id, value in of_rows(expected).items() if value["verdict"] != "spam"}


def test_a_killed_worker_changes_nothing(
    tmp_path: Path, parquet_files: Path, expected: dict[str, Any]
) -> None:
    from detector.integrations.ray import SpunScorer

    class Mortal(SpunScorer):
        """Each of its actors notes its process; the first that comes to its third batch dies there."""

        calls = 0

        def __call__(self, batch: Any) -> Any:
            (tmp_path / str(os.getpid())).touch()
            self.calls += 1
            if self.calls == 3:
                try:
                    (tmp_path / "killed").touch(exist_ok=False)
                except FileExistsError:
                    pass
                else:
                    os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(batch)

    scored = score(ray.data.read_parquet(str(parquet_files)).repartition(12), Mortal)
    assert verdicts(scored, "id") == of_rows(expected)
    assert (tmp_path / "killed").exists()
    assert len(list(tmp_path.iterdir())) >= 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column": "body"}, "no column 'body' to score; there are 'id', 'text', 'year', 'tags'"),
        ({"policy": "lenient"}, "no policy 'lenient'"),
    ],
)
def test_what_can_not_be_used_is_said(parquet_files: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(Exception, match=message):
        score(ray.data.read_parquet(str(parquet_files)), **options).take_all()


def test_another_batch_format_is_refused(parquet_files: Path) -> None:
    from detector.integrations.ray import SpunScorer

    scored = ray.data.read_parquet(str(parquet_files)).map_batches(SpunScorer, concurrency=1)
    with pytest.raises(Exception, match=r'say map_batches\(..., batch_format="pyarrow"\)'):
        scored.take_all()
