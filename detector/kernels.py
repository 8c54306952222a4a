"""Compiled entry points, cached on disk where this user may write.

numba's own cache does not notice when a function that a kernel calls changes in another file, and fails
where site-packages is read-only. So the cache lies in the user's cache folder, one folder for each state of
the package's sources.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding, ir
from numba.core import types
from numba.extending import intrinsic

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("NUMBA_DISABLE_JIT is set, and detector's kernels run compiled only: unset it")
TESTED = (0, 68)
"""The newest numba whose inner workings are known here. A later one compiles in its own way, to the same results: the
first call on a machine takes three times as long, and others load a little slower."""
if numba.version_info.short <= TESTED:  # type: ignore[attr-defined]
    from detector import compiling
else:
    compiling = None  # type: ignore[assignment]

PACKAGE = Path(__file__).parent
_INNER: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}


@cache
def cache_folder() -> Path:
    """Where kernels of this very source state are kept: `DETECTOR_CACHE`, else the user's cache folder."""
    stamp = hashlib.sha256(f"{numba.__version__} {sys.version} {binding.get_host_cpu_name()}".encode())
    for pattern in ("*.py", "signals/*.py", "lexicon/*.py"):
        for path in sorted(PACKAGE.glob(pattern)):
            source = path.read_bytes()  # not its time: layers of an image round it
            stamp.update(f"{path.name} {len(source)}\n".encode() + source)
    base = os.environ.get("DETECTOR_CACHE") or os.environ.get("XDG_CACHE_HOME")
    if base is None:
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    folder = Path(base) / "spun-text-detector" / stamp.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="spun-text-detector-"))
    return folder


def is_warm() -> bool:
    """Whether compiled kernels are on disk already; if not, the first call takes some seconds."""
    return any(cache_folder().glob("**/*.nbi"))


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL and cache under `cache_folder`. For entry points: what they call is inlined or
    linked in, so only these need a cache. Without a place to keep them, kernels are compiled in each process."""
    if compiling is not None:
        return compiling.kernel(function, cache_folder(), _warn)  # type: ignore[no-any-return]
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
    try:
        return numba.njit(cache=os.access(cache_folder(), os.W_OK), nogil=True)(function)  # type: ignore[no-any-return]
    except (OSError, RuntimeError) as error:  # no folder that numba could use
        _warn(error)
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


@cache
def _warn_once(folder: Path, error: str) -> None:
    warnings.warn(
        f"kernels can't be cached in {folder} ({error}): each process compiles them again, which takes some "
        "seconds; set DETECTOR_CACHE to a folder with 10 MB of room",
        RuntimeWarning,
        stacklevel=4,
    )


def _warn(error: Exception) -> None:
    _warn_once(cache_folder(), str(error) or type(error).__name__)


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that kernels call: without reference counts and checks for division by zero, which
    cost more than the work itself where a function takes a dozen arrays (3 to 20 times, measured). In exchange
    it must not allocate. Python may call it too, but then it is compiled in each process."""
    if compiling is not None:
        return compiling.inner(function, _INNER)  # type: ignore[no-any-return]
    return numba.njit(**_INNER)(function)  # type: ignore[no-any-return]


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Ask for the cache line of `array[index]` (1-d, contiguous; any index is harmless) ahead of its use, and go
    on: look-ups that wait for one another cost 300 ns each on a busy machine, overlapping ones 10 (measured)."""
    if not isinstance(array, types.Array) or not isinstance(index, types.Integer):
        return None

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        values = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer = builder.gep(values.data, [context.cast(builder, arguments[1], index, types.intp)])
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        hint = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        builder.call(hint, [builder.bitcast(pointer, byte), whole(0), whole(3), whole(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


SCANNED, SCANNED_WORDS = 16, 8
"""Entries that `scan` looks at: so many of uint16, so many of uint32."""


@intrinsic  # type: ignore[untyped-decorator]
def scan(typing_context, entries, index, tag, tag_at):  # type: ignore[no-untyped-def]
    """How far from `entries[index]` (uint16 or uint32, 1-d, contiguous) the first entry lies that is 0 or is `tag` from
    bit `tag_at` (a constant) on; SCANNED or SCANNED_WORDS if none of so many is. All of them are compared at once: at
    which slot a look-up ends can't be predicted, and a wrong guess costs more than the look-up."""
    if not isinstance(entries, types.Array) or not isinstance(tag_at, types.IntegerLiteral):
        return None

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        width = signature.args[0].dtype.bitwidth
        count = {16: SCANNED, 32: SCANNED_WORDS}[width]
        narrow, whole = ir.IntType(width), ir.IntType(64)
        lanes = ir.VectorType(narrow, count)
        values = context.make_array(signature.args[0])(context, builder, arguments[0])
        start = context.cast(builder, arguments[1], index, types.intp)
        pointer = builder.bitcast(builder.gep(values.data, [start]), lanes.as_pointer())
        found = builder.load(pointer, align=width // 8)
        wanted = builder.trunc(context.cast(builder, arguments[2], tag, types.int64), narrow)
        first = builder.insert_element(lanes(ir.Undefined), wanted, ir.IntType(32)(0))
        everywhere = ir.VectorType(ir.IntType(32), count)([0] * count)
        same = builder.icmp_unsigned(
            "==",
            builder.lshr(found, lanes([tag_at.literal_value] * count)),
            builder.shuffle_vector(first, lanes(ir.Undefined), everywhere),
        )
        stops = builder.or_(same, builder.icmp_unsigned("==", found, lanes([0] * count)))
        bits = builder.zext(builder.bitcast(stops, ir.IntType(count)), whole)
        bits = builder.or_(bits, whole(1 << count))
        return builder.cttz(bits, ir.IntType(1)(1))

    return types.int64(entries, index, tag, tag_at), generate
