import hashlib
from pathlib import Path
from typing import Any

import PyOpenColorIO as ocio_library
import pytest

from ocio.config import (
    PINNED_CONFIG,
    HostConfig,
    ResolvedConfig,
    input_space,
    interop_id,
    resolve_config,
)
from ocio.errors import BrokenConfig, DataPlate, UnknownColourSpace
from ocio.exr import inspect
from ocio.header import FrameHeader
from tests.ocio.plates import rgb, write_plate

SHOW_CONFIG = """ocio_profile_version: 2
name: show
roles: {scene_linear: lin, default: lin, compositing_log: lin}
file_rules:
  - !<Rule> {name: element, colorspace: lin, pattern: "*element*", extension: exr}
  - !<Rule> {name: Default, colorspace: lin}
displays:
  d:
    - !<View> {name: v, colorspace: lin}
colorspaces:
  - !<ColorSpace> {name: lin, encoding: scene-linear}
  - !<ColorSpace> {name: raw, isdata: true}
"""


@pytest.fixture
def show(tmp_path: Path) -> Path:
    path = tmp_path / "show.ocio"
    path.write_text(SHOW_CONFIG)
    return path


@pytest.fixture(scope="module")
def studio() -> ResolvedConfig:
    return resolve_config()


def header(tmp_path: Path, name: str = "a.exr", **attributes: Any) -> FrameHeader:
    return inspect(write_plate(tmp_path / name, rgb(4, 4), attributes=attributes))


def test_an_explicit_config_wins_then_the_hosts_then_the_environments(show: Path) -> None:
    assert resolve_config(show, "ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3").source == "explicit"
    assert resolve_config(None, show, PINNED_CONFIG).source == "host"
    assert resolve_config(None, None, str(show)).source == "environment"
    assert resolve_config().location == PINNED_CONFIG


def test_the_environment_of_this_process_is_never_read(
    show: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCIO", str(show))
    assert resolve_config().name == PINNED_CONFIG.removeprefix("ocio://")


def test_the_hash_is_that_of_the_file(show: Path) -> None:
    assert resolve_config(show).sha256 == hashlib.sha256(show.read_bytes()).hexdigest()


BROKEN = "ocio_profile_version: 2\nroles: ["


@pytest.mark.parametrize("place", ["explicit", "host", "environment"])
@pytest.mark.parametrize("content", [None, "", BROKEN])
def test_a_config_that_does_not_load_never_falls_through(
    tmp_path: Path, place: str, content: str | None
) -> None:
    path = tmp_path / "broken.ocio"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BrokenConfig, match=r"broken\.ocio") as caught:
        resolve_config(**{place: str(path)})
    assert caught.value.exit_code == 78
    assert "\n" not in str(caught.value)


def test_a_config_that_changed_since_the_host_loaded_it_is_refused(show: Path) -> None:
    with pytest.raises(BrokenConfig, match="host"):
        resolve_config(host=HostConfig(str(show), "0" * 64))


def test_the_artists_choice_wins_over_node_and_file(tmp_path: Path, studio: ResolvedConfig) -> None:
    plate = header(tmp_path, colorInteropID="lin_rec709_scene")
    assert input_space(studio, plate, "lin_ap1", host="ACEScct") == "ACEScg"


def test_the_hosts_node_wins_over_the_file_with_a_warning(
    tmp_path: Path, studio: ResolvedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    plate = header(tmp_path, colorInteropID="lin_rec709_scene")
    assert input_space(studio, plate, host="ACEScg") == "ACEScg"
    assert "Linear Rec.709" in caplog.text


@pytest.mark.parametrize(
    ("identifier", "space"),
    [
        ("lin_ap1_scene", "ACEScg"),
        ("lin_ap0_scene", "ACES2065-1"),
        ("lin_rec709_scene", "Linear Rec.709 (sRGB)"),
        ("lin_rec2020_scene", "Linear Rec.2020"),
        (f"{PINNED_CONFIG.removeprefix('ocio://')}:local:ACEScct", "ACEScct"),
    ],
)
def test_the_interop_identifier_names_the_space(
    tmp_path: Path, studio: ResolvedConfig, identifier: str, space: str
) -> None:
    assert input_space(studio, header(tmp_path, colorInteropID=identifier)) == space


def test_an_older_config_without_identifiers_is_understood_too(tmp_path: Path) -> None:
    older = resolve_config("ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1")
    assert input_space(older, header(tmp_path, colorInteropID="lin_ap1_scene")) == "ACEScg"


def test_an_aces_container_is_ap0(tmp_path: Path, studio: ResolvedConfig) -> None:
    plate = header(tmp_path, acesImageContainerFlag=1, compression="none")
    assert input_space(studio, plate) == "ACES2065-1"


def test_a_file_rule_that_means_this_file_is_followed(tmp_path: Path, show: Path) -> None:
    assert input_space(resolve_config(show), header(tmp_path, "x_element.exr")) == "lin"


def test_nothing_said_is_an_error_since_the_default_rule_says_nothing(
    tmp_path: Path, show: Path, studio: ResolvedConfig
) -> None:
    for config in (resolve_config(show), studio):
        with pytest.raises(UnknownColourSpace, match="--colorspace") as caught:
            input_space(config, header(tmp_path))
        assert caught.value.exit_code == 65


def test_a_rule_of_a_chosen_config_for_all_exr_is_followed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert input_space(resolve_config(PINNED_CONFIG), header(tmp_path)) == "ACES2065-1"
    assert "a file rule" in caplog.text


def test_an_unknown_space_is_refused_and_some_that_exist_are_named(
    tmp_path: Path, studio: ResolvedConfig
) -> None:
    with pytest.raises(UnknownColourSpace, match="ACEScg"):
        input_space(studio, header(tmp_path), "ACES-something")


@pytest.mark.parametrize("given", [{"colorInteropID": "data"}, {"explicit": "Raw"}])
def test_a_data_plate_is_refused(
    tmp_path: Path, studio: ResolvedConfig, given: dict[str, str]
) -> None:
    explicit = given.pop("explicit", None)
    with pytest.raises(DataPlate) as caught:
        input_space(studio, header(tmp_path, **given), explicit)
    assert caught.value.exit_code == 65


def test_the_identifier_to_write_is_known_or_none(show: Path, studio: ResolvedConfig) -> None:
    assert interop_id(studio, "ACEScg") == "lin_ap1_scene"
    assert interop_id(resolve_config(show), "lin") is None
    older = resolve_config("ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1")
    assert interop_id(older, "ACEScg") == "lin_ap1_scene"


def test_the_name_latest_moves_with_the_library_so_ours_is_pinned() -> None:
    """A trap of the library: what we pin must not be what it resolves to on its own."""
    latest = ocio_library.ResolveConfigPath("ocio://studio-config-latest")
    assert "latest" not in PINNED_CONFIG
    assert latest != PINNED_CONFIG
