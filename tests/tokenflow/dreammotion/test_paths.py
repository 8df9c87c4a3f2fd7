"""A motion adapter's folder is a path of the job like every other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenflow.cli.paths import job_from_anywhere
from tokenflow.errors import PathNotAllowed
from tokenflow.farm.path_mapping import PathMapping, Rule
from tokenflow.job import Edit, EditJob, Model, Output, Plate
from tokenflow.service.progress import stage_work
from tokenflow.service.roots import Roots


def job(motion: str) -> EditJob:
    return EditJob(
        plate=Plate("/shots/a.####.exr"),
        edit=Edit(prompt="a ball", method="dreammotion"),
        model=Model(motion=motion),
        output=Output("/shots/b.####.exr"),
    )


def test_it_is_mapped_on_a_farm() -> None:
    rules = PathMapping.of([Rule("POSIX", "/models", "/mnt/models")])
    assert rules.job(job("/models/motion")).model.motion == "/mnt/models/motion"


def test_it_is_made_absolute_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert job_from_anywhere(job("motion")).model.motion == str(tmp_path / "motion")


def test_the_service_reads_it_in_allowed_folders_only(tmp_path: Path) -> None:
    with pytest.raises(PathNotAllowed, match="the motion adapter"):
        Roots([Path("/shots")]).check_job(job(str(tmp_path / "motion")))
    Roots([Path("/shots"), tmp_path]).check_job(job(str(tmp_path / "motion")))


def test_the_services_bar_knows_what_bending_costs() -> None:
    work = stage_work(job("/m"), 10)
    assert work["invert"] == 0 and work["edit"] > 100 * work["decode"] > 0
