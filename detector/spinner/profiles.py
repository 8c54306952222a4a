"""Profiles: one simulated spinning tool each, by kind of DESIGN section 5.

A profile is drawn, not fixed: two tools of the same kind share habits but not dictionaries. Training draws a
new one for every document, so that no model learns a tool by heart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

KINDS = ("A", "B", "C", "D", "E", "F", "G", "thesaurus")


@dataclass(frozen=True)
class Profile:
    """The habits of one tool. Shares and rates lie in [0, 1].

    rate: words it tries to replace. tables: its hand-written tables. table_share: how much of them it has.
    thesaurus: chance to fall back on the thesaurus, of which it has `dictionary`, with a taste for trusted
    `sense`s and `frequency` (exponents). functions: whether it also replaces function words.
    """

    kind: str
    rate: float
    tables: tuple[str, ...]
    table_share: float = 0.7
    thesaurus: float = 0.3
    dictionary: float = 0.5
    sense: float = 1.0
    frequency: float = 0.3
    choices: int = 3
    functions: bool = False
    possessives: float = 0.0
    drop: float = 0.0
    double: float = 0.0
    names: float = 0.0
    reorder: float = 0.0
    templates: float = 0.0
    leftover: float = 0.0
    salt: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """Its kind and those whose tables it has."""
        return tuple(dict.fromkeys((self.kind, *(table.upper() for table in self.tables))))


_BASE = {
    "A": Profile("A", 0.3, ("a",), table_share=0.8, thesaurus=0.35, names=0.2),
    "B": Profile("B", 0.35, ("b",), table_share=0.7, thesaurus=0.6, dictionary=0.6, names=0.3),
    "C": Profile("C", 0.3, ("c",), table_share=0.8, thesaurus=0.2, possessives=0.3),
    "D": Profile("D", 0.3, ("d",), table_share=0.8, thesaurus=0.25, functions=True, drop=0.03, possessives=0.1),
    "E": Profile("E", 0.3, ("e", "a"), table_share=0.6, thesaurus=0.2, functions=True, drop=0.15, names=0.3, reorder=0.2),
    "F": Profile("F", 0.1, ("f", "a", "c"), table_share=0.8, thesaurus=0.15, sense=2.0),
    "G": Profile("G", 0.12, ("d", "c"), table_share=0.5, thesaurus=0.1, double=0.01, templates=0.35, leftover=0.15),
    "thesaurus": Profile("thesaurus", 0.35, (), thesaurus=1.0, dictionary=0.5),
}  # fmt: skip


def profile(kind: str) -> Profile:
    """The middle profile of a kind. Raises KeyError naming the kinds there are."""
    try:
        return _BASE[kind]
    except KeyError:
        raise KeyError(f"no spinner profile {kind!r}; there are {', '.join(KINDS)}") from None


def draw_profile(rng: random.Random, kinds: tuple[str, ...] = KINDS) -> Profile:
    """A random tool of one of these kinds: its own dictionary, tastes and rate; sometimes two tables mixed."""
    base = profile(rng.choice(kinds))
    low, high = (0.04, 0.16) if base.kind == "F" else (0.06, 0.75)
    tables = base.tables
    if base.tables and base.kind != "F" and rng.random() < 0.35:
        tables += (rng.choice([kind.lower() for kind in kinds if kind in "ABCDEF"] or list(tables)),)
    return replace(
        base,
        rate=low + (high - low) * rng.random() ** 1.3,
        tables=tables,
        table_share=rng.uniform(0.3, 1.0),
        thesaurus=min(1.0, base.thesaurus * rng.uniform(0.3, 2.0)) if base.tables else 1.0,
        dictionary=rng.uniform(0.15, 0.9),
        sense=rng.uniform(0.3, 2.5),
        frequency=rng.uniform(0.0, 0.9),
        choices=rng.randint(1, 5),
        functions=base.functions or rng.random() < 0.15,
        possessives=base.possessives * rng.random(),
        drop=base.drop * rng.random(),
        double=base.double * rng.random(),
        names=base.names * rng.random(),
        reorder=base.reorder * rng.random(),
        templates=base.templates * rng.random(),
        leftover=base.leftover * rng.random(),
        salt=rng.getrandbits(32),
    )
