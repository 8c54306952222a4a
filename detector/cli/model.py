"""`detector model`: what is loaded, which versions there are, which is in use; signatures of bundles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli.common import FLAGGED, ReportFormat, UserError, model_errors, open_detector, user_errors
from detector.cli.score import Model

if TYPE_CHECKING:
    from detector.registry import Version

model = typer.Typer(no_args_is_help=True, help="Look at models, and put one in use.")


@model.callback()
def root() -> None:
    """Look at models, and put one in use. They lie in models/ in DETECTOR_HOME."""


@model.command()
def info(
    model: Model = None,
    format: Annotated[ReportFormat, typer.Option(help="human or json.")] = ReportFormat.human,
) -> None:
    """Name, version, hash, thresholds by policy, lexicon and training record of a model.

    detector model info --format json
    """
    with user_errors():
        detector, _ = open_detector(model, "balanced", None)
    found = detector.info()
    if format is ReportFormat.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n".join(describe(found)))


Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model: a folder or a .zip.")]


@model.command()
def sign(
    bundle: Bundle,
    key: Annotated[Path, typer.Option(help="Your private Ed25519 key, a PEM file.", show_default=False)],
) -> None:
    """Sign a model for those who fetch it from you (extra `sign`).

    openssl genpkey -algorithm ed25519 -out KEY.pem

    openssl pkey -in KEY.pem -pubout -out PUBLIC.pem

    detector model sign my-model --key KEY.pem
    """
    from detector.model import sign_model

    with user_errors(), model_errors():
        print(f"signed: {sign_model(bundle, key)}")


@model.command()
def verify(
    bundle: Bundle,
    public_key: Annotated[
        Path, typer.Option(help="The maker's public Ed25519 key, a PEM file.", show_default=False)
    ],
) -> None:
    """Check that a model is whole and was signed with the key that belongs to this one; exit status 0 or 2.

    detector model verify their-model.zip --public-key PUBLIC.pem
    """
    from detector.model import load_model

    with user_errors(), model_errors():
        print(f"{load_model(bundle, public_key).name} was signed with the key of {public_key}")


@model.command("list")
def versions() -> None:
    """Show the versions there are, what they were made from, and which is in use.

    detector model list
    """
    from detector.registry import Registry

    registry = Registry()
    with user_errors(), model_errors():
        found = registry.versions()
        history = registry.history()
    print(f"{'':<2}{'version':<10}{'model':<30}made from")
    for version in found:
        mark = "*" if version.in_use else ""
        print(f"{mark:<2}{version.name:<10}{_described(version)}")
    print(f"\n{'date':<27}{'':<10}{'version':<10}by")
    for entry in history:
        forced = f" (forced{': ' if entry.reason else ''}{entry.reason})" if entry.forced else ""
        print(f"{entry.date:<27}{entry.action:<10}{entry.version:<10}{entry.by}{forced}")


def _described(version: Version) -> str:
    from detector.model import ModelError

    try:
        model = version.load()
    except ModelError as error:
        return f"can't be used: {error}"
    labels = model.manifest.get("training", {}).get("labels")
    made_from = f"{labels['learned']:,} labelled texts" if labels else "its sources"
    return f"{model.name:<30}{made_from}"


@model.command()
def promote(
    version: Annotated[str, typer.Argument(metavar="VERSION|latest", help="As `model list` shows it.")],
    force: Annotated[
        bool, typer.Option("--force", help="Whatever the gate says; takes a --reason, and both are recorded.")
    ] = False,
    reason: Annotated[str, typer.Option(help="With --force: why, for the record.", show_default=False)] = "",
    by: Annotated[str, typer.Option(help="Who decides, for the record.")] = "",
) -> None:
    """Put a version in use, if the gate lets it: it must not be worse than the one in use.

        detector model promote latest --by anna

        detector model promote latest --by anna --force --reason "nobody else here to label"

    Refused (exit status 1): a model that is worse beyond chance on the frozen hold-out, on known texts or on
    labels, that gets known cases wrong, or whose labels contradict one another or come from one side.
    """  # fmt: skip
    with user_errors(), model_errors():
        if force != bool(reason.strip()):
            raise UserError(
                "--force and --reason go together: say why the gate should not decide, for the record"
            )
        raise typer.Exit(_promote(version, force, reason.strip(), by))


def _promote(name: str, force: bool, reason: str, by: str) -> int:
    from detector.cli.evaluate import show_objections
    from detector.labels import LabelStore
    from detector.registry import Registry
    from detector.training.gate import promote as pass_gate

    version, comparison, found = pass_gate(Registry(), name, LabelStore().labels(), by, force, reason)
    show_objections(found)
    if found and not force:
        print(f"Model {version.name} was not promoted; {comparison.a} stays in use. Look: detector evaluate")
        return FLAGGED
    print(
        f"Model {version.name} is in use{', against the objections' if found else ''}. Back: detector model rollback"
    )
    return 0


@model.command()
def rollback(by: Annotated[str, typer.Option(help="Who decides, for the record.")] = "") -> None:
    """Put back the model that was in use before the last promotion.

    detector model rollback --by anna
    """
    from detector.registry import Registry

    with user_errors(), model_errors():
        entry = Registry().rollback(by)
    print(f"Model {entry.version} is in use again.")


@model.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="MODEL_A", help="A version, shipped, current or latest.")],
    b: Annotated[str, typer.Argument(metavar="MODEL_B", help="Another.")],
) -> None:
    """Show in what the records and the numbers of two models differ. How they judge: detector evaluate.

    detector model diff shipped latest
    """
    from detector.registry import Registry, differences

    registry = Registry()
    with user_errors(), model_errors():
        found = differences(registry.find(a).load(), registry.find(b).load())
    for key, value in found.items():
        left, right = value if isinstance(value, list) else ("", value)
        print(f"{key:<44} {left!s:<28} {right}")


def describe(found: dict[str, Any]) -> list[str]:
    """The lines of `model info` for people."""
    lines = [
        f"model     {found['model']}",
        f"hash      {found['hash']}",
        f"lexicon   {found['lexicon']}",
        "",
        f"{'policy':<12}{'honest text flagged':>20}{'spun from':>13}{'stuffed from':>15}",
    ]
    for name, row in found["policies"].items():
        rate, spun, stuffed = (f"{100 * row[key]:.4g} %" for key in ("fpr", "spun", "stuffed"))
        lines.append(f"{name:<12}{'at most ' + rate:>20}{spun:>13}{stuffed:>15}")
    for title in ("metrics", "training"):
        if found.get(title):
            lines += ["", title, *_indented(found[title])]
    return lines


def _indented(value: dict[str, Any], depth: int = 1) -> list[str]:
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines += [f"{'  ' * depth}{key}", *_indented(item, depth + 1)]
        else:
            lines.append(f"{'  ' * depth}{key:<24} {item}")
    return lines
