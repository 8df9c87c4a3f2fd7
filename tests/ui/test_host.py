"""The file system as a host, and what every host's answers look like."""

from __future__ import annotations

from pathlib import Path

from ocio.frame_range import FrameRange
from ui.host import FolderHost, HostColour, HostResult


def test_a_folder_can_do_nothing_and_says_so_without_an_error(tmp_path: Path) -> None:
    host = FolderHost(settings=tmp_path, output_root=tmp_path / "out", project="/p")
    assert host.capabilities == frozenset()
    assert host.plates() == ()
    assert host.timeline() is None
    assert host.colour() is None
    assert host.place_result(HostResult("a", "/o", FrameRange.of([1]), None, "/p")) is None
    host.reload("nothing")
    host.close()
    host.close()
    defaults = host.defaults()
    assert (defaults.settings, defaults.output_root, defaults.project) == (
        tmp_path,
        tmp_path / "out",
        "/p",
    )


def test_what_is_to_run_in_the_main_thread_is_handed_on() -> None:
    handed: list[object] = []
    host = FolderHost(call_main=handed.append)
    host.call_main(lambda: None)
    assert len(handed) == 1
    called: list[int] = []
    FolderHost().call_main(lambda: called.append(1))
    assert called == [1]


def test_a_view_is_named_only_where_display_and_view_are_known() -> None:
    assert HostColour(display="sRGB", view="ACES").display_view == "sRGB/ACES"
    assert HostColour(display="sRGB").display_view is None
