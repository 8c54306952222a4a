import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detector import kernels

REPOSITORY = Path(__file__).parents[1]


def in_new_process(code: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout.strip()


WHERE = "from detector.kernels import cache_folder, is_warm; print(cache_folder(), is_warm())"


@pytest.mark.parametrize("variable", ["DETECTOR_CACHE", "XDG_CACHE_HOME"])
def test_cache_lies_where_the_environment_says(variable: str, tmp_path: Path) -> None:
    cleared = {"DETECTOR_CACHE": "", "XDG_CACHE_HOME": ""}
    folder, warm = in_new_process(WHERE, **cleared | {variable: str(tmp_path)}).split()
    assert Path(folder).parent == tmp_path / "spun-text-detector"
    assert warm == "False"


def test_an_unusable_cache_folder_does_not_stop_the_import(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code = WHERE + "; import detector.scoring"
    folder, warm = in_new_process(code, DETECTOR_CACHE=str(blocked)).split()
    assert not folder.startswith(str(blocked))
    assert warm == "False"


def test_changed_sources_get_another_folder(tmp_path: Path) -> None:
    source = tmp_path / "tokens.py"
    folders = set()
    for content in ("a = 1\n", "a = 22\n"):
        source.write_text(content)
        code = f"from pathlib import Path; from detector import kernels; kernels.PACKAGE = Path({str(tmp_path)!r}); "
        folders.add(
            in_new_process(code + "print(kernels.cache_folder())", DETECTOR_CACHE=str(tmp_path / "cache"))
        )
    assert len(folders) == 2


def test_kernels_compute_and_leave_numba_as_it_was() -> None:
    import numba

    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    compiled = kernels.kernel(_add)
    assert compiled(2, 3) == 5
    after = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    assert after == before
    assert kernels.is_warm()


def _add(a: int, b: int) -> int:
    return a + b


def test_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    code = (
        "from detector.kernels import is_warm; warm = is_warm(); from tests.test_kernels import _add;"
        "from detector.kernels import kernel; k = kernel(_add); k(1, 2); print(warm, sum(k.stats.cache_hits.values()))"
    )
    assert in_new_process(code, DETECTOR_CACHE=str(tmp_path)) == "False 0"
    assert in_new_process(code, DETECTOR_CACHE=str(tmp_path)) == "True 1"


def test_loading_does_without_what_numba_imports_to_compile(tmp_path: Path) -> None:
    code = (
        "import sys; import numpy as np; from tests.test_kernels import _total; from detector.kernels import kernel;"
        "print(kernel(_total)(np.arange(4.0)), 'numba.np.arraymath' in sys.modules)"
    )
    assert in_new_process(code, DETECTOR_CACHE=str(tmp_path)) == "6.0 True"
    assert in_new_process(code, DETECTOR_CACHE=str(tmp_path)) == "6.0 False"


def _total(values: np.ndarray) -> float:
    total = 0.0
    for i in range(values.shape[0]):
        total += values[i]
    return total


def test_inner_functions_answer_to_python_and_to_kernels() -> None:
    twice = kernels.inner(_twice)
    assert [twice(2), twice(np.int32(3)), twice(1.5)] == [4, 6, 3.0]

    @kernels.kernel
    def both(number):  # type: ignore[no-untyped-def]
        return twice(number) + twice(3)

    assert both(np.int32(2)) == both(2) == 10


def _twice(number: float) -> float:
    return 2 * number


def test_prefetching_any_index_is_harmless() -> None:
    @kernels.inner
    def ask(values, index):  # type: ignore[no-untyped-def]
        kernels.prefetch(values, index)
        return values[0]

    values = np.array([7.0, 8.0])
    for index in (0, 1, 2, -1, 1 << 40, -(1 << 62)):
        assert ask(values, index) == 7.0


COMPILES = "from tests.test_kernels import _add; from detector.kernels import kernel; k = kernel(_add); print(k(1, 2), k(1.5, 2))"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("room", ["size=8k", "size=64k,nr_inodes=4"])
def test_a_full_disk_under_the_cache_costs_only_time(room: str, tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", room, "tmpfs", tmp_path]).returncode:
        pytest.skip("no right to mount here")
    try:
        assert in_new_process(COMPILES, DETECTOR_CACHE=str(tmp_path)) == "3 3.5"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_damaged_cache_files_cost_only_time(tmp_path: Path) -> None:
    assert in_new_process(COMPILES, DETECTOR_CACHE=str(tmp_path)) == "3 3.5"
    kept = [path for path in tmp_path.rglob("*") if path.suffix in (".nbi", ".nbc")]
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[:20])
    assert in_new_process(COMPILES, DETECTOR_CACHE=str(tmp_path)) == "3 3.5"
