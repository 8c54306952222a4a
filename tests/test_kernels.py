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


def test_rounded_times_as_in_layers_of_an_image_keep_the_folder(tmp_path: Path) -> None:
    source = tmp_path / "tokens.py"
    source.write_text("a = 1\n")
    code = (
        f"from pathlib import Path; from detector import kernels; kernels.PACKAGE = Path({str(tmp_path)!r}); "
    )
    code += "print(kernels.cache_folder())"
    before = in_new_process(code, DETECTOR_CACHE=str(tmp_path / "cache"))
    os.utime(source, (1_000_000_000, 1_000_000_000))
    assert in_new_process(code, DETECTOR_CACHE=str(tmp_path / "cache")) == before


def test_without_a_cache_folder_no_name_is_used_that_others_may_foresee(tmp_path: Path) -> None:
    """Else what they put there would be unpickled."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code = (
        "import os, stat, tempfile; from pathlib import Path; from detector.kernels import cache_folder;"
        "folder = cache_folder(); print(str(os.getpid()) in folder.name, oct(folder.stat().st_mode & 0o777))"
    )
    folders = {"DETECTOR_CACHE": str(blocked), "TMPDIR": str(tmp_path)}
    assert in_new_process(code, **folders).startswith("False" if os.name == "nt" else "False 0o700")


def test_switched_off_compilation_is_refused_with_the_reason() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import detector.kernels"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode
    assert "NUMBA_DISABLE_JIT is set" in run.stderr


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
HITS = COMPILES.removesuffix(")") + ", sum(k.stats.cache_hits.values()))"


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


@pytest.mark.parametrize("content", [b"", b"I12x\n", b"cnowhere\nnothing\n."])
def test_a_damaged_index_is_written_anew(content: bytes, tmp_path: Path) -> None:
    assert in_new_process(COMPILES, DETECTOR_CACHE=str(tmp_path)) == "3 3.5"
    (index,) = tmp_path.rglob("*.nbi")
    index.write_bytes(content)
    assert in_new_process(COMPILES, DETECTOR_CACHE=str(tmp_path)) == "3 3.5"
    assert in_new_process(HITS, DETECTOR_CACHE=str(tmp_path)) == "3 3.5 2"


def test_code_of_other_types_is_not_run(tmp_path: Path) -> None:
    """Two processes that write at once may leave the index of one and the code of the other."""
    assert in_new_process(COMPILES, DETECTOR_CACHE=str(tmp_path)) == "3 3.5"
    first, second = tmp_path.rglob("*.nbc")
    code = first.read_bytes(), second.read_bytes()
    second.write_bytes(code[0])
    first.write_bytes(code[1])
    assert in_new_process(COMPILES, DETECTOR_CACHE=str(tmp_path)) == "3 3.5"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root")
def test_kernels_are_loaded_from_a_folder_where_nothing_may_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    assert in_new_process(HITS, DETECTOR_CACHE=str(folder)) == "3 3.5 0"
    if subprocess.run(["mount", "--bind", "-o", "ro", folder, folder]).returncode:
        pytest.skip("no right to mount here")
    try:
        assert in_new_process(HITS, DETECTOR_CACHE=str(folder)) == "3 3.5 2"
        assert in_new_process(HITS.replace("k(1, 2)", "k(1, 2.5)"), DETECTOR_CACHE=str(folder)) == "3.5 3.5 1"
    finally:
        subprocess.run(["umount", folder], check=True)
    assert not list((REPOSITORY / "tests" / "__pycache__").glob("*.nbi"))


def test_versions_of_numba_to_come_compile_in_their_own_way(tmp_path: Path) -> None:
    code = (
        "import numba; numba.version_info = numba.version_info._replace(short=(99, 0));"
        "from detector import kernels; from tests.test_kernels import _twice, _total; import numpy as np;"
        "k = kernels.kernel(_total);"
        "print(kernels.compiling, kernels.inner(_twice)(2), k(np.arange(4.0)), sum(k.stats.cache_hits.values()))"
    )
    assert in_new_process(code, DETECTOR_CACHE=str(tmp_path)) == "None 4 6.0 0"
    assert in_new_process(code, DETECTOR_CACHE=str(tmp_path)) == "None 4 6.0 1"
