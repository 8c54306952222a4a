"""What a field may hold, and what comes of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import Detector
from detector.document import Document
from detector.integrations.rows import COLUMNS, columns, process_detector, score_values, to_record
from detector.readers import Failure
from tests.integrations.site import page
from tests.texts import HONEST, SPUN

VALUES = st.one_of(
    st.text(), st.binary(), st.none(), st.floats(), st.lists(st.text()), st.just(page("", SPUN))
)


@given(st.lists(VALUES, max_size=8))
def test_every_value_gets_a_verdict_in_its_place(detector: Detector, values: list[Any]) -> None:
    together = [columns(verdict) for verdict in score_values(detector, values)]
    alone = [columns(verdict) for value in values for verdict in score_values(detector, [value])]
    assert together == alone
    assert all(tuple(row) == COLUMNS for row in together)
    assert all((row["status"] == "failed") == (row["error"] is not None) for row in together)


@pytest.mark.parametrize("value", [None, 17, ["a", "b"], {"text": "a"}])
def test_what_is_neither_text_nor_bytes_fails_and_says_so(value: Any) -> None:
    record = to_record(value)
    assert isinstance(record, Failure)
    assert type(value).__name__ in record.reason


def test_text_is_scored_as_it_is_and_markup_is_extracted() -> None:
    markup = page("On Mill Lane", HONEST)
    assert to_record(HONEST) == Document(HONEST)
    extracted = to_record(markup)
    assert isinstance(extracted, Document)
    assert extracted.text.startswith("On Mill Lane")
    assert "<p>" not in extracted.text
    assert to_record(markup.encode()) == extracted


def test_a_string_s_characters_are_known_whatever_its_markup_declares() -> None:
    markup = page("Café", HONEST).replace("utf-8", "windows-1251")
    assert to_record(markup).text.startswith("Café")  # type: ignore[union-attr]
    assert to_record(markup.encode("windows-1252")).text.startswith("Cafй")  # type: ignore[union-attr]


def test_a_process_opens_a_model_once() -> None:
    assert process_detector(None, "balanced") is process_detector(None, "balanced")
    assert process_detector(None, "precise").policy == "precise"


@pytest.mark.parametrize("engine", ["scrapy", "datatrove", "ray", "spark"])
def test_a_missing_engine_is_named_with_its_extra(engine: str) -> None:
    module = {"spark": "pyspark", "ray": "pyarrow"}.get(engine, engine)
    script = f"import sys; sys.modules[{module!r}] = None; import detector.integrations.{engine}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f'pip install "spun-text-detector[{engine}]"' in done.stderr
