"""The loader of the Machine-Paraphrase Corpus, on small corpora in the layouts that are described of it."""

import importlib.util
import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from detector import Detector
from tests.texts import HONEST, SPUN

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "paraphrase_corpus.py"


@pytest.fixture(scope="module")
def corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("paraphrase_corpus", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["paraphrase_corpus"] = module
    spec.loader.exec_module(module)
    return module


LAYOUT = {
    "arxiv_test_spinbot/og/1001-ORIG-1.txt": (0, "", "arXiv", False),
    "arxiv_test_spinbot/mg/1001-SPUN-1.txt": (1, "SpinBot", "arXiv", False),
    "wikipedia_paragraphs_train/og/2-ORIG-7.txt": (0, "", "Wikipedia", True),
    "SpinnerChief/thesis/IF/7-SPUN-2.txt": (1, "SpinnerChief increased", "theses", False),
    "SpinnerChief-DF/wikipedia/original/9.txt": (0, "", "Wikipedia", False),
    "spinnerchief_default/wikipedia/paraphrased/9.txt": (1, "SpinnerChief default", "Wikipedia", False),
}


def items(corpus: ModuleType, path: Path) -> set[tuple[int, str, str, bool]]:
    return {(i.spun, i.tool, i.source, i.training) for i in corpus.read_corpus(path)}


def test_a_folder_of_text_files(corpus: ModuleType, tmp_path: Path) -> None:
    for name in LAYOUT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(HONEST)
    (tmp_path / "README.txt").write_text("About this corpus")
    assert items(corpus, tmp_path) == set(LAYOUT.values())


def test_an_archive_and_a_folder_of_archives(corpus: ModuleType, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in LAYOUT:
            archive.writestr(name, HONEST)
        archive.writestr("__MACOSX/._x.txt", "")
    assert items(corpus, tmp_path / "corpus.zip") == set(LAYOUT.values())
    assert items(corpus, tmp_path) == set(LAYOUT.values())


def test_rows_as_on_the_hub(corpus: ModuleType, tmp_path: Path) -> None:
    rows = [
        {"text": HONEST, "label": 0, "dataset": "arxiv", "method": "original"},
        {"text": SPUN, "label": 1, "dataset": "theses", "method": "spinbot"},
        {"text": SPUN, "dataset": "theses", "method": "spinbot"},
    ]
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{")
    assert items(corpus, path) == {(0, "", "arXiv", False), (1, "SpinBot", "theses", False)}


@pytest.mark.parametrize("broken", ["gone", "text", "archive"])
def test_what_cannot_be_read_says_what_was_looked_for(
    corpus: ModuleType, tmp_path: Path, broken: str
) -> None:
    if broken == "text":
        (tmp_path / "a.txt").write_text(HONEST)
    if broken == "archive":
        (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 and no more")
    path = {"gone": tmp_path / "gone", "text": tmp_path, "archive": tmp_path / "c.zip"}[broken]
    says = {"gone": "no such file", "text": "found a.txt. A path must hold", "archive": "download it again"}
    with pytest.raises(corpus.CorpusError, match=says[broken]):
        list(corpus.read_corpus(path))


def test_the_table_has_the_paper_beside_our_figures(corpus: ModuleType, detector: Detector) -> None:
    made = [corpus.Item(HONEST, 0, "", "arXiv", False), corpus.Item(SPUN, 1, "SpinBot", "arXiv", False)]
    lines = list(corpus.table(iter(made), detector))
    assert lines[2].startswith("| SpinBot, arXiv | 1 | 1 | ")
    assert "99.4-99.9" in lines[2]
