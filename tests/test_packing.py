from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document, Zone, ZoneKind
from detector.packing import pack
from tests.strategies import any_text


@given(st.lists(any_text, max_size=5))
def test_every_document_can_be_read_back(texts: list[str]) -> None:
    batch = pack([Document(text) for text in texts])
    buffer, offsets, *_ = batch.arrays
    parts = [bytes(buffer[a:b]) for a, b in pairwise(offsets.tolist())]
    assert [part.decode("utf-8", "surrogatepass") for part in parts] == texts
    assert batch.longest == max(map(len, parts), default=0)


def test_zones_are_flat_with_offsets_per_document() -> None:
    documents = [
        Document("one"),
        Document("two two", zones=(Zone(ZoneKind.TITLE, 0, 3), Zone(ZoneKind.ALT, 4, 7))),
        Document("three", zones=(Zone(ZoneKind.META, 1, 5),)),
    ]
    _, _, zone_offsets, kinds, starts, ends = pack(documents).arrays
    assert zone_offsets.tolist() == [0, 0, 2, 3]
    assert kinds.tolist() == [ZoneKind.TITLE, ZoneKind.ALT, ZoneKind.META]
    assert (starts.tolist(), ends.tolist()) == ([0, 4, 1], [3, 7, 5])


def test_array_types_do_not_depend_on_the_content() -> None:
    """Kernels are compiled for types: an empty batch must not need another one."""
    kinds = [
        [(a.dtype, a.ndim, a.flags.writeable) for a in pack(d).arrays]
        for d in ([], [Document("")], [Document("x")])
    ]
    assert kinds[0] == kinds[1] == kinds[2]
    assert pack([]).arrays[1].tolist() == [0]
    assert np.diff(pack([Document("")]).arrays[1]).tolist() == [0]
