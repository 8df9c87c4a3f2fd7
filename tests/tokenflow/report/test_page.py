"""The report: opens without a network, shows what was measured, and believes no prompt."""

from __future__ import annotations

import base64
import io
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tokenflow.report.conftest import PROMPT, Reported
from tokenflow.cli.evaluate import write_evaluation
from tokenflow.job import Color, Plate
from tokenflow.metrics.evaluation import RECIPES, Judges
from tokenflow.metrics.subject import find_subject
from tokenflow.report.pictures import at_most, data_uri, difference, slice_over_time


class Page(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside != "style":
            self.words.append(" ".join(data.split()))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    @property
    def pictures(self) -> dict[str, Image.Image]:
        """All pictures by their text."""
        found: dict[str, Image.Image] = {}
        for tag, attributes in self.tags:
            if tag == "img":
                head, _, data = str(attributes["src"]).partition(",")
                assert head in ("data:image/png;base64", "data:image/jpeg;base64")
                found[str(attributes["alt"])] = Image.open(io.BytesIO(base64.b64decode(data)))
        return found


@pytest.fixture(scope="module")
def page(reported: Reported) -> Page:
    return Page(reported.page.read_text(encoding="utf-8"))


def test_the_page_needs_no_network(page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed")
        for name in ("src", "href", "srcset", "data", "action"):
            assert str(attributes.get(name, "data:")).startswith(("data:", "#"))
    assert not any("@import" in words or "http" in words for words in page.scripts[1:])


def test_a_prompt_is_text_and_nothing_else(page: Page) -> None:
    """The two scripts are the pictures of the wipe and the wipe."""
    assert PROMPT in page.words
    assert "An <edit>" in page.words
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [one.get("type") for one in scripts] == ["application/json", None]
    assert not any("alert(" in script for script in page.scripts)


def test_warnings_of_the_run_stand_on_the_page_as_text(page: Page) -> None:
    assert any("one sample was <b>clamped</b>" in words for words in page.words)


def test_the_contact_sheet_shows_plate_and_edits_from_first_to_last(page: Page) -> None:
    for frame in (1001, 1005):
        for name in ("plate", "steady", "flickering"):
            assert page.pictures[f"{name}, frame {frame}"].size == (48, 27)
    plate, edit = (
        np.asarray(page.pictures[f"{name}, frame 1002"]).mean() for name in ("plate", "steady")
    )
    assert edit < 0.95 * plate


def test_frames_that_some_edits_lack_are_shown_with_the_others_alone(
    demo_plate: Path, steady_edit: Path, flickering_edit: Path, tmp_path: Path
) -> None:
    for number in (1001, 1002):
        name = f"flickering.{number}.exr"
        shutil.copy(flickering_edit / name, tmp_path / name)
    edits = [str(steady_edit), str(tmp_path / "flickering.####.exr")]
    subject = find_subject(Plate(str(demo_plate)), edits, Color(), width=48)
    found = write_evaluation(subject, Judges(), tmp_path, "Few frames", lambda event: None)
    page = Page(found.read_text(encoding="utf-8"))
    shown = [alt for alt in page.pictures if ", frame 1" in alt and "worst" not in alt]
    assert "flickering, frame 1002" in shown and "flickering, frame 1005" not in shown
    assert {"plate, frame 1005", "steady, frame 1005"} <= {*shown}
    assert not any("not made" in words for words in page.words)


def test_the_strength_of_the_pass_and_the_likeness_of_the_decodings_are_told(
    page: Page, reported: Reported
) -> None:
    assert "strong, along dis-medium-1, uncompensated" in page.words
    told = reported.metrics["figures"]["decodings_alike"]
    assert told["values"] == {"steady": 0.4375, "flickering": None}
    assert "0.438" in page.words


def test_one_line_over_time_has_a_row_for_every_frame(page: Page) -> None:
    slices = {alt: one for alt, one in page.pictures.items() if "over time" in alt}
    assert [*slices] == ["plate over time", "steady over time", "flickering over time"]
    assert {picture.size for picture in slices.values()} == {(48, 5 * 32)}  # about 160 pixels high


def test_flicker_draws_stripes_over_time(page: Page) -> None:
    def stripes(name: str) -> float:
        rows = np.asarray(page.pictures[f"{name} over time"], np.float32)[16::32].mean(axis=(1, 2))
        return float(np.abs(np.diff(rows, 2)).mean())

    assert stripes("flickering") > 5 * stripes("steady")


def test_the_wipe_carries_every_frame_of_every_clip(page: Page) -> None:
    player = json.loads(page.scripts[0])
    assert player["frames"] == [1001, 1002, 1003, 1004, 1005]
    assert player["names"] == ["plate", "steady", "flickering"]
    assert player["rate"] == 24
    assert [len(clip) for clip in player["pictures"]] == [5, 5, 5]
    assert player["pictures"][1] != player["pictures"][2]


def test_the_worst_pair_of_each_edit_is_linked_from_the_chart(page: Page) -> None:
    links = [str(attributes["href"]) for tag, attributes in page.tags if tag == "a"]
    places = [str(attributes["id"]) for tag, attributes in page.tags if "id" in attributes]
    assert len(links) == 4 and all(link.removeprefix("#") in places for link in links)
    worst = [alt for alt in page.pictures if "where they differ" in alt]
    assert {alt.partition(",")[0] for alt in worst} == {"steady", "flickering"}


def test_every_figure_has_its_recipe_a_click_away(page: Page, reported: Reported) -> None:
    measured = [one for one in reported.metrics["figures"].values() if "values" in one]
    assert [tag for tag, _ in page.tags].count("details") == len(measured) + 1
    for recipe in {one["recipe"] for one in measured}:
        first = " ".join(RECIPES[recipe].split("\n\n")[0].split())
        assert first in page.words


def test_figures_that_are_missing_say_why(page: Page) -> None:
    assert any("needs a CLIP folder (--clip)" in words for words in page.words)
    assert any("the plate has no flash" in words for words in page.words)


def test_how_an_edit_was_made_stands_on_the_page(page: Page, steady_edit: Path) -> None:
    for words in ("tokenflow, pnp, mode paper", "64x36", "cd" * 10, "2.5", "3.8", "in all"):
        assert words in page.words, words
    assert f"tokenflow run {steady_edit / 'steady.job.json'} --overwrite" in page.words


def test_two_edits_are_shown_without_their_differences(page: Page) -> None:
    assert not any("difference, frame" in alt for alt in page.pictures)


def test_equal_pictures_differ_in_black() -> None:
    picture = np.random.default_rng(1).random((4, 6, 3), np.float32)
    assert not difference(picture, picture).any()


def test_a_slice_stacks_one_row_of_each_picture() -> None:
    shots = [np.full((4, 6, 3), value, np.float32) for value in (0.1, 0.2)]
    stacked = slice_over_time(shots, 2, height=3)
    np.testing.assert_array_equal(stacked[:, 0, 0], np.array([0.1] * 3 + [0.2] * 3, np.float32))


def test_a_data_uri_clips_what_no_screen_shows() -> None:
    uri = data_uri(np.array([[[-1, 0.5, 7]]], np.float32))
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert picture.getpixel((0, 0)) == (0, 128, 255)


def test_a_wide_picture_is_averaged_and_a_small_one_left_alone() -> None:
    wide = np.tile(np.array([[0.0, 1.0]], np.float32), (4, 4))[..., None].repeat(3, axis=2)
    np.testing.assert_allclose(at_most(wide, 4), 0.5, atol=1e-6)
    assert at_most(wide, 8) is wide
