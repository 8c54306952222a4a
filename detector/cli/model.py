"""`detector model`: what is loaded, at which thresholds, trained on what; signatures of bundles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.cli.common import UserError, open_detector, user_errors
from detector.cli.score import Model

model = typer.Typer(no_args_is_help=True, help="Look at models.")


class InfoFormat(StrEnum):
    """How `model info` answers."""

    human = "human"
    json = "json"


@model.callback()
def root() -> None:
    """Look at models."""


@model.command()
def info(
    model: Model = None,
    format: Annotated[InfoFormat, typer.Option(help="human or json.")] = InfoFormat.human,
) -> None:
    """Name, version, hash, thresholds by policy, lexicon and training record of a model.

    detector model info --format json
    """
    with user_errors():
        detector, _ = open_detector(model, "balanced", None)
    found = detector.info()
    if format is InfoFormat.json:
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

    with user_errors(), _refused():
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

    with user_errors(), _refused():
        print(f"{load_model(bundle, public_key).name} was signed with the key of {public_key}")


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from None


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
