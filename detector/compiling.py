"""Kernels compiled and loaded faster than numba does it by itself, by means of its inner workings.

`detector.kernels` uses this with the versions of numba whose workings are known; any other compiles in its own way.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numba
from llvmlite import binding
from numba.core import types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import Compiler, Flags
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime.nrt import rtsys

_UNWRAPPED: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any], folder: Path, warn: Callable[[Exception], None]) -> Any:
    """An entry point that is kept in `folder`, if it may write there, and loaded from there in any case; what
    prevents either goes to `warn`."""
    compiled: Any = numba.njit(nogil=True)(function)
    try:
        compiled._cache = _Cache(function, folder, warn)
    except (OSError, RuntimeError) as error:  # no source file that would tell if it changed
        warn(error)
    compiled.compile = _without_collecting(compiled.compile)
    compiled._compilation_chain_init_hook = lambda: None  # we need no extensions of numba
    return compiled


def _without_collecting(compile_: Callable[..., Any]) -> Callable[..., Any]:
    """Compiling makes so many objects that looking for unused ones takes a fifth of the time."""

    def compile_quietly(signature: Any) -> Any:
        with global_compiler_lock:  # or a second thread would find collecting switched off, and leave it so
            collecting = gc.isenabled()
            gc.disable()
            try:
                return compile_(signature)
            finally:
                if collecting:
                    gc.enable()

    return compile_quietly


class _Locator(_CacheLocator):  # type: ignore[misc]
    """numba's own ones pass over a folder where they may not write, and take one beside the sources, where a kernel
    would stay when what it calls changes."""

    folder: ClassVar[Path]

    def __init__(self, function: Callable[..., Any], path: str) -> None:
        self._line, self._path = function.__code__.co_firstlineno, path

    def get_cache_path(self) -> str:
        return str(self.folder / self.get_suitable_cache_subpath(self._path))  # type: ignore[no-untyped-call]

    def get_source_stamp(self) -> str:
        return hashlib.sha256(Path(self._path).read_bytes()).hexdigest()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], path: str) -> _Locator:
        return cls(function, path)


class _Kept(CompileResultCacheImpl):  # type: ignore[misc]
    def reduce(self, compiled: Any) -> Any:
        """What numba keeps of a kernel, without the intermediate code that other kernels would take in, which is half
        of it and has to be parsed: kernels don't call kernels. Only the name of the entry point must be defined
        there."""
        (name, kind, (machine_code, _)), *rest = super().reduce(compiled)  # type: ignore[no-untyped-call]
        entry = compiled.fndesc.llvm_cpython_wrapper_name
        outline = binding.parse_assembly(f'define void @"{entry}"() {{ ret void }}').as_bitcode()
        return (name, kind, (machine_code, outline)), *rest


class _Cache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one kernel, except that a full disk or a damaged file costs time and not the run, and that
    loading does without all that numba imports to compile (a fifth of a second, 40 MB)."""

    def __init__(self, function: Callable[..., Any], folder: Path, warn: Callable[[Exception], None]) -> None:
        locator = type("_", (_Locator,), {"folder": folder})
        self._impl_class: Any = type("_", (_Kept,), {"_locator_classes": [locator]})
        self._warn = warn
        super().__init__(function)  # type: ignore[no-untyped-call]

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            rtsys.initialize(context)  # type: ignore[no-untyped-call]
            found = self._load_overload(signature, context)  # type: ignore[no-untyped-call]
        except Exception as error:  # unpickling a damaged file raises anything
            self._warn(error)
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None
        # Of two processes that write at once one may leave the index and the other the code.
        return found if found is not None and tuple(found.signature.args) == tuple(signature) else None

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            super().save_overload(signature, data)  # type: ignore[no-untyped-call]
        except Exception as error:  # it reads the index first
            self._warn(error)


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


def inner(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """A function that kernels call, which is compiled as part of them, or by itself where Python calls it."""
    part: Any = numba.njit(pipeline_class=_PartCompiler, **options, **_UNWRAPPED)(function)
    alone = numba.njit(**options)(function)
    resolve = part.get_call_template

    def resolve_once(arguments: Any, keywords: Any) -> Any:
        return resolve([_widened(kind) for kind in arguments], {n: _widened(k) for n, k in keywords.items()})

    def add_overload(done: Any) -> None:
        part.overloads[tuple(done.signature.args)] = done

    part.get_call_template = resolve_once
    part.add_overload = add_overload
    part._compile_for_args = lambda *_: alone
    return part
