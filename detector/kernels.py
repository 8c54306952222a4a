"""Compiled entry points, cached on disk where this user may write.

numba's own cache does not notice when a function that a kernel calls changes in another file, and fails
where site-packages is read-only. So the cache lies in the user's cache folder, one folder for each state of
the package's sources.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding, ir
from numba.core import types
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import Compiler, Flags
from numba.core.runtime.nrt import rtsys
from numba.extending import intrinsic

PACKAGE = Path(__file__).parent
_INNER: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}
_UNWRAPPED: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@cache
def cache_folder() -> Path:
    """Where kernels of this very source state are kept: `DETECTOR_CACHE`, else the user's cache folder."""
    stamp = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for pattern in ("*.py", "signals/*.py", "lexicon/*.py"):
        for path in sorted(PACKAGE.glob(pattern)):
            status = path.stat()
            stamp.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    base = os.environ.get("DETECTOR_CACHE") or os.environ.get("XDG_CACHE_HOME")
    if base is None:
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    folder = Path(base) / "spun-text-detector" / stamp.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"spun-text-detector-{os.getpid()}"
    return folder


def is_warm() -> bool:
    """Whether compiled kernels are on disk already; if not, the first call takes some seconds."""
    return any(cache_folder().glob("**/*.nbi"))


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL and cache under `cache_folder`. For entry points: what they call is inlined or
    linked in, so only these need a cache. Without a place to keep them, kernels are compiled in each process."""
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
    try:
        compiled: Any = numba.njit(cache=True, nogil=True)(function)
    except (OSError, RuntimeError) as error:  # no folder that numba could use
        _warn(error)
        compiled = numba.njit(nogil=True)(function)
    else:
        compiled._cache = _Cache(compiled._cache)
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]
    compiled.compile = _without_collecting(compiled.compile)
    compiled._compilation_chain_init_hook = lambda: None  # we need no extensions of numba
    return compiled  # type: ignore[no-any-return]


def _without_collecting(compile_: Callable[..., Any]) -> Callable[..., Any]:
    """Compiling makes so many objects that looking for unused ones takes a fifth of the time."""

    def compile_quietly(signature: Any) -> Any:
        collecting = gc.isenabled()
        gc.disable()
        try:
            return compile_(signature)
        finally:
            if collecting:
                gc.enable()

    return compile_quietly


class _Cache:
    """numba's cache of one kernel, except that a full disk or a damaged file costs time and not the run, and that
    loading does without all that numba imports to compile (a fifth of a second, 40 MB)."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        cache._impl.reduce = partial(_as_kept, cache._impl.reduce)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            rtsys.initialize(context)  # type: ignore[no-untyped-call]
            return self._cache._load_overload(signature, context)
        except Exception as error:  # unpickling a damaged file raises anything
            _warn(error)
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            self._cache.save_overload(signature, data)
        except (OSError, EOFError, pickle.UnpicklingError) as error:  # it reads the index first
            _warn(error)


def _as_kept(reduce: Callable[[Any], Any], compiled: Any) -> Any:
    """What numba keeps of a kernel, without the intermediate code that other kernels would take in, which is half of it
    and has to be parsed: kernels don't call kernels. Only the name of the entry point must be defined there."""
    (name, kind, (machine_code, _)), *rest = reduce(compiled)
    entry = compiled.fndesc.llvm_cpython_wrapper_name
    outline = binding.parse_assembly(f'define void @"{entry}"() {{ ret void }}').as_bitcode()
    return (name, kind, (machine_code, outline)), *rest


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


class _PartLibrary(CPUCodeLibrary):  # type: ignore[misc]
    """LLVM's code of a function that kernels call. It is neither optimised nor made machine code by itself: kernels
    take it in with all that it calls, and do that once."""

    def finalize(self) -> None:
        self._finalized = True

    def with_callees(self) -> list[CPUCodeLibrary]:
        """What a caller links, in an order in which each function is called for before it comes."""
        return [self, *self._linking_libraries]


class _Flags(Flags):  # type: ignore[misc]
    """numba compares the flags at each operator that it looks up, and lists them all each time. These are not
    changed once they are in use."""

    def values(self) -> dict[str, Any]:
        if "all" not in self.__dict__:
            self.__dict__["all"] = super().values()  # type: ignore[no-untyped-call]
        return self.__dict__["all"]  # type: ignore[no-any-return]

    def __hash__(self) -> int:
        return 0


_UNUSED = {
    "WithLifting", "InlineClosureLikes", "RewriteSemanticConstants", "DeadBranchPrune", "RewriteDynamicRaises",
    "MakeFunctionToJitFunction", "InlineInlinables", "FindLiterallyCalls", "LiteralUnroll",
    "LiteralPropagationSubPipelinePass", "InlineOverloads", "NopythonRewrites",
    "NoPythonSupportedFeatureValidation", "AnnotateTypes", "DumpParforDiagnostics",
}  # fmt: skip
"""What numba does for closures, arrays as a whole and the like, which inner functions don't use; each of these reads
a function anew."""


class _PartCompiler(Compiler):  # type: ignore[misc]
    """Compiles a function into a `_PartLibrary`."""

    def __init__(self, typing_context: Any, target_context: Any, *rest: Any) -> None:
        super().__init__(typing_context, target_context, *rest)  # type: ignore[no-untyped-call]
        self.state.flags = _Flags(self.state.flags)  # type: ignore[no-untyped-call]
        self.state.flags.no_compile = True
        self.state.library = _PartLibrary(target_context.codegen(), "part")  # type: ignore[no-untyped-call]

    def define_pipelines(self) -> Any:
        pipelines = super().define_pipelines()  # type: ignore[no-untyped-call]
        for pipeline in pipelines:
            pipeline.passes = [step for step in pipeline.passes if step[0].__name__ not in _UNUSED]
        return pipelines

    def compile_extra(self, function: Callable[..., Any]) -> Any:
        done = super().compile_extra(function)._replace(entry_point=object())  # type: ignore[no-untyped-call]
        libraries = done.library.with_callees()
        self.state.targetctx.insert_user_function(done.entry_point, done.fndesc, libraries)
        return done


def _widened(kind: Any) -> Any:
    """The type that an argument is passed as: numba compiles a function anew for each constant and each width."""
    plain = types.unliteral(kind)  # type: ignore[no-untyped-call]
    return types.int64 if plain in types.signed_domain else plain


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that kernels call: without reference counts and checks for division by zero, which
    cost more than the work itself where a function takes a dozen arrays (3 to 20 times, measured). In exchange
    it must not allocate. Python may call it too, but then it is compiled in each process."""
    part: Any = numba.njit(pipeline_class=_PartCompiler, **_INNER, **_UNWRAPPED)(function)
    alone = numba.njit(**_INNER)(function)
    resolve = part.get_call_template

    def resolve_once(arguments: Any, keywords: Any) -> Any:
        return resolve([_widened(kind) for kind in arguments], {n: _widened(k) for n, k in keywords.items()})

    def add_overload(done: Any) -> None:
        part.overloads[tuple(done.signature.args)] = done

    part.get_call_template = resolve_once
    part.add_overload = add_overload
    part._compile_for_args = lambda *_: alone
    return part  # type: ignore[no-any-return]


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
