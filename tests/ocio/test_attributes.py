import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocio.attributes import CONSTANT_DATE_TIME, output_attributes
from ocio.exr import read_frame
from ocio.exr_write import write_frame
from ocio.header import Attribute
from tests.ocio.plates import header_of, rgb, write_plate

KEPT: dict[str, Any] = {
    "smpte:TimeCode": ("timecode", (0x10203012, 7)),
    "framesPerSecond": ("rational", (24000, 1001)),
    "camera/reel": "A001C003",
    "lensModel": "Cooke S4",
    "worldToCamera": ("matrix", tuple(float(n) for n in range(16))),
    "worldToNDC": ("matrix", tuple(float(n) / 4 for n in range(16))),
    "screenWindowWidth": 1.5,
    "cryptomatte/abc1234/name": "crypto_object",
    "multiView": ("string[2]", ("right", "left")),
    "chromaticities": ("float[8]", tuple(np.float32(n / 10).item() for n in range(1, 9))),
    "colorInteropID": "lin_ap1_scene",
    "studio/shot": "sq010_0030",
    "studio/exposure": -1.25,
    "studio/take": 7,
}
DROPPED: dict[str, Any] = {
    "c2pa:manifest": "signed",
    "smpte2086/maxLuminance": 1000.0,
    "masteringDisplayColorVolume": "G(1,2)",
    "MaxCLL": 900,
    "amf:path": "look.amf",
    "mhl:reference": "roll.mhl",
    "tokenflow/job_hash": "of an earlier edit",
}


def edited(tmp_path: Path, attributes: dict[str, Any], **extra: Any) -> Path:
    plate = write_plate(tmp_path / "p.exr", rgb(), attributes=attributes)
    write_frame(tmp_path / "o.exr", read_frame(plate), attributes=extra)
    return tmp_path / "o.exr"


@pytest.mark.parametrize("name", KEPT)
def test_what_describes_the_shot_is_kept(tmp_path: Path, name: str) -> None:
    value = KEPT[name]
    header = header_of(edited(tmp_path, {name: value}))
    assert header[name] == (value[1] if isinstance(value, tuple) else value)


@pytest.mark.parametrize("name", DROPPED)
def test_what_speaks_of_the_old_pixels_is_dropped(tmp_path: Path, name: str) -> None:
    assert name in header_of(write_plate(tmp_path / "x.exr", rgb(), attributes=DROPPED))
    assert name not in header_of(edited(tmp_path, DROPPED))


def test_the_line_order_of_the_source_is_not_copied(tmp_path: Path) -> None:
    path = edited(tmp_path, {"openexr:lineOrder": "decreasingY"})
    assert header_of(path)["openexr:lineOrder"] == "increasingY"


def test_the_node_hash_moves_since_the_pixels_changed(tmp_path: Path) -> None:
    header = header_of(edited(tmp_path, {"nuke/node_hash": "1f2e"}))
    assert header["tokenflow/source_node_hash"] == "1f2e"
    assert "nuke/node_hash" not in header


def test_the_date_is_the_sources_or_a_constant_never_now(tmp_path: Path) -> None:
    stated = "2020:02:03 04:05:06"
    assert header_of(edited(tmp_path, {"DateTime": stated}))["DateTime"] == stated
    assert output_attributes({})["DateTime"].value == CONSTANT_DATE_TIME


def test_the_capture_date_is_the_date_that_the_library_shows(tmp_path: Path) -> None:
    """The library reads and writes the header's capDate under the name DateTime."""
    path = edited(tmp_path, {"DateTime": "2026:01:02 03:04:05"})
    assert b"capDate\0string\0" in path.read_bytes()


def test_the_software_is_ours(tmp_path: Path) -> None:
    assert header_of(edited(tmp_path, {"software": "renderer 1.0"}))["software"] == "tokenflow"


def test_provenance_is_added_and_a_long_seed_survives_as_text(tmp_path: Path) -> None:
    header = header_of(edited(tmp_path, {}, **{"tokenflow/seed": 2**40, "tokenflow/strength": 0.5}))
    assert header["tokenflow/seed"] == str(2**40)
    assert header["tokenflow/strength"] == 0.5


def test_an_attribute_that_is_neither_text_nor_number_is_refused() -> None:
    with pytest.raises(TypeError, match="text or a number"):
        output_attributes({}, {"tokenflow/x": [1]})


def test_a_timecode_given_as_text_is_silently_dropped_by_the_library(tmp_path: Path) -> None:
    """A trap of the library: if this fails, text has become possible."""
    path = write_plate(tmp_path / "t.exr", rgb(), attributes={"smpte:TimeCode": "01:02:03:04"})
    assert "smpte:TimeCode" not in header_of(path)


def test_an_independent_reader_sees_the_same_header(tmp_path: Path) -> None:
    tool = shutil.which("oiiotool", path=str(Path(sys.executable).parent)) or shutil.which(
        "oiiotool"
    )
    if tool is None:
        pytest.skip("oiiotool is not installed")
    path = edited(tmp_path, {**KEPT, **DROPPED})
    done = subprocess.run(
        [tool, "--info", "-v", str(path)], capture_output=True, text=True, check=True
    )
    for line in (
        "framesPerSecond: 24000/1001",
        'camera/reel: "A001C003"',
        'colorInteropID: "lin_ap1_scene"',
        "screenWindowWidth: 1.5",
        "smpte:TimeCode: 10:20:30:12",
    ):
        assert line in done.stdout, json.dumps(done.stdout.splitlines(), indent=1)
    assert not any(f"{name}:" in done.stdout for name in DROPPED)


def test_typed_attributes_pass_as_they_are() -> None:
    rate = Attribute("rational", (25, 1))
    assert output_attributes({}, {"framesPerSecond": rate})["framesPerSecond"] == rate
