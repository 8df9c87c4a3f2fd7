"""Nuke's adapter against the stand-in: never run inside Nuke itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from ocio.frame_range import FrameRange
from tests.plugin.hosts.nuke_stand_in import Nuke, NukeMisused, nuke_in_place
from ui.host import HostResult


@pytest.fixture
def nuke(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nuke]:
    """Nuke 16 with a window."""
    monkeypatch.delenv("OCIO", raising=False)
    stand_in = Nuke()
    with nuke_in_place(stand_in):
        yield stand_in


@pytest.fixture
def host(nuke: Nuke) -> Any:
    """The adapter in it."""
    from plugin.hosts.nuke.adapter import NukeHost

    return NukeHost()


def result(path: str = "/shots/edit/v001/e_v001.####.exr", **changes: Any) -> HostResult:
    """Return a result whose plate is the one of `nuke.read("/shots/plate.####.exr")`."""
    known = {
        "job_id": "job-1",
        "path": path,
        "frames": FrameRange.parse("1001-1048"),
        "colorspace": "ACES - ACEScg",
        "plate_path": "/shots/plate.####.exr",
    }
    return HostResult(**{**known, **changes})


# The plate.


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/shots/plate.####.exr", "/shots/plate.####.exr"),
        ("/shots/plate.%04d.exr", "/shots/plate.%04d.exr"),
        ("[getenv SHOT]/plate.%04d.exr", "/show/sh010/plate.%04d.exr"),
        ("C:\\shots\\plate.%04d.exr", "C:/shots/plate.%04d.exr"),
        ("/shots/plate.1001.exr", "/shots/plate.####.exr"),
    ],
)
def test_a_path_comes_with_its_expressions_worked_out(
    nuke: Nuke, host: Any, written: str, read: str
) -> None:
    nuke.variables["SHOT"] = "/show/sh010"
    nuke.read(written)
    assert [plate.path for plate in host.plates()] == [read]


def test_the_studios_path_mapping_is_applied(nuke: Nuke, host: Any) -> None:
    nuke.addFilenameFilter(lambda path: path.replace("P:/", "/mnt/projects/"))
    nuke.read("P:/sh010/plate.####.exr")
    assert host.plates()[0].path == "/mnt/projects/sh010/plate.####.exr"


def test_a_write_that_reads_its_file_is_a_plate_and_another_is_none(nuke: Nuke, host: Any) -> None:
    write = nuke.read("/shots/precomp.####.exr", kind="Write")
    assert host.plates() == ()
    write["reading"].setValue(True)
    assert [plate.name for plate in host.plates()] == ["Write1"]


def test_the_node_selected_last_comes_first(nuke: Nuke, host: Any) -> None:
    nuke.read("/a.####.exr")
    nuke.read("/b.####.exr")
    assert [plate.name for plate in host.plates()] == ["Read2", "Read1"]


@pytest.mark.parametrize(
    ("knob", "space", "explicit"),
    [
        ("default (ACES/ACES - ACEScg)", "ACES/ACES - ACEScg", False),
        ("ACES/ACES2065-1", "ACES2065-1", True),
        ("scene_linear (ACES - ACEScg)", "ACES - ACEScg", True),
        ("data", "data", True),
    ],
)
def test_a_colour_space_is_explicit_where_somebody_chose_it(
    nuke: Nuke, host: Any, knob: str, space: str, explicit: bool
) -> None:
    nuke.read("/shots/plate.####.exr")["colorspace"].setValue(knob)
    (plate,) = host.plates()
    assert (plate.colorspace, plate.explicit) == (space, explicit)


@pytest.mark.parametrize(
    ("knob", "policy"),
    [("error", "error"), ("black", "black"), ("nearest frame", "hold"), ("checkerboard", None)],
)
def test_what_a_read_does_about_missing_frames_is_the_policy(
    nuke: Nuke, host: Any, knob: str, policy: str | None
) -> None:
    nuke.read("/shots/plate.####.exr")["on_error"].setValue(knob)
    assert host.plates()[0].missing == policy


def test_the_range_is_the_reads_own(nuke: Nuke, host: Any) -> None:
    nuke.read("/shots/plate.####.exr", -8, 5)
    assert str(host.plates()[0].frames) == "-8-5"


def test_a_proxy_and_what_the_header_says_are_told(nuke: Nuke, host: Any) -> None:
    node = nuke.read("/shots/plate.####.exr")
    node.header = {"input/timecode": "01:00:00:00", "input/frame_rate": 24}
    nuke.root_["proxy"].setValue(True)
    (plate,) = host.plates()
    assert plate.proxy
    assert plate.metadata == {"input/timecode": "01:00:00:00", "input/frame_rate": "24"}


# Time and colour.


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (24.0, Fraction(24)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_a_rate_is_the_fraction_that_it_stands_for(
    nuke: Nuke, host: Any, fps: float, rate: Fraction
) -> None:
    nuke.root_["fps"].setValue(fps)
    assert host.timeline().fps == rate


def test_the_config_is_the_projects_built_in_one(nuke: Nuke, host: Any) -> None:
    colour = host.colour()
    assert colour.config == "/opt/Nuke16.0v3/plugins/OCIOConfigs/config.ocio"
    assert (colour.chosen_by, colour.working_space) == ("project", "scene_linear")
    assert colour.display_view == "sRGB - Display/ACES 1.0 - SDR Video"


def test_a_custom_config_comes_with_its_expressions_worked_out(nuke: Nuke, host: Any) -> None:
    nuke.variables["SHOW"] = "/show"
    nuke.root_["OCIO_config"].setValue("custom")
    nuke.root_["customOCIOConfigPath"].setValue("[getenv SHOW]/config.ocio")
    assert host.colour().config == "/show/config.ocio"


def test_without_ocio_the_service_chooses(nuke: Nuke, host: Any) -> None:
    nuke.root_["colorManagement"].setValue("Nuke")
    assert host.colour() is None


# The result.


def test_a_result_stands_below_its_plate_and_follows_its_time(nuke: Nuke, host: Any) -> None:
    plate = nuke.read("/shots/plate.%04d.exr")
    plate.setXYpos(300, -40)
    plate["frame_mode"].setValue("start at")
    plate["frame"].setValue("1")
    host.place_result(result())
    read = nuke.allNodes("Read")[-1]
    assert read["file"].value() == "/shots/edit/v001/e_v001.####.exr"
    ranges = [read[name].value() for name in ("first", "last", "origfirst", "origlast")]
    assert ranges == [1001, 1048, 1001, 1048]
    assert read["colorspace"].value() == "ACES/ACES - ACEScg"
    assert (read.xpos(), read.ypos() > plate.ypos()) == (300, True)
    assert (read["frame_mode"].value(), read["frame"].value()) == ("start at", "1")
    assert read["tokenflow_job"].flags == nuke.INVISIBLE


def test_a_path_with_a_space_keeps_its_range(nuke: Nuke, host: Any) -> None:
    host.place_result(result("/my shots/e.####.exr"))
    read = nuke.allNodes("Read")[-1]
    assert (read["file"].value(), read["last"].value()) == ("/my shots/e.####.exr", 1048)


def test_an_undo_group_is_closed_where_placing_fails(nuke: Nuke, host: Any) -> None:
    nuke.read("/shots/plate.####.exr")
    nuke.nodes.Read = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(ZeroDivisionError):
        host.place_result(result())
    assert nuke.Undo.open is None


def test_reading_again_presses_the_nodes_own_button(nuke: Nuke, host: Any) -> None:
    handle = host.place_result(result())
    host.reload(handle)
    assert nuke.allNodes("Read")[-1]["reload"].executed == 1


# The stand-in itself: rules that Nuke keeps only by hanging.


def test_the_stand_in_refuses_the_way_into_the_main_thread_from_there(nuke: Nuke) -> None:
    with pytest.raises(NukeMisused, match="hangs"):
        nuke.executeInMainThread(lambda: None)


def test_the_stand_in_refuses_the_api_in_other_threads(nuke: Nuke, host: Any) -> None:
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            host.plates()
        except NukeMisused as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert len(caught) == 1


@pytest.mark.parametrize("name", ["selectAll", "createReadNode"])
def test_the_stand_in_refuses_what_is_not_documented(nuke: Nuke, name: str) -> None:
    with pytest.raises(NukeMisused, match="not documented"):
        getattr(nuke, name)
