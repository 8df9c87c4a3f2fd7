from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ocio.config import ResolvedConfig, resolve_config
from ocio.encoding import Encoding, Kind
from ocio.errors import BrokenConfig, UnusableView

ACES_1 = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.fixture(scope="module")
def aces_2() -> ResolvedConfig:
    return resolve_config()


@pytest.fixture(scope="module")
def aces_1() -> ResolvedConfig:
    return resolve_config(ACES_1)


def neutral(*levels: float) -> np.ndarray:
    return np.repeat(np.array(levels, np.float32)[:, None], 3, axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_light_within_the_range_comes_back(aces_2: ResolvedConfig, kind: Kind) -> None:
    encoding = Encoding.build(aces_2, "ACEScg", kind)
    light = neutral(0.01, 0.18, 1.0, 8.0, 32.0)
    code = encoding.encode(light)
    assert code.dtype == np.float32
    assert (np.diff(code, axis=0) > 0).all()
    assert code.min() >= 0 and code.max() <= 1
    assert encoding.decode(code) == pytest.approx(light, rel=5e-3)


@pytest.mark.parametrize(
    ("kind", "code", "brightest"),
    [
        ("view", 0.349, 128),
        ("log", 0.414, 222.9),
        ("logc3", 0.391, 55.1),
        ("logc4", 0.278, 469.8),
        ("reinhard", 0.427, 1e4),
    ],
)
def test_mid_grey_and_range_are_those_of_the_design(
    aces_2: ResolvedConfig, kind: Kind, code: float, brightest: float
) -> None:
    encoding = Encoding.build(aces_2, "ACEScg", kind)
    assert encoding.encode(neutral(0.18))[0] == pytest.approx(code, abs=6e-4)
    assert encoding.report.brightest >= 0.98 * brightest


@pytest.mark.parametrize(
    ("config", "gains"),
    [
        (None, {0.18: 5.1, 1.0: 5.5, 4.0: 12.4, 16.0: 54.7, 32.0: 213}),
        (ACES_1, {0.18: 3.9, 1.0: 6.0, 4.0: 21.4}),
    ],
)
def test_the_gain_curve_is_the_one_measured(config: str | None, gains: dict[float, float]) -> None:
    report = Encoding.build(resolve_config(config), "ACEScg").report
    for level, gain in gains.items():
        assert report.gain_percent[level] == pytest.approx(gain, rel=0.015), level


def test_black_lifts_with_aces_1_and_the_report_says_so(aces_1: ResolvedConfig) -> None:
    report = Encoding.build(aces_1, "ACEScg").report
    assert report.darkest == pytest.approx(0.002, rel=0.1)
    assert report.brightest == pytest.approx(16.3, rel=0.02)


def test_a_plate_in_another_space_shows_the_same_picture(aces_2: ResolvedConfig) -> None:
    ap1 = Encoding.build(aces_2, "ACEScg").encode(neutral(0.18, 0.9))
    rec709 = Encoding.build(aces_2, "lin_rec709_scene").encode(neutral(0.18, 0.9))
    assert rec709 == pytest.approx(ap1, abs=2e-3)


def test_the_percentage_out_of_range_is_reported_and_black_is_not_counted(
    aces_2: ResolvedConfig,
) -> None:
    encoding = Encoding.build(aces_2, "ACEScg", "log")
    light = np.array([[[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [-1.0, 0.5, 0.5], [900.0, 1.0, 1.0]]])
    code, percent = encoding.encode_counted(light)
    assert percent == 50.0
    assert code.min() >= 0 and code.max() <= 1


def test_gamut_compression_comes_with_aces_1_views_and_can_be_switched(
    aces_1: ResolvedConfig, aces_2: ResolvedConfig
) -> None:
    assert Encoding.build(aces_1, "ACEScg").gamut_compression
    assert not Encoding.build(aces_2, "ACEScg").gamut_compression
    plain = Encoding.build(aces_1, "ACEScg", gamut_compression=False)
    wide = np.array([[0.0, 1.0, 0.0]], np.float32)
    assert not np.allclose(plain.encode(wide), Encoding.build(aces_1, "ACEScg").encode(wide))


@pytest.mark.parametrize(
    ("display", "view"),
    [
        ("Rec.2100-PQ - Display", "ACES 2.0 - HDR 1000 nits (Rec.2020)"),
        ("Rec.2100-HLG - Display", "ACES 2.0 - HDR 1000 nits (P3 D65)"),
        ("Rec.2100-PQ - Display", "ACES 2.0 - SDR 100 nits (Rec.709)"),
        ("sRGB - Display", "Raw"),
        ("sRGB - Display", "no such view"),
    ],
)
def test_hdr_raw_and_unknown_views_are_refused(
    aces_2: ResolvedConfig, display: str, view: str
) -> None:
    with pytest.raises(UnusableView) as caught:
        Encoding.build(aces_2, "ACEScg", "view", (display, view))
    assert caught.value.exit_code == 78


def test_a_mix_of_views_is_far_off_so_one_object_holds_both_ways(
    aces_1: ResolvedConfig, aces_2: ResolvedConfig
) -> None:
    light = neutral(0.5)
    mixed = Encoding.build(aces_1, "ACEScg").decode(Encoding.build(aces_2, "ACEScg").encode(light))
    assert np.abs(mixed / light - 1).max() > 0.02


CONFIG = """ocio_profile_version: 2
name: show
roles: {{scene_linear: lin, default: lin, aces_interchange: lin, compositing_log: {log}}}
displays:
  screen:
    - !<View> {{name: film, colorspace: film}}
colorspaces:
  - !<ColorSpace> {{name: lin, encoding: scene-linear}}
  - !<ColorSpace> {{name: clamped, from_scene_reference: !<RangeTransform>
      {{min_in_value: 0, min_out_value: 0, max_in_value: 1, max_out_value: 1}}}}
  - !<ColorSpace> {{name: film, encoding: {encoding}, from_scene_reference: {film}}}
"""
GAMMA = "!<ExponentTransform> {value: [0.45, 0.45, 0.45, 1]}"
FALLING = "!<MatrixTransform> {matrix: [-1,0,0,0, 0,-1,0,0, 0,0,-1,0, 0,0,0,1], offset: [1,1,1,0]}"
MISSING_FILE = "!<FileTransform> {src: nowhere.cube}"


def show(tmp_path: Path, *, film: str, encoding: str = "sdr-video") -> ResolvedConfig:
    path = tmp_path / "show.ocio"
    path.write_text(CONFIG.format(film=film, encoding=encoding, log="clamped"))
    return resolve_config(path)


def test_a_shows_own_view_is_used_and_a_clamping_log_is_not(tmp_path: Path) -> None:
    encoding = Encoding.build(show(tmp_path, film=GAMMA), "lin")
    assert encoding.view == ("screen", "film", "show")
    assert encoding.log.name == "ACEScct curve"
    assert encoding.log.forward(neutral(0.18)) == pytest.approx(0.4135884, abs=1e-5)
    assert encoding.log.stop == pytest.approx(1 / 17.52, rel=1e-4)
    light = neutral(-0.5, -0.001, 0.0, 0.18, 1000.0)
    back = encoding.log.inverse(encoding.log.forward(light))
    assert back == pytest.approx(light, rel=1e-4, abs=1e-6)


def test_a_view_that_falls_with_the_light_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableView, match="does not rise"):
        Encoding.build(show(tmp_path, film=FALLING), "lin")


def test_a_view_that_dips_on_its_way_up_is_refused(tmp_path: Path) -> None:
    curve = "Version 1\nFrom 0.0 1.0\nLength 4\nComponents 1\n{\n0.0\n0.8\n0.5\n1.0\n}\n"
    (tmp_path / "dip.spi1d").write_text(curve)
    with pytest.raises(UnusableView):
        Encoding.build(show(tmp_path, film="!<FileTransform> {src: dip.spi1d}"), "lin")


def test_an_hdr_default_view_gives_way_to_the_pinned_one(tmp_path: Path) -> None:
    encoding = Encoding.build(show(tmp_path, film=GAMMA, encoding="hdr-video"), "lin")
    assert encoding.view is not None
    assert encoding.view[1] == "ACES 2.0 - SDR 100 nits (Rec.709)"


def test_a_config_that_lacks_a_file_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(BrokenConfig, match="'show'") as caught:
        Encoding.build(show(tmp_path, film=MISSING_FILE), "lin")
    assert caught.value.exit_code == 78


def test_the_log_space_is_unclamped_over_what_a_plate_may_hold(aces_2: ResolvedConfig) -> None:
    log = Encoding.build(aces_2, "ACEScg").log
    assert log.name == "ACEScct"
    light = neutral(-5.0, -0.1, 0.01, 40.0, 65504.0)
    assert log.inverse(log.forward(light)) == pytest.approx(light, rel=1.2e-5)


def test_the_guard_begins_and_ends_at_the_gains_that_are_asked_for(aces_2: ResolvedConfig) -> None:
    usual = Encoding.build(aces_2, "ACEScg").guard
    earlier = Encoding.build(aces_2, "ACEScg", guard_gains=(0.1, 0.3)).guard
    assert usual is not None and earlier is not None
    assert earlier.start_level < usual.start_level < earlier.end_level < usual.end_level
