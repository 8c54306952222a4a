from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document, Zone, ZoneKind


def test_parts_are_joined_by_blank_lines_and_keep_their_places() -> None:
    document = Document.from_parts(
        [(ZoneKind.TITLE, "Bread"), (ZoneKind.BODY, "We bake."), (ZoneKind.ALT, "oven")]
    )
    assert document.text == "Bread\n\nWe bake.\n\noven"
    assert document.zones == (Zone(ZoneKind.TITLE, 0, 5), Zone(ZoneKind.ALT, 17, 21))


def test_empty_parts_leave_no_trace() -> None:
    document = Document.from_parts(
        [(ZoneKind.TITLE, " \n"), (ZoneKind.BODY, "We bake."), (ZoneKind.META, "")]
    )
    assert document == Document("We bake.")


@given(st.lists(st.tuples(st.sampled_from(ZoneKind), st.text(max_size=8)), max_size=6))
def test_zones_are_sorted_disjoint_and_hold_their_part(parts: list[tuple[ZoneKind, str]]) -> None:
    document = Document.from_parts(parts)
    kept = [(kind, part) for kind, part in parts if part.strip() and kind is not ZoneKind.BODY]
    assert [(zone.kind, document.text[zone.start : zone.end]) for zone in document.zones] == kept
    edges = [edge for zone in document.zones for edge in (zone.start, zone.end)]
    assert edges == sorted(edges)
