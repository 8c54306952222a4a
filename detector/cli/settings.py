"""Defaults from `[tool.detector]` in ./pyproject.toml; what is said on the command line goes before them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.cli.common import OutputFormat, PolicyName, UserError

FILE = Path("pyproject.toml")
_EXPECTED: dict[str, tuple[tuple[type, ...], str]] = {
    "policy": ((str,), "one of " + ", ".join(PolicyName)),
    "fpr": ((float, int), "a rate in (0, 0.5]"),
    "format": ((str,), "one of " + ", ".join(OutputFormat)),
    "jobs": ((int,), "a number of threads, 0 for one per core"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Options that both the file and the command line may set."""

    policy: str
    fpr: float | None
    format: OutputFormat | None
    jobs: int


def settings(
    policy: PolicyName | None = None,
    fpr: float | None = None,
    format: OutputFormat | None = None,
    jobs: int | None = None,
) -> Settings:
    """Merge the command line's options with the file's. Raises UserError for what contradicts itself."""
    if policy is not None and fpr is not None:
        raise UserError("--policy and --fpr exclude each other: both set the threshold; give one of them")
    found = read_file(FILE)
    if policy is None and fpr is None:
        if "policy" in found and "fpr" in found:
            raise UserError(f"{FILE}: [tool.detector] sets both policy and fpr; keep one of them")
        policy, fpr = found.get("policy"), found.get("fpr")
    jobs = found.get("jobs", 1) if jobs is None else jobs
    return Settings(policy or PolicyName.balanced, fpr, format or found.get("format"), jobs)


def read_file(path: Path) -> dict[str, Any]:
    """The checked table of a pyproject.toml; empty if there is no such file or table. Raises UserError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("detector", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{path} can't be read for [tool.detector]: {error}") from None
    if not isinstance(table, dict):
        raise UserError(f"{path}: tool.detector is not a table")
    for key, value in table.items():
        _check(path, key, value)
    if "format" in table:
        table["format"] = OutputFormat(table["format"])
    return table


def _check(path: Path, key: str, value: Any) -> None:
    if key not in _EXPECTED:
        raise UserError(f"{path}: [tool.detector] has no setting {key!r}; there are {', '.join(_EXPECTED)}")
    types, expected = _EXPECTED[key]
    choices: tuple[str, ...] = {"policy": tuple(PolicyName), "format": tuple(OutputFormat)}.get(key, ())
    right = isinstance(value, types) and not isinstance(value, bool)
    if not right or (choices and value not in choices) or (key == "jobs" and value < 0):
        raise UserError(f"{path}: [tool.detector] {key} = {value!r}, expected {expected}")
