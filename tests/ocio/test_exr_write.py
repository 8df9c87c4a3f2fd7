import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from ocio.attributes import JOB_HASH
from ocio.errors import (
    DiskFull,
    NoPermission,
    OutputExists,
    OutputIsInput,
    UnsupportedCompression,
    UnsupportedSamples,
    WriteFailed,
)
from ocio.exr import inspect, read_frame
from ocio.exr_write import frame_is_complete, write_frame
from ocio.frame import Frame
from ocio.temporary import remove_stale_temporaries
from tests.ocio.plates import bits, header_of, rgb, shared_plate, write_parts, write_plate


def plate(tmp_path: Path, **options: Any) -> Frame:
    channels = {
        **rgb(64, 48, nasty=True),
        "A": np.ones((64, 48), np.float16),
        "Z": np.random.default_rng(3).random((64, 48), np.float32),
        "forward.u": np.full((64, 48), np.nan, np.float32),
    }
    options = {"data": (-3, 5), "display": (0, 0, 64, 80), **options}
    return read_frame(write_plate(tmp_path / "plate.0001.exr", channels, **options), 1)


def assert_same_samples(one: Frame, other: Frame) -> None:
    assert len(one.parts) == len(other.parts)
    for left, right in zip(one.parts, other.parts, strict=True):
        assert left.data_window == right.data_window
        assert left.display_window == right.display_window
        assert left.channel_types == right.channel_types
        for name, samples in left.channels.items():
            assert np.array_equal(bits(samples), bits(right.channels[name])), name


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_sample_of_every_type_comes_back_bit_for_bit(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    write_frame(tmp_path / "out" / "a.0001.exr", frame)
    assert_same_samples(frame, read_frame(tmp_path / "out" / "a.0001.exr"))
    assert files_in(tmp_path / "out") == ["a.0001.exr"]


def test_parts_keep_names_windows_views_and_types(tmp_path: Path) -> None:
    parts = [
        (
            rgb(nasty=True),
            {
                "data": (4, 4),
                "display": (0, 0, 40, 40),
                "attributes": {"name": "beauty", "view": "left"},
            },
        ),
        (
            {"id": np.arange(48, dtype=np.uint32).reshape(6, 8) * 2**26 + 3},
            {"data": (-2, 0), "display": (0, 0, 40, 40), "attributes": {"name": "crypto"}},
        ),
    ]
    frame = read_frame(write_parts(tmp_path / "m.exr", parts))
    write_frame(tmp_path / "out.exr", frame)
    back = read_frame(tmp_path / "out.exr")
    assert_same_samples(frame, back)
    assert [part.name for part in back.parts] == ["beauty", "crypto"]
    assert header_of(tmp_path / "out.exr", 0)["view"] == "left"


def test_tiles_stay_tiles(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(70, 50, 3, "half")
    spec.tile_width, spec.tile_height = 32, 16
    output: Any = oiio.ImageOutput.create("exr")
    assert output.open(str(tmp_path / "t.exr"), spec)
    assert output.write_image(np.ones((50, 70, 3), np.float16))
    output.close()
    frame = read_frame(tmp_path / "t.exr")
    write_frame(tmp_path / "out.exr", frame)
    assert inspect(tmp_path / "out.exr").parts[0].tile == (32, 16)
    assert_same_samples(frame, read_frame(tmp_path / "out.exr"))


@pytest.mark.parametrize("compression", ["none", "rle", "zip", "zips", "piz"])
def test_a_lossless_compression_stays(tmp_path: Path, compression: str) -> None:
    frame = plate(tmp_path, attributes={"compression": compression})
    write_frame(tmp_path / "o.exr", frame)
    assert header_of(tmp_path / "o.exr")["compression"] == compression


@pytest.mark.parametrize("compression", ["dwaa", "dwab", "b44", "pxr24"])
def test_a_lossy_compression_becomes_zip_and_loses_nothing_more(
    tmp_path: Path, compression: str
) -> None:
    frame = plate(tmp_path, attributes={"compression": compression})
    write_frame(tmp_path / "o.exr", frame)
    assert header_of(tmp_path / "o.exr")["compression"] == "zip"
    assert_same_samples(frame, read_frame(tmp_path / "o.exr"))


def test_the_source_compression_is_repeated_with_its_level_when_asked_for(tmp_path: Path) -> None:
    frame = plate(tmp_path, attributes={"compression": "dwaa:120"})
    write_frame(tmp_path / "o.exr", frame, compression="source")
    header = header_of(tmp_path / "o.exr")
    assert (header["compression"], header["openexr:dwaCompressionLevel"]) == ("dwaa", 120.0)


def test_a_compression_that_the_library_swaps_for_another_is_refused(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    with pytest.raises(UnsupportedCompression, match="sardine"):
        write_frame(tmp_path / "o.exr", frame, compression="sardine")
    assert not (tmp_path / "o.exr").exists()


def test_two_equal_writes_give_equal_files(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    for name in ("a.exr", "b.exr"):
        write_frame(tmp_path / name, frame)
        time.sleep(1.1 if name == "a.exr" else 0.0)  # beyond the second that DateTime resolves
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()


def test_large_integers_beside_reals_are_refused_rather_than_rounded(tmp_path: Path) -> None:
    channels = {**rgb(4, 4), "id": np.full((4, 4), 2**24 + 1, np.uint32)}
    path = tmp_path / "i.exr"
    spec = oiio.ImageSpec(4, 4, 4, "float")
    spec.channelnames = tuple(channels)
    spec.channelformats = (oiio.HALF, oiio.HALF, oiio.HALF, oiio.UINT)
    output: Any = oiio.ImageOutput.create("exr")
    assert output.open(str(path), spec)
    assert output.write_image(np.full((4, 4, 4), 0.5, np.float32))
    output.close()
    with pytest.raises(UnsupportedSamples, match="'id'"):
        write_frame(tmp_path / "o.exr", read_frame(path))
    assert files_in(tmp_path) == ["i.exr"]


def test_an_existing_frame_is_left_alone_unless_overwriting(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    (tmp_path / "o.exr").write_text("precious")
    with pytest.raises(OutputExists) as caught:
        write_frame(tmp_path / "o.exr", frame)
    assert caught.value.exit_code == 73
    assert (tmp_path / "o.exr").read_text() == "precious"
    write_frame(tmp_path / "o.exr", frame, overwrite=True)
    assert_same_samples(frame, read_frame(tmp_path / "o.exr"))


class Watched(dict[str, Any]):
    """Channels that let something happen while they are written."""

    meanwhile: Callable[[], object]

    def values(self) -> Any:
        self.meanwhile()
        return super().values()


def with_channels(frame: Frame, channels: dict[str, Any]) -> Frame:
    return replace(frame, parts=(replace(frame.parts[0], channels=channels),))


def test_a_frame_that_somebody_else_finishes_first_is_left_alone(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    channels = Watched(frame.parts[0].channels)
    channels.meanwhile = lambda: (tmp_path / "o.exr").write_text("of another process")
    with pytest.raises(OutputExists):
        write_frame(tmp_path / "o.exr", with_channels(frame, channels))
    assert (tmp_path / "o.exr").read_text() == "of another process"
    assert files_in(tmp_path) == ["o.exr", "plate.0001.exr"]


class Spoiled(dict[str, Any]):
    """Channels that change between being written and being compared."""

    def items(self) -> Any:
        self["R"][0, 0] += 1.0
        return super().items()


def test_a_file_that_reads_back_otherwise_than_written_is_not_delivered(tmp_path: Path) -> None:
    frame = read_frame(write_plate(tmp_path / "plate.0001.exr", rgb()), 1)
    with pytest.raises(WriteFailed, match="differs") as caught:
        write_frame(tmp_path / "o.exr", with_channels(frame, Spoiled(frame.parts[0].channels)))
    assert caught.value.exit_code == 73
    assert files_in(tmp_path) == ["plate.0001.exr"]


def test_the_plate_is_never_written_over_not_even_through_a_link(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    (tmp_path / "link.exr").symlink_to(frame.path)
    for target in (frame.path, tmp_path / "link.exr"):
        with pytest.raises(OutputIsInput):
            write_frame(target, frame, overwrite=True)


CHILD = """
import os, resource, signal, sys
from pathlib import Path
from ocio.errors import OcioError
from ocio.exr import read_frame
from ocio.exr_write import write_frame
frame = read_frame(sys.argv[1], 1)
{limit}
try:
    write_frame(sys.argv[2], frame)
except OcioError as error:
    print(type(error).__name__, error.exit_code, str(error))
"""
FULL_DISK = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""
NOBODY = """
if os.geteuid() == 0:  # root may write anywhere
    os.setuid(65534)
"""


def written_under(limit: str, plate: Path, target: Path) -> str:
    """Write in a process under limits that this one must not take on; return its one line."""
    command = [sys.executable, "-c", CHILD.format(limit=limit), str(plate), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1, done.stdout
    return done.stdout


def test_a_full_disk_is_named_and_leaves_no_file(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    target = tmp_path / "out" / "o.exr"
    line = written_under(FULL_DISK, frame.path, target)
    assert line.startswith(f"{DiskFull.__name__} 73 no space to write '{target}'")
    assert files_in(tmp_path / "out") == []


def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    frame = plate(tmp_path)
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    line = written_under(NOBODY, frame.path, folder / "o.exr")
    assert line.startswith(f"{NoPermission.__name__} 77")
    assert "locked" in line
    assert files_in(folder) == []


def test_a_frame_is_complete_when_it_decodes_and_carries_our_job_hash(tmp_path: Path) -> None:
    path = tmp_path / "o.exr"
    write_frame(path, plate(tmp_path), attributes={JOB_HASH: "abc"})
    assert frame_is_complete(path, "abc")
    assert not frame_is_complete(path, "abd")
    path.write_bytes(path.read_bytes()[:-300])
    assert not frame_is_complete(path, "abc")
    assert not frame_is_complete(tmp_path / "none.exr", "abc")


def test_temporary_files_of_the_living_and_of_other_machines_stay(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())
    names = [f".o.exr.{host}@{pid}.tmp" for pid in (gone.pid, os.getpid())]
    names += [f".o.exr.another-{host}@{gone.pid}.tmp", ".mine.tmp"]
    folder = tmp_path / "out"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    assert [path.name for path in remove_stale_temporaries(folder)] == names[:1]
    assert files_in(folder) == sorted(names[1:])


KILLED = """
import sys
from ocio.attributes import JOB_HASH
from ocio.exr import read_frame
from ocio.exr_write import write_frame
frame = read_frame(sys.argv[1])
for number in range(1000):
    path = f"{sys.argv[2]}/o.{number:04}.exr"
    write_frame(path, frame, attributes={JOB_HASH: "job"}, overwrite=True)
"""


def test_a_kill_in_the_middle_of_a_write_leaves_only_whole_frames(tmp_path: Path) -> None:
    frame = read_frame(write_plate(tmp_path / "big.exr", rgb(400, 600, dtype="float32")))
    out = tmp_path / "out"
    out.mkdir()
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(frame.path), str(out)])
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        names = files_in(out)
        if "o.0002.exr" in names and any(name.endswith(".tmp") for name in names):
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    frames = sorted(out.glob("o.*.exr"))
    assert len(frames) >= 3
    assert all(frame_is_complete(path, "job") for path in frames)
    remove_stale_temporaries(out)
    assert files_in(out) == [path.name for path in frames]


@pytest.mark.parametrize("name", ["beachball", "wolf"])
def test_a_real_plate_comes_back_whole(tmp_path: Path, name: str) -> None:
    path = sorted(shared_plate(name).glob("*.exr"))[0]
    frame = read_frame(path)
    write_frame(tmp_path / "o.exr", frame)
    back = read_frame(tmp_path / "o.exr")
    assert_same_samples(frame, back)
    for key, attribute in frame.parts[0].attributes.items():
        if not key.startswith(("oiio:", "openexr:")):
            assert back.parts[0].attributes[key] == attribute, key


@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o664), (0o077, 0o600)])
def test_a_frame_is_for_whom_the_umask_says(tmp_path: Path, mask: int, mode: int) -> None:
    frame = read_frame(write_plate(tmp_path / "p.exr", rgb(4, 4)))
    before = os.umask(mask)
    try:
        write_frame(tmp_path / "o.exr", frame)
    finally:
        os.umask(before)
    assert (tmp_path / "o.exr").stat().st_mode & 0o777 == mode
