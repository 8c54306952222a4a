"""`detector export`: the model for other stacks."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.common import UserError, open_detector, user_errors, warn
from detector.cli.score import Fpr, PolicyOption
from detector.cli.score import Model as ModelOption
from detector.cli.settings import settings

if TYPE_CHECKING:
    from detector.model import Model


class ExportFormat(StrEnum):
    """What is written."""

    joblib = "joblib"
    onnx = "onnx"


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file: model.joblib or model.onnx.")],
    format: Annotated[
        ExportFormat | None, typer.Option(help="Where the suffix does not say it.", show_default=False)
    ] = None,
    policy: PolicyOption = None,
    fpr: Fpr = None,
    model: ModelOption = None,
) -> None:
    """Write the model as a scikit-learn pipeline (joblib), or its classifier as ONNX.

        detector export -o model.joblib

        detector export -o model.onnx --model my-model

    joblib: texts in, both probabilities out, where this package is installed; --policy sets what predict
    flags. ONNX: features in (SpunFeatures makes them), both probabilities out, in any runtime.

    Loading a joblib file runs the code that is in it: load only those that you made or whose maker you trust.
    The model folders and .zip files that --model reads hold no code.
    """  # fmt: skip
    with user_errors():
        chosen = format or _by_suffix(output)
        limits = settings(policy, fpr)
        detector, _ = open_detector(model, limits.policy, limits.fpr)
        rate = limits.fpr
        if rate is None:
            from detector.model import POLICIES

            rate = POLICIES[limits.policy]
        data = _joblib(detector.model, rate) if chosen is ExportFormat.joblib else _onnx(detector.model)
        _write(output, data)
    print(f"{output}: {detector.model.name}, {len(data):,} bytes")
    if chosen is ExportFormat.joblib:
        warn("loading a joblib file runs the code in it: load only files whose maker you trust")


def _by_suffix(output: Path) -> ExportFormat:
    suffix = output.suffix.lower().removeprefix(".")
    if suffix not in set(ExportFormat):
        raise UserError(f"--output {output}: name it .joblib or .onnx, or say --format")
    return ExportFormat(suffix)


def _joblib(model: Model, fpr: float) -> bytes:
    import joblib

    from detector.export import to_pipeline

    buffer = io.BytesIO()
    joblib.dump(to_pipeline(model, fpr), buffer, compress=3)
    return buffer.getvalue()


def _onnx(model: Model) -> bytes:
    from detector.export import to_onnx

    try:
        return bytes(to_onnx(model).SerializeToString())
    except ModuleNotFoundError as error:
        raise UserError(str(error)) from None


def _write(output: Path, data: bytes) -> None:
    """Beside its place, then moved there whole."""
    from detector.model import write_synced

    fresh = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_synced(fresh, data)
        fresh.replace(output)
    except OSError as error:
        raise UserError(f"--output {output} can't be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
