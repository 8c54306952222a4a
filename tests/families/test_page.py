import io

from detector.families import Family, Member, Slot
from detector.families.page import MAX_FAMILIES, MAX_MEMBERS, describe, write_page
from tests.report.test_page import check

HOSTILE = '<script>alert(1)</script> & "\x1b[31m'


def page(families: list[Family]) -> str:
    out = io.StringIO()
    write_page(families, out)
    check(out.getvalue())
    return out.getvalue()


def family(number: int = 1, members: int = 2, text: str = "reduce back pain") -> Family:
    slot = Slot(0, 6, (("reduce", 2), ("minimize", 1), ("lessen", 1)))
    return Family(
        number,
        tuple(Member(f"page-{i}", None, 1.0 if i == 0 else 0.8, ()) for i in range(members)),
        (slot,),
        text,
    )


def test_the_page_shows_members_and_slots(found: list[Family]) -> None:
    shown = page(found)
    assert f"{len(found)} families" in shown
    for each in found:
        assert all(member.id in shown for member in each.members)
    assert "{reduce|minimize|lessen}</mark> back pain" in page([family()])


def test_what_comes_from_outside_is_escaped() -> None:
    hostile = Family(
        1,
        (Member(HOSTILE, HOSTILE, 1, ()), Member("b", None, 0.5, ())),
        (Slot(0, 8, ((HOSTILE, 1), ("", 1))),),
        HOSTILE,
    )
    assert "<script" not in page([hostile])
    assert "\x1b" not in page([hostile]) + describe(hostile)


def test_large_families_and_many_of_them_are_cut_short() -> None:
    shown = page([family(i, MAX_MEMBERS + 3) for i in range(1, MAX_FAMILIES + 3)])
    assert "2 smaller families are not shown" in shown
    assert shown.count("and 3 more") == MAX_FAMILIES
    assert "and 3 more" in describe(family(1, MAX_MEMBERS + 3))
    assert len(page([family(1, 2, "reduce back pain " * 100_000)])) < 200_000


def test_the_terminal_gets_the_template(found: list[Family]) -> None:
    lines = describe(family()).splitlines()
    assert lines == [
        "Family 1: 2 documents, 1 slots",
        "  100%  page-0",
        "   80%  page-1",
        "  {reduce|minimize|lessen} back pain",
    ]
    assert all(len(describe(each)) < 2000 for each in found)
