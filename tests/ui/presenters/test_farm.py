"""To the farm: a bundle of the edit, in the folder that the farm's machines see."""

from __future__ import annotations

import pytest

from tests.ui.presenters.desk import Desk
from ui.presenters.farm import FarmPresenter

FOLDER = "/mnt/farm"


@pytest.fixture
def farm(started: Desk) -> FarmPresenter:
    """Everything is said that a bundle needs."""
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    started.panel.farm.folder.set(FOLDER)
    return started.panel.farm


def test_the_bundle_is_of_the_whole_edit_and_named_like_its_frames(
    started: Desk, farm: FarmPresenter
) -> None:
    farm.write()
    started.runner.advance(0)
    ((job, folder, workspace),) = started.client.bundles
    assert job == started.panel.render.job()
    assert folder.startswith(f"{FOLDER}/sh010") and "#" not in folder
    assert workspace == f"{FOLDER}/workspace"
    assert folder in farm.said.value
    assert not started.client.jobs()


def test_what_the_service_says_against_it_is_passed_on(started: Desk, farm: FarmPresenter) -> None:
    for _ in range(2):
        farm.write()
        started.runner.advance(0)
    assert "there already" in farm.said.value
    assert len(started.client.bundles) == 1


def test_without_a_folder_or_with_something_missing_nothing_is_asked(
    started: Desk, farm: FarmPresenter
) -> None:
    started.panel.edit["prompt"].set("")
    farm.write()
    assert farm.said.value == started.panel.render.reasons.value[0]
    farm.folder.set("")
    farm.write()
    started.runner.advance(0)
    assert "folder" in farm.said.value
    assert not started.client.bundles


def test_the_folder_is_kept_with_the_project(started: Desk, farm: FarmPresenter) -> None:
    kept = started.panel.save()
    farm.folder.set("")
    started.panel.restore(kept)
    assert farm.folder.value == FOLDER
