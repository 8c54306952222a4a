"""Versions side by side, one in use, and a swap that is all or nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from detector.lexicon.tables import LexiconFiles
from detector.model import ModelError, load_model
from detector.paths import SHIPPED
from detector.promotion import pointer
from detector.registry import Registry, differences
from detector.scoring import load
from tests.bundles import make_arrays, make_manifest


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("DETECTOR_HOME", str(tmp_path))
    return Registry()


@pytest.fixture
def add(registry: Registry, lexicon: LexiconFiles) -> Any:
    def add_version(seed: int = 1, into: Registry = registry) -> str:
        return into.add(
            lambda version: make_manifest(version=version, lexicon=lexicon.digest), make_arrays(seed)
        ).name

    return add_version


def test_without_a_promotion_the_shipped_model_is_in_use(registry: Registry, add: Any) -> None:
    assert [v.name for v in registry.versions() if v.in_use] == ["shipped"]
    add()
    assert load().model.digest == load_model(SHIPPED).digest
    assert not pointer(registry.folder).exists()


def test_a_promoted_model_is_what_load_opens(registry: Registry, add: Any) -> None:
    names = [add(1), add(2)]
    assert names == ["0001", "0002"]
    for name in names:
        entry = registry.promote(name, "anna")
        assert load().model.digest == entry.hash == registry.find("current").load().digest
    assert [(e.version, e.action, e.by) for e in registry.history()] == [
        ("0001", "promote", "anna"),
        ("0002", "promote", "anna"),
    ]


def test_rollback_goes_back_step_by_step(registry: Registry, add: Any) -> None:
    for seed in (1, 2):
        registry.promote(add(seed))
    assert registry.rollback().version == "0001"
    registry.promote(add(3))
    assert registry.rollback().version == "0001"
    assert registry.rollback().version == "shipped"
    assert load().model.digest == load_model(SHIPPED).digest
    with pytest.raises(ModelError, match="nothing to roll back"):
        registry.rollback()
    assert len(registry.history()) == 6


def test_names_by_which_a_version_is_found(registry: Registry, add: Any) -> None:
    add(1)
    second = add(2)
    version = registry.find(second).load().manifest["version"]
    assert {registry.find(name).name for name in ("2", "0002", "latest", version)} == {second}
    assert registry.find("current").name == "shipped"
    for name in ("7", "../0001", "", "²"):
        with pytest.raises(ModelError, match="there are shipped, 0001, 0002, latest, current"):
            registry.find(name)


def test_a_number_is_never_used_twice(registry: Registry, add: Any) -> None:
    registry.promote(add(1))
    registry.rollback()
    shutil.rmtree(registry.folder / "0001")
    assert add(2) == "0002"


def test_a_model_that_would_not_load_is_neither_added_nor_promoted(registry: Registry, add: Any) -> None:
    with pytest.raises(ModelError):
        registry.add(lambda version: make_manifest(version=version, features=["other"]), make_arrays())
    assert [v.name for v in registry.versions()] == ["shipped"]
    (registry.folder / add() / "trees.npy").write_bytes(b"rubbish")
    with pytest.raises(ModelError, match="does not match its hash"):
        registry.promote("latest")
    assert registry.history() == []


def test_a_promoted_model_that_was_changed_is_refused_and_can_be_left(registry: Registry, add: Any) -> None:
    registry.promote(add(1))
    other = add(2)
    shutil.rmtree(registry.folder / "0001")
    shutil.copytree(registry.folder / other, registry.folder / "0001")
    with pytest.raises(ModelError, match="changed since it was promoted; `detector model rollback`"):
        load()
    registry.rollback()
    assert load().model.digest == load_model(SHIPPED).digest


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"history": [{}]}', '{"history": [{"version": "../x"}]}', '{"history": 1}']
)
def test_a_damaged_record_is_named(registry: Registry, content: str) -> None:
    registry.folder.mkdir(parents=True)
    pointer(registry.folder).write_text(content)
    with pytest.raises(ModelError, match="not a record of promotions"):
        load()


def test_a_version_can_not_point_out_of_the_folder(registry: Registry, add: Any) -> None:
    registry.promote(add())
    record = json.loads(pointer(registry.folder).read_text())
    record["history"][0]["version"] = "../../elsewhere"
    pointer(registry.folder).write_text(json.dumps(record))
    with pytest.raises(ModelError, match="not the name of a folder"):
        load()


def test_differences_tell_records_and_numbers_apart(registry: Registry, add: Any) -> None:
    a, b = (registry.find(add(seed)).load() for seed in (1, 2))
    found = differences(a, b)
    assert found["version"] == [a.manifest["version"], b.manifest["version"]]
    assert found["token weights changed"] > 1000
    assert differences(a, a)["token weights changed"] == 0


PROMOTER = """
import itertools, sys
from detector.registry import Registry
registry = Registry()
for name in itertools.cycle(sys.argv[1:]):
    registry.promote(name)
    print(name, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a thing of POSIX")
def test_kill_9_while_promoting_leaves_a_model_that_loads(registry: Registry, add: Any) -> None:
    names = [add(1), add(2)]
    digests = {registry.find(name).load().digest for name in names}
    for round in range(4):
        current = registry.current_name()
        order = sorted(names, key=lambda name: name == current)
        process = subprocess.Popen([sys.executable, "-c", PROMOTER, *order], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.015 * round)
        process.send_signal(signal.SIGKILL)
        acknowledged = 1 + len(process.communicate()[0].split())
        assert load().model.digest in digests
        assert len(registry.history()) >= acknowledged
    registry.promote(next(name for name in names if name != registry.current_name()))
    assert not list(registry.folder.glob("promoted.*.tmp"))
