"""Versions on disk: listed, shown, compared, brought back."""

from __future__ import annotations

import json

import pytest

from tests.ui.presenters.desk import Desk, now
from tokenflow.job import Edit, EditJob, Output, Plate
from ui.presenters.versions import VersionsPresenter


@pytest.fixture
def versions(started: Desk) -> VersionsPresenter:
    """Two versions lie on disk, and the record of the second one."""
    for number in (1, 2):
        pattern = started.output / f"v{number:03d}" / f"sh010_v{number:03d}.####.exr"
        started.write_frames(str(pattern), 1001, 1002)
    job = EditJob(
        plate=Plate(started.plate),
        edit=Edit(prompt="a marble statue", seed=77),
        output=Output(str(pattern), strength=0.5),
    )
    (pattern.parent / "sh010_v002.job.json").write_text(json.dumps(job.to_json()))
    started.panel.versions.refresh()
    started.runner.advance(0)
    return started.panel.versions


def test_versions_are_listed_with_what_they_were_made_of(versions: VersionsPresenter) -> None:
    told = [(each.name, each.prompt, str(each.frames)) for each in versions.versions.value]
    assert told == [("v002", "a marble statue", "1001-1002"), ("v001", "", "1001-1002")]


def test_a_record_that_is_damaged_costs_only_the_words(
    started: Desk, versions: VersionsPresenter
) -> None:
    (started.output / "v002" / "sh010_v002.job.json").write_text("{half")
    versions.refresh()
    started.runner.advance(0)
    assert [each.prompt for each in versions.versions.value] == ["", ""]


def test_a_version_is_shown_against_the_plate(started: Desk, versions: VersionsPresenter) -> None:
    versions.show(2)
    viewer = started.panel.viewer
    assert [source.name for source in viewer.shown.value] == ["v002"]
    assert viewer.plate.value is not None
    assert viewer.plate.value.name == "plate"
    assert (versions.shown.value, versions.against.value) == (2, None)


def test_two_versions_are_compared_with_a_wipe(started: Desk, versions: VersionsPresenter) -> None:
    versions.compare(2, 1)
    assert [source.name for source in started.panel.viewer.shown.value] == ["v001", "v002"]
    assert (versions.shown.value, versions.against.value) == (2, 1)
    started.panel.viewer.show_edit(None)
    assert (now(versions.shown), now(versions.against)) == (None, None)


def test_the_settings_of_a_version_come_back_and_the_path_stays(
    started: Desk, versions: VersionsPresenter
) -> None:
    path = started.panel.output.path
    versions.bring_back(2)
    assert started.panel.edit["prompt"].value.value == "a marble statue"
    assert started.panel.edit["seed"].value.value == 77
    assert started.panel.output["strength"].value.value == 0.5
    assert started.panel.output.path == path
    versions.bring_back(1)  # no record: nothing changes
    assert started.panel.edit["seed"].value.value == 77


def test_a_job_that_ends_brings_its_version_into_the_list(
    started: Desk, versions: VersionsPresenter
) -> None:
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    started.panel.output.set_version(3)
    started.panel.render.render()
    started.runner.advance(0.1)
    started.write_frames(str(started.output / "v003" / "sh010_v003.####.exr"), 1001)
    started.runner.advance(5)
    assert [each.name for each in versions.versions.value] == ["v003", "v002", "v001"]
