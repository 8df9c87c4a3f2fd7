"""Pictures and inspection, over a real socket and with the real viewer process."""

from __future__ import annotations

import io
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ocio.config import resolve_config
from ocio.encoding import Encoding
from ocio.exr import read_frame
from tests.ocio.plates import rgb, write_plate
from tests.tokenflow.service.doors import LONG, Answer, Front, running_front
from tokenflow.job import Edit, EditJob, Matte, Output, Plate
from tokenflow.service import viewing
from tokenflow.states import RunRequest

LABEL = {"colorInteropID": "lin_ap1_scene"}


@pytest.fixture(scope="module")
def shows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shows")


@pytest.fixture(scope="module")
def front(shows: Path) -> Iterator[Front]:
    with running_front(shows) as running:
        running.door.viewing.start()
        yield running


@pytest.fixture
def plate(demo_plate: Path, shows: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the demo plate that the test may spoil, in a folder of its own."""
    folder = shows / f"{abs(hash(request.node.name)):x}"
    return Path(shutil.copytree(demo_plate, folder / "plate"))


@pytest.fixture
def job_id(front: Front, plate: Path) -> str:
    """A job whose frame 1001 is written, brighter than the plate."""
    out = plate.parent / "edit"
    job = EditJob(
        plate=Plate(str(plate)), edit=Edit("x"), output=Output(str(out)), matte=Matte(":matte.a")
    )
    frame = read_frame(plate / "plate.1001.exr")
    write_plate(out / "plate.1001.exr", dict(zip("RGB", _planes(frame.rgb() * 2), strict=True)))
    return front.store.submit(job, RunRequest())[0].id


def _planes(picture: Any) -> Any:
    return np.moveaxis(picture.astype(np.float16), 2, 0)


def pixels(answer: Answer) -> npt.NDArray[np.uint8]:
    assert answer.status == 200, answer.body
    return np.asarray(Image.open(io.BytesIO(answer.body)).convert("RGB"))


def shown(path: Path) -> npt.NDArray[np.uint8]:
    """Return a frame as the model would see it at full size: the second way to a picture."""
    encoding = Encoding.build(resolve_config(), "ACEScg")
    code: npt.NDArray[np.uint8] = np.rint(encoding.encode(read_frame(path).rgb()) * 255).astype(
        np.uint8
    )
    return code


def assert_refused(answer: Answer, status: int, code: str, *named: str) -> None:
    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    text = answer.error["message"] + answer.error["hint"]
    assert all(words in text for words in named), text


def test_plate_and_edit_are_shown_as_the_model_sees_them(
    front: Front, job_id: str, plate: Path
) -> None:
    frames = f"/v1/jobs/{job_id}/frames"
    before = pixels(front.ask("GET", f"{frames}/1001.png?what=plate"))
    after = pixels(front.ask("GET", f"{frames}/1001.png?what=edit"))
    assert np.array_equal(before, shown(plate / "plate.1001.exr"))
    assert np.array_equal(after, shown(plate.parent / "edit/plate.1001.exr"))


def test_a_difference_is_absolute_and_as_bright_as_asked(front: Front, job_id: str) -> None:
    frames = f"/v1/jobs/{job_id}/frames/1001.png"
    before, after, once, twice = (
        pixels(front.ask("GET", f"{frames}?what={what}")).astype(int)
        for what in ("plate", "edit", "difference&gain=1", "difference&gain=2")
    )
    assert np.abs(once - np.abs(after - before)).max() <= 1
    assert np.abs(twice - np.clip(2 * np.abs(after - before), 0, 255)).max() <= 2
    assert twice.max() > 20


def test_a_matte_is_shown_in_grey(front: Front, job_id: str, plate: Path) -> None:
    answer = front.ask("GET", f"/v1/jobs/{job_id}/frames/1001.png?what=matte")
    matte = read_frame(plate / "plate.1001.exr").parts[0].channels["matte.a"].astype(np.float32)
    expected = np.rint(matte * 255)
    assert expected.max() == 255
    assert np.array_equal(pixels(answer), np.repeat(expected[..., None], 3, axis=2))


def test_a_picture_is_as_wide_as_asked_and_never_wider_than_the_plate(
    front: Front, plate: Path
) -> None:
    path = f"/v1/plates/frame.png?path={plate}&frame=1002"
    assert pixels(front.ask("GET", f"{path}&width=32")).shape == (18, 32, 3)
    assert pixels(front.ask("GET", f"{path}&width=5000")).shape == (36, 64, 3)
    assert pixels(front.ask("GET", path)).shape == (36, 64, 3)


def test_what_is_shown_is_the_display_window_in_square_pixels(front: Front, plate: Path) -> None:
    inner = plate.parent / "inner.0001.exr"
    light = {name: np.full((10, 20), 0.5, np.float16) for name in "RGB"}
    write_plate(
        inner,
        light,
        data=(10, 20),
        display=(0, 0, 100, 50),
        attributes={**LABEL, "PixelAspectRatio": 2.0},
    )
    picture = pixels(front.ask("GET", f"/v1/plates/frame.png?path={inner}&frame=1"))
    assert picture.shape == (50, 200, 3)
    lit = picture.max(axis=2) > 0
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (20, 30, 20, 60)


def test_jpeg_is_a_smaller_picture_of_the_same(front: Front, plate: Path) -> None:
    where = f"path={plate}&frame=1001"
    png = front.ask("GET", f"/v1/plates/frame.png?{where}")
    jpg = front.ask("GET", f"/v1/plates/frame.jpg?{where}")
    assert (png.headers["content-type"], jpg.headers["content-type"]) == ("image/png", "image/jpeg")
    assert png.body[:4] == b"\x89PNG" and jpg.body[:2] == b"\xff\xd8"
    assert np.abs(pixels(png).astype(int) - pixels(jpg)).mean() < 4


def test_the_view_asked_for_is_used(front: Front, plate: Path) -> None:
    where = f"/v1/plates/frame.png?path={plate}&frame=1001"
    usual = pixels(front.ask("GET", where))
    flat = pixels(front.ask("GET", f"{where}&view=sRGB%20-%20Display/Un-tone-mapped"))
    assert not np.array_equal(usual, flat)
    assert_refused(front.ask("GET", f"{where}&view=nothing"), 422, "invalid_job", "DISPLAY/VIEW")
    assert_refused(front.ask("GET", f"{where}&view=a/b"), 422, "unusable_view", "a/b")


def test_a_picture_is_made_again_when_its_frame_has_changed(front: Front, plate: Path) -> None:
    where = f"/v1/plates/frame.png?path={plate}&frame=1001"
    first = front.ask("GET", where)
    write_plate(plate / "plate.1001.exr", rgb(36, 64), attributes=LABEL)
    second = front.ask("GET", where)
    assert first.body != second.body
    assert np.array_equal(pixels(second), shown(plate / "plate.1001.exr"))


def test_a_picture_at_hand_is_not_sent_again(front: Front, plate: Path) -> None:
    where = f"/v1/plates/frame.png?path={plate}&frame=1001"
    tag = front.ask("GET", where).headers["etag"]
    again = front.ask("GET", where, headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")
    assert front.ask("GET", where, headers={"If-None-Match": '"another"'}).status == 200


def test_a_cached_picture_wakes_no_viewer(front: Front, plate: Path) -> None:
    where = f"/v1/plates/frame.png?path={plate}&frame=1001"
    first = front.ask("GET", where)
    viewer = front.door.viewing.viewer
    viewer.kill()
    until = time.monotonic() + LONG
    while viewer._child is not None:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert front.ask("GET", where).body == first.body
    assert viewer._child is None


def test_who_waits_for_the_same_picture_waits_for_one(front: Front, plate: Path) -> None:
    where = f"/v1/plates/frame.png?path={plate}&frame=1003&width=50"
    before = front.door.viewing.viewer._number
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: front.ask("GET", where), range(8)))
    assert {answer.body for answer in answers} == {answers[0].body}
    assert front.door.viewing.viewer._number == before + 1


def test_pictures_come_back_after_the_viewer_was_killed_in_the_middle(
    front: Front, plate: Path
) -> None:
    def ask(width: int) -> Answer:
        return front.ask("GET", f"/v1/plates/frame.png?path={plate}&frame=1001&width={width}")

    front.door.viewing.start()
    child = front.door.viewing.viewer._child
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)  # so that it has answered nothing when it dies
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(ask, width) for width in range(10, 26)]
        until = time.monotonic() + LONG
        while len(front.door.viewing.viewer._waiting) < viewing.AT_ONCE:
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        assert [answer.result().status for answer in asked] == [200] * 16


def test_a_viewer_that_hangs_is_replaced(
    front: Front, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"/v1/plates/frame.png?path={plate}&frame=1001"
    assert front.ask("GET", where).status == 200
    child = front.door.viewing.viewer._child
    assert child is not None
    monkeypatch.setattr(viewing, "ANSWER_SECONDS", 0.3)
    os.kill(child.pid, signal.SIGSTOP)
    answer = front.ask("GET", f"{where}&width=20")
    assert_refused(answer, 504, "frames_out_of_reach", "disk")
    assert answer.error["retryable"]
    monkeypatch.undo()
    assert front.ask("GET", f"{where}&width=20").status == 200
    assert not child.alive


def test_who_scrubs_too_fast_is_told_and_nothing_piles_up(
    front: Front, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "MOST_WAITING", 2)
    where = f"/v1/plates/frame.png?path={plate}&frame=1005&width="
    front.door.viewing.start()
    child = front.door.viewing.viewer._child
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)  # so that none is made before all are asked for
    with ThreadPoolExecutor(12) as threads:
        asked = [threads.submit(front.ask, "GET", f"{where}{width}") for width in range(20, 32)]
        refused = [each.result(LONG) for each in islice(as_completed(asked, LONG), 10)]
        os.kill(child.pid, signal.SIGCONT)
        assert sorted(each.result(LONG).status for each in asked) == [200] * 2 + [429] * 10
    for answer in refused:
        assert_refused(answer, 429, "too_many_pictures")
        assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("query", "status", "code", "named"),
    [
        ("what=edit", 404, "missing_frames", "1002"),
        ("what=difference", 404, "missing_frames", "not written yet"),
        ("what=nothing", 422, "invalid_request", "what"),
        ("width=0", 422, "invalid_request", "width"),
        ("gain=nan&what=difference", 422, "invalid_request", "gain"),
    ],
)
def test_a_picture_that_cannot_be_had_is_refused_in_words(
    front: Front, job_id: str, query: str, status: int, code: str, named: str
) -> None:
    answer = front.ask("GET", f"/v1/jobs/{job_id}/frames/1002.png?{query}")
    assert_refused(answer, status, code, named)


def test_a_frame_that_the_plate_lacks_is_named(front: Front, job_id: str) -> None:
    answer = front.ask("GET", f"/v1/jobs/{job_id}/frames/-7.png?what=plate")
    assert_refused(answer, 404, "missing_frames", "-7", "1001 to 1005")


def test_a_damaged_frame_is_named(front: Front, plate: Path) -> None:
    os.truncate(plate / "plate.1004.exr", 3000)
    answer = front.ask("GET", f"/v1/plates/frame.png?path={plate}&frame=1004")
    assert_refused(answer, 404, "unreadable_frame", "plate.1004.exr", "again")
    assert answer.error["frame"] == 1004


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "{}/../../../etc/passwd", "relative.exr", "{}/out"]
)
def test_another_users_frames_are_not_shown(
    front: Front, plate: Path, tmp_path: Path, path: str
) -> None:
    write_plate(tmp_path / "x.0001.exr", rgb(), attributes=LABEL)
    (plate / "out").symlink_to(tmp_path)
    where = path.format(plate)
    for answer in (
        front.ask("GET", f"/v1/plates/frame.png?path={where}&frame=1"),
        front.ask("POST", "/v1/plates/inspect", {"path": where}),
        front.ask("GET", f"/v1/plates/frame.png?path={plate}&frame=1001&ocio={where}"),
    ):
        assert_refused(answer, 403, "path_not_allowed")


def test_a_frame_that_is_a_link_to_elsewhere_is_not_shown(
    front: Front, plate: Path, tmp_path: Path
) -> None:
    (plate / "plate.1001.exr").rename(tmp_path / "moved.exr")
    (plate / "plate.1001.exr").symlink_to(tmp_path / "moved.exr")
    answer = front.ask("GET", f"/v1/plates/frame.png?path={plate}&frame=1001")
    assert_refused(answer, 403, "path_not_allowed", "plate.1001.exr")
    assert front.ask("GET", f"/v1/plates/frame.png?path={plate}&frame=1002").status == 200


def test_a_plate_is_described(front: Front, plate: Path) -> None:
    (plate / "plate.1003.exr").unlink()
    attributes = {
        **LABEL,
        "framesPerSecond": ("rational", (24000, 1001)),
        "smpte:TimeCode": ("timecode", (0x01020304, 0)),
    }
    write_plate(plate / "plate.1001.exr", rgb(36, 64), data=(-2, 0), attributes=attributes)
    found = front.ask("POST", "/v1/plates/inspect", {"path": str(plate)}).json
    assert found["pattern"] == str(plate / "plate.####.exr")
    assert (found["frames"], found["missing"]) == ("1001-1002,1004-1005", "1003")
    assert found["data_window"] == [-2, 0, 64, 36]
    assert found["parts"][0]["channels"] == dict.fromkeys("BGR", "float16")
    assert found["edited"] == {"part": 0, "channels": ["R", "G", "B"], "alpha": None}
    assert found["color"]["colorspace"] == "ACEScg"
    assert found["color"]["default_view"] in found["color"]["views"]
    assert (found["frame_rate"], found["timecode"]) == ([24000, 1001], "01:02:03:04")


def test_a_plate_that_does_not_say_its_colour_space_is_described_with_the_reason(
    front: Front, plate: Path
) -> None:
    silent = write_plate(plate.parent / "silent.0001.exr", rgb())
    found = front.ask("POST", "/v1/plates/inspect", {"path": str(silent)}).json["color"]
    assert found["colorspace"] is None
    assert found["error"]["code"] == "unknown_colour_space"
    assert "ACEScg" in found["colorspaces"]
    where = f"/v1/plates/frame.png?path={silent}&frame=1"
    assert_refused(front.ask("GET", where), 422, "unknown_colour_space", "silent.0001.exr")
    assert front.ask("GET", f"{where}&colorspace=ACEScg").status == 200


def test_the_bundled_checkpoint_is_listed_with_its_words(front: Front) -> None:
    models = front.ask("GET", "/v1/models").json["models"]
    demo = next(model for model in models if model["name"] == "demo")
    assert demo["licence"] == "apache-2.0" and demo["commercial"] is True
    assert "ball" in demo["vocabulary"] and demo["problem"] is None


def test_the_client_gets_pictures_and_facts(front: Front, job_id: str, plate: Path) -> None:
    client = front.client
    assert client.frame(job_id, 1001, "edit", width=32)[:4] == b"\x89PNG"
    assert client.plate_frame(str(plate), 1001, picture="jpg")[:2] == b"\xff\xd8"
    assert client.inspect(str(plate))["first"] == 1001
    assert client.models()[0]["name"] == "demo"
    assert client.device()["devices"]
