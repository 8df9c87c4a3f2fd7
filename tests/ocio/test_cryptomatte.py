from pathlib import Path

import numpy as np
import pytest

from ocio.cryptomatte import object_id
from ocio.errors import MatteMismatch
from ocio.exr import read_frame
from ocio.frame import Frame
from ocio.matte import load_matte
from tests.ocio.plates import rgb, write_plate

BALL, FLOOR = "/world/ball:1", "floor"


def test_identifiers_are_the_hash_of_the_name() -> None:
    assert object_id("hello") == 0x248BFA47
    assert object_id("hello, world") == 0x149BBB7F


def test_an_identifier_is_an_ordinary_number() -> None:
    bits = np.array([object_id(f"object{number}") for number in range(2000)], np.uint32)
    values = bits.view(np.float32)
    assert np.isfinite(values).all()
    assert (np.abs(values) >= np.finfo(np.float32).tiny).all()


@pytest.fixture
def plate(tmp_path: Path) -> Frame:
    def identifier(name: str) -> np.ndarray:
        return np.full((8, 8), np.uint32(object_id(name)).view(np.float32), np.float32)

    coverage = np.linspace(0.0, 1.0, 8, dtype=np.float32)[None, :].repeat(8, 0)
    channels = {
        **rgb(8, 8, dtype="float32"),
        "CryptoObject00.r": identifier(BALL),
        "CryptoObject00.g": coverage,
        "CryptoObject00.b": identifier(FLOOR),
        "CryptoObject00.a": 1 - coverage,
    }
    names = {"cryptomatte/1234567/name": "CryptoObject"}
    return read_frame(write_plate(tmp_path / "p.0001.exr", channels, attributes=names), 1)


def test_an_objects_coverage_is_its_matte(plate: Frame) -> None:
    expected = plate.parts[0].channels["CryptoObject00.g"]
    assert np.array_equal(load_matte(f":CryptoObject={BALL}").read(1, plate), expected)


def test_several_objects_add_up(plate: Frame) -> None:
    both = load_matte(f"{plate.path}:CryptoObject={FLOOR},{BALL}").read(1, plate)
    assert both == pytest.approx(1.0)


def test_an_object_that_the_frame_does_not_show_has_an_empty_matte(plate: Frame) -> None:
    assert not load_matte(":CryptoObject=nobody").read(1, plate).any()


def test_an_unknown_layer_is_refused_naming_those_there_are(plate: Frame) -> None:
    with pytest.raises(MatteMismatch, match="CryptoAsset.*CryptoObject"):
        load_matte(":CryptoAsset=x").read(1, plate)
