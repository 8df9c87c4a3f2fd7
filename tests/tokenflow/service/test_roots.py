"""Paths of requests stay in the folders that the user allowed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ocio.plates import rgb, write_plate
from tokenflow.errors import PathNotAllowed
from tokenflow.job import (
    Base,
    Color,
    Control,
    Deflicker,
    Edit,
    EditJob,
    Matte,
    Model,
    Output,
    Plate,
)
from tokenflow.service.roots import Roots


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "shows"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def roots(inside: Path) -> Roots:
    return Roots([inside])


@pytest.fixture
def job(inside: Path) -> EditJob:
    return EditJob(
        plate=Plate(str(inside / "plate.####.exr")),
        edit=Edit("a blue ball"),
        output=Output(str(inside / "new/edit.####.exr")),
    )


def test_what_lies_in_an_allowed_folder_passes(roots: Roots, inside: Path) -> None:
    assert roots.check(inside / "new/deep/shot.####.exr") == inside / "new/deep/shot.####.exr"
    assert roots.check(inside) == inside


@pytest.mark.parametrize(
    "path", ["{out}/x.exr", "{in}/../secrets/x.exr", "{in}x/y.exr", "/", "~/x"]
)
def test_what_lies_elsewhere_is_refused(
    roots: Roots, inside: Path, outside: Path, path: str
) -> None:
    with pytest.raises(PathNotAllowed, match="serve start --root|full path"):
        roots.check(path.replace("{in}", str(inside)).replace("{out}", str(outside)))


@pytest.mark.parametrize("path", ["shot.exr", "", "./x", "C:\\x", "/a\0b"])
def test_a_path_that_does_not_begin_at_the_root_is_refused(roots: Roots, path: str) -> None:
    with pytest.raises(PathNotAllowed, match="full path"):
        roots.check(path)


def test_links_are_followed_before_the_check(roots: Roots, inside: Path, outside: Path) -> None:
    (inside / "link").symlink_to(outside)
    with pytest.raises(PathNotAllowed):
        roots.check(inside / "link/not there yet/x.exr")
    (outside / "back").symlink_to(inside)
    assert roots.check(outside / "back/x.exr") == inside / "x.exr"


def test_a_circle_of_links_and_endless_names_are_refused_or_harmless(
    roots: Roots, inside: Path
) -> None:
    (inside / "a").symlink_to(inside / "b")
    (inside / "b").symlink_to(inside / "a")
    assert roots.check(inside / "a").is_relative_to(inside)
    assert roots.check(f"{inside}/{'x' * 5000}").is_relative_to(inside)


def test_an_allowed_folder_may_be_a_link_itself(inside: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(inside)
    roots = Roots([tmp_path / "alias"])
    assert roots.check(inside / "x.exr") == roots.check(tmp_path / "alias/x.exr")


def test_home_the_show_of_ocio_and_the_settings_are_allowed(
    monkeypatch: pytest.MonkeyPatch, inside: Path, outside: Path
) -> None:
    monkeypatch.setenv("OCIO", str(outside / "config.ocio"))
    folders = Roots.of_user([inside]).folders
    assert {Path(os.path.realpath(Path.home())), inside, outside} == set(folders)
    monkeypatch.setenv("OCIO", "ocio://default")
    assert outside not in Roots.of_user([inside]).folders


def test_a_job_within_the_roots_passes(roots: Roots, job: EditJob) -> None:
    roots.check_job(job)
    roots.check_job(replace(job, color=Color("ocio://default"), model=Model("some/hub-id")))
    roots.check_job(replace(job, matte=Matte(":CryptoObject=ball/left")))
    roots.check_job(replace(job, matte=Matte(f"{job.plate.path}:matte.a")))


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("plate", Plate("{}/x.####.exr")),
        ("output", Output("{}/x.####.exr")),
        ("color", Color("{}/config.ocio")),
        ("color", Color("{}/x://config.ocio")),
        ("model", Model("{}/model.safetensors")),
        ("model", Model("tokenflow")),
        ("matte", Matte("{}/m.####.exr")),
        ("matte", Matte("{}/m.####.exr:A")),
        ("matte", Matte("m.####.exr")),
    ],
)
def test_every_path_of_a_job_is_checked(
    roots: Roots, job: EditJob, outside: Path, field: str, part: Any
) -> None:
    name = next(n for n in ("path", "ocio", "checkpoint", "source") if hasattr(part, n))
    changed: Any = {field: replace(part, **{name: getattr(part, name).format(outside)})}
    with pytest.raises(PathNotAllowed):
        roots.check_job(replace(job, **changed))


def test_another_decoder_is_read_from_allowed_folders_only(
    roots: Roots, job: EditJob, inside: Path, outside: Path
) -> None:
    def decoded_by(folder: Path) -> EditJob:
        decoder = Model("demo", decoder="temporal", decoder_checkpoint=str(folder))
        return replace(job, model=decoder)

    roots.check_job(decoded_by(inside / "decoder"))
    with pytest.raises(PathNotAllowed, match="the decoder"):
        roots.check_job(decoded_by(outside / "decoder"))


def test_controlnets_are_read_from_allowed_folders_only(
    roots: Roots, job: EditJob, inside: Path, outside: Path
) -> None:
    def held_by(*folders: str) -> EditJob:
        controls = tuple(Control("depth", folder) for folder in folders)
        edit = Edit(prompt="a blue ball", technique="controlnet", controls=controls)
        return replace(job, edit=edit)

    roots.check_job(held_by("demo-depth", str(inside / "depth")))
    with pytest.raises(PathNotAllowed, match="the ControlNet"):
        roots.check_job(held_by(str(inside / "depth"), str(outside / "canny")))


def test_weights_of_the_motion_are_read_from_allowed_folders_only(
    roots: Roots, job: EditJob, inside: Path, outside: Path
) -> None:
    def followed_by(folder: Path) -> EditJob:
        weights = str(folder / "raft.safetensors")
        return replace(job, deflicker=Deflicker(flow="raft", flow_weights=weights))

    roots.check_job(followed_by(inside))
    with pytest.raises(PathNotAllowed, match="the motion"):
        roots.check_job(followed_by(outside))


def test_an_earlier_edit_lies_in_allowed_folders_with_its_frames_and_what_is_below_it(
    roots: Roots, job: EditJob, inside: Path, outside: Path
) -> None:
    def upon(folder: Path, earlier: EditJob) -> EditJob:
        folder.mkdir(exist_ok=True)
        (folder / "edit.job.json").write_text(json.dumps(earlier.to_json()))
        return replace(job, base=Base(str(folder)))

    roots.check_job(upon(inside / "v1", job))
    roots.check_job(replace(job, base=Base(str(inside / "not there yet"))))
    roots.check_job(upon(inside / "itself", upon(inside / "itself", job)))
    elsewhere = replace(job, output=Output(str(outside / "edit.####.exr")))
    for bad in (
        upon(outside, job),
        upon(inside / "v2", elsewhere),
        upon(inside / "v3", upon(inside / "v2", elsewhere)),
        upon(inside / "v4", replace(job, base=Base(str(outside / "edit.job.json")))),
    ):
        with pytest.raises(PathNotAllowed, match="the base"):
            roots.check_job(bad)


def test_frames_of_an_earlier_edit_that_lead_out_of_the_roots_are_refused(
    roots: Roots, job: EditJob, inside: Path, outside: Path
) -> None:
    (inside / "v1.job.json").write_text(json.dumps(job.to_json()))
    write_plate(outside / "other.exr", rgb())
    (inside / "edit.0001.exr").symlink_to(outside / "other.exr")
    with pytest.raises(PathNotAllowed, match="edit.0001"):
        roots.check_job(replace(job, base=Base(str(inside / "v1.job.json"))))


def test_a_matte_cannot_hide_another_folder_behind_a_colon(
    roots: Roots, job: EditJob, inside: Path, outside: Path
) -> None:
    for source in (
        f"{outside}/m.exr:{inside}",
        f"{inside}/x:/../../secrets/m.exr",
        f"{outside}/m.exr:/../../shows/ball",
    ):
        with pytest.raises(PathNotAllowed):
            roots.check_job(replace(job, matte=Matte(source)))


def test_a_frame_that_leads_out_of_the_roots_is_refused(
    roots: Roots, job: EditJob, inside: Path, outside: Path
) -> None:
    write_plate(outside / "other.exr", rgb())
    write_plate(inside / "plate.0001.exr", rgb())
    roots.check_job(job)
    (inside / "plate.0002.exr").symlink_to(outside / "other.exr")
    with pytest.raises(PathNotAllowed, match="plate.0002"):
        roots.check_job(job)
