"""Charts whose axes a person can read."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenflow.report.charts import Line, Mark, chart, ticks

Svg = "{http://www.w3.org/2000/svg}"


def drawn(*lines: Line, **options: object) -> ElementTree.Element:
    return ElementTree.fromstring(chart(lines, "frame", "error", **options))  # type: ignore[arg-type]


def texts(svg: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [one for one in svg.iter("text") if one.get("class") == kind]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_cover_the_values(low: float, span: float) -> None:
    high = low + span
    if high <= low:
        return
    found = ticks(low, high)
    slack = 1e-6 * (abs(low) + abs(high))
    assert found[0] <= low + slack and found[-1] >= high - slack
    assert 2 <= len(found) <= 9
    step = found[1] - found[0]
    assert re.match(r"[125](\.0)?e", f"{step:.1e}") or abs(low) > 1e5 * span


def test_equal_values_still_have_an_axis() -> None:
    assert len(ticks(3.0, 3.0)) >= 2


def test_a_line_goes_through_its_values() -> None:
    svg = drawn(Line("edit", 0, [1, 2, 3], [0.0, 5.0, 10.0]))
    (line,) = svg.iter("polyline")
    points = [tuple(map(float, p.split(","))) for p in str(line.get("points")).split()]
    assert points[1][0] - points[0][0] == pytest.approx(points[2][0] - points[1][0], abs=0.2)
    assert points[1][1] - points[0][1] == pytest.approx(points[2][1] - points[1][1], abs=0.2)
    assert points[2][1] < points[0][1]  # up is more


def test_names_stand_apart_even_where_lines_end_together() -> None:
    svg = drawn(*(Line(f"edit {n}", n, [1, 2], [0.0, 1.0 + n / 1000]) for n in range(5)))
    heights = sorted(float(str(one.get("y"))) for one in texts(svg, "name"))
    gaps = [b - a for a, b in pairwise(heights)]
    assert min(gaps) > 14
    assert heights[0] > 0 and heights[-1] < 280


def test_each_edit_has_a_colour_and_a_dash_of_its_own() -> None:
    lines = [Line(str(n), n, [1, 2], [1.0, 2.0]) for n in (None, 0, 1, 2)]
    assert len({(line.color, line.dash) for line in lines}) == 4


def test_a_name_is_text_and_nothing_else() -> None:
    svg = drawn(Line('<b onload="x">', 0, [1, 2], [1.0, 2.0]))
    assert [one.text for one in texts(svg, "name")] == ['<b onload="x">']


def test_a_mark_is_a_link() -> None:
    svg = drawn(
        Line("edit", 0, [1, 2], [1.0, 2.0]), marks=[Mark(2, 2.0, "#worst", "frame 2", "#fff")]
    )
    (link,) = svg.iter("a")
    assert link.get("href") == "#worst"


def test_frames_are_whole_numbers() -> None:
    svg = drawn(Line("edit", 0, [1001, 1002, 1003], [1.0, 2.0, 3.0]), whole=True)
    across = [one.text for one in texts(svg, "tick") if one.get("text-anchor") == "middle"]
    assert across == ["1001", "1002", "1003"]
