"""The report in a real browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tokenflow.report.browser import ask, chromium, screenshot
from tests.tokenflow.report.conftest import Reported

KEY = """
  const stage = document.getElementById("wipe");
  const [under, over] = stage.querySelectorAll("img");
  const press = (key, shiftKey = false) =>
    stage.dispatchEvent(new KeyboardEvent("keydown", {key, shiftKey, bubbles: true}));
  const number = () => document.getElementById("wipe-number").textContent;
  const tags = () => [...stage.querySelectorAll(".tag")].map((one) => one.textContent);
"""


@pytest.fixture(autouse=True)
def _browser() -> None:
    chromium()


def test_the_page_opens_without_an_error(reported: Reported, tmp_path: Path) -> None:
    seen = ask(
        reported.page,
        "return {pictures: [...document.images].filter((one) => !one.complete || "
        "!one.naturalWidth).length, charts: document.querySelectorAll('svg.chart').length};",
        tmp_path,
    )
    assert seen == {"pictures": 0, "charts": 4, "problems": []}


def test_the_wipe_follows_the_pointer(reported: Reported, tmp_path: Path) -> None:
    seen = ask(
        reported.page,
        KEY
        + """
        const before = over.style.clipPath;
        const box = stage.getBoundingClientRect();
        stage.setPointerCapture = () => {};
        stage.dispatchEvent(new PointerEvent("pointerdown",
          {clientX: box.left + box.width / 4, clientY: box.top + 5, pointerId: 1, buttons: 1}));
        return {before, after: over.style.clipPath,
                edge: stage.querySelector(".edge").style.left,
                told: stage.getAttribute("aria-valuenow")};
        """,
        tmp_path,
    )
    assert seen["before"] == "inset(0px 0px 0px 30%)"
    assert seen["after"] == "inset(0px 0px 0px 25%)"
    assert seen["edge"] == "25%" and seen["told"] == "25"
    assert seen["problems"] == []


def test_the_wipe_is_worked_by_the_keyboard(reported: Reported, tmp_path: Path) -> None:
    seen = ask(
        reported.page,
        KEY
        + """
        const start = [number(), ...tags()], first = over.src;
        press("ArrowRight");
        const next = number(), second = over.src;
        press("ArrowLeft"); press("ArrowLeft");
        const round = number();
        press("ArrowRight", true);
        const place = stage.getAttribute("aria-valuenow");
        press("3");
        const third = tags();
        press("s");
        const swapped = tags();
        press("d");
        return {start, next, changed: first !== second, round, place, third, swapped,
                difference: stage.classList.contains("difference"), clip: over.style.clipPath};
        """,
        tmp_path,
    )
    assert seen["start"] == ["1001", "plate", "steady"]
    assert seen["next"] == "1002" and seen["changed"]
    assert seen["round"] == "1005"  # past the first comes the last
    assert seen["place"] == "32"
    assert seen["third"] == ["plate", "flickering"]
    assert seen["swapped"] == ["flickering", "plate"]
    assert seen["difference"] and seen["clip"] == "none"
    assert seen["problems"] == []


def test_the_wipe_plays_at_the_frame_rate_and_stops(reported: Reported, tmp_path: Path) -> None:
    seen = ask(
        reported.page,
        KEY
        + """
        const wait = (time) => new Promise((done) => setTimeout(done, time));
        const button = document.getElementById("wipe-play");
        const start = setInterval;
        let every = 0;
        window.setInterval = (work, time) => { every = time; return start(work, time); };
        button.click();
        const playing = button.textContent, before = number();
        while (number() === before) await wait(20);
        button.click();
        const stopped = number();
        await wait(200);
        return {every, playing, stopped, later: number(), says: button.textContent};
        """,
        tmp_path,
    )
    assert seen["every"] == pytest.approx(1000 / 24)
    assert seen["playing"] == "Stop" and seen["says"] == "Play"
    assert seen["stopped"] == seen["later"]


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_is_wider_than_the_window(reported: Reported, tmp_path: Path, width: int) -> None:
    page = tmp_path / "framed.html"
    page.write_text(reported.page.read_text(encoding="utf-8"), encoding="utf-8")
    seen = ask(
        page,
        f"document.body.style.width = '{width - 48}px';"
        "return {wide: document.documentElement.scrollWidth - "
        f"Math.max({width}, document.documentElement.clientWidth)" + "};",
        tmp_path,
    )
    assert seen["wide"] <= 0


def test_the_page_is_dark_and_shows_plate_and_edit_beside_each_other(
    reported: Reported, tmp_path: Path
) -> None:
    target = screenshot(reported.page, tmp_path / "page.png", 800, 900, tmp_path)
    pixels = np.asarray(Image.open(target).convert("RGB"), np.float32)
    assert np.median(pixels, axis=(0, 1)).max() < 40
    colourful = (pixels.max(axis=2) - pixels.min(axis=2)) > 40
    assert colourful[:, 100:300].mean() > 0.03 and colourful[:, 500:700].mean() > 0.03
