"""Spun families: which pages of a corpus are versions of one another.

    from detector.families import find_families

    for family in find_families(documents):
        print(family.number, [member.id for member in family.members], family.slots[:3])

`reduced_text` is the one step that a cluster needs before its own deduplication: docs/families.md.
"""

from detector.families.family import Family, Member, Place, Slot
from detector.families.find import find_families
from detector.families.reduction import Reducer, reduced_text

__all__ = ["Family", "Member", "Place", "Reducer", "Slot", "find_families", "reduced_text"]
