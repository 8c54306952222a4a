"""Runs that read from and write to an S3 server: moto's, over HTTP, through s3fs."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.crawl import CrawlError, Plan, run
from detector.readers import Failure, read
from detector.scoring import Detector
from tests.cli.conftest import ENVIRONMENT
from tests.crawl.test_run import content

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
moto = pytest.importorskip("moto.server", reason="moto is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server as its users have it, by environment, with an empty bucket `bkt`."""
    settings = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    s3fs.S3FileSystem.clear_instance_cache()
    filesystem = s3fs.S3FileSystem()
    if filesystem.exists("bkt"):
        filesystem.rm("bkt", recursive=True)
    filesystem.mkdir("bkt")
    yield filesystem
    s3fs.S3FileSystem.clear_instance_cache()


def objects(store: Any, folder: str) -> dict[str, bytes]:
    store.invalidate_cache()
    return {path.rpartition("/")[2]: store.cat_file(path) for path in store.find(folder) if path[-1] != "/"}


def test_files_patterns_and_folders_are_read(store: Any, whole: Plan) -> None:
    for name in ("1.warc.gz", "2.warc.gz"):
        store.put_file(whole.inputs[0], f"bkt/in/{name}")
    store.pipe_file("bkt/in/other.bin", b"no page")
    expected = [record.id for record in read(whole.inputs)]
    assert [r.id.partition("#")[0] for r in read(["s3://bkt/in/1.warc.gz"])][:5] == expected[:5]
    assert len(list(read(["s3://bkt/in/*.warc.gz"]))) == 120
    for url in ("s3://bkt/in/gone.txt", "s3://nowhere/x.txt", "s3://bkt/in/*.none"):
        (record,) = read([url])
        assert isinstance(record, Failure), url


def test_a_run_in_a_bucket_is_the_run_on_a_disk(
    store: Any, plan: Plan, loaded: Detector, tmp_path: Path
) -> None:
    store.put_file(plan.inputs[0], "bkt/in/a.warc.gz")
    there = replace(plan, inputs=["s3://bkt/in/a.warc.gz"])
    run(there, loaded)
    store.pipe_file("bkt/out/", b"")  # as consoles make a folder
    away = replace(there, folder="s3://bkt/out/")
    run(away, loaded, jobs=2)
    expected = {name: data for name, data in content(plan.folder).items() if name != "_lock"}
    assert objects(store, "bkt/out") == expected
    assert run(away, loaded).resumed == 60
    with pytest.raises(CrawlError, match="part_size was 16, now is 17"):
        run(replace(away, part_size=17), loaded)
    store.rm_file("bkt/out/part-00001.jsonl")
    with pytest.raises(CrawlError, match=r"part-00001\.jsonl in s3://bkt/out/ is missing"):
        run(away, loaded)


def test_it_goes_on_from_the_last_finished_part(store: Any, whole: Plan, loaded: Detector) -> None:
    before = content(whole.folder)
    lines = before["_parts.jsonl"].splitlines(keepends=True)
    for name, data in before.items():
        if (name.startswith("part-") and int(name[5:10]) <= 2) or name == "_run.json":
            store.pipe_file(f"bkt/on/{name}", data)  # one more than was entered
    store.pipe_file("bkt/on/_parts.jsonl", b"".join(lines[:2]))
    assert run(replace(whole, folder="s3://bkt/on"), loaded).resumed == 32
    assert objects(store, "bkt/on") == {name: data for name, data in before.items() if name != "_lock"}


def test_what_can_not_be_written_is_said_in_a_line(
    store: Any, plan: Plan, loaded: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pipe_file("bkt/full/file", b"")
    cases = [
        ("s3://nowhere/out", "s3://nowhere/out can't be written: there is no such bucket"),
        ("s3://bkt/full", "is not empty"),
        ("https://example.invalid/out", "a web server takes no files"),
        ("nosuch://b/out", "no URL that can be opened"),
    ]
    for url, words in cases:
        with pytest.raises(CrawlError, match=words) as raised:
            run(replace(plan, folder=url), loaded)
        assert "\n" not in str(raised.value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(
        CrawlError, match="can't be written: NoCredentialsError: Unable to locate credentials"
    ):
        run(replace(plan, folder="s3://bkt/out"), loaded)


def test_kill_9_and_a_new_start_give_the_same_objects(store: Any, whole: Plan) -> None:
    command = [sys.executable, "-m", "detector", "score", *whole.inputs, "--model", str(whole.model)]
    command += ["--output-dir", "s3://bkt/killed", "--no-explain", "--part-size", "16", "--exit-zero"]
    environment = {
        **ENVIRONMENT,
        **{name: os.environ[name] for name in os.environ if name.startswith("AWS_")},
    }
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    while not store.exists("bkt/killed/part-00000.jsonl") and process.poll() is None:
        store.invalidate_cache()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr  # two records are broken
    assert b"s3://bkt/killed is complete: 60 documents" in done.stderr
    assert objects(store, "bkt/killed") == {n: d for n, d in content(whole.folder).items() if n != "_lock"}
    assert json.loads(store.cat_file("bkt/killed/_parts.jsonl").splitlines()[-1]) == {
        "complete": True,
        "parts": 4,
    }
