"""The temporal spectrum of followed blocks, on clips whose flicker is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tokenflow.metrics.clips import HEIGHT, WIDTH, clip_of, moving, standing, texture
from tokenflow.metrics.clip import Clip
from tokenflow.metrics.flicker import Spectrum, band, follow, spectrum

SIZE = (WIDTH, HEIGHT)
FRAMES = 16


def exposed(stops: list[float]) -> Clip:
    """A still clip far above black, exposed frame by frame."""
    return clip_of("edit", [10 * texture() * np.float32(2.0**s) for s in stops])


def still() -> Clip:
    return exposed([0.0] * FRAMES)


def measured(edit: Clip, plate: Clip) -> Spectrum:
    return spectrum(edit, plate, follow(plate.numbers, SIZE, standing()))


def high(power: np.ndarray, found: Spectrum) -> float:
    return band(power, found.frequencies, 0.25, 0.5)


def test_a_clip_that_stands_still_has_no_power() -> None:
    found = measured(still(), still())
    assert found.luma.max() < 1e-10 and found.added.max() < 1e-10


def test_the_power_of_a_sine_is_half_its_square() -> None:
    """A gain of 0.1 stop at three eighths of the frame rate; black adds less than 0.1 %."""
    edit = exposed([0.1 * np.sin(2 * np.pi * 0.375 * n) for n in range(FRAMES)])
    found = measured(edit, still())
    assert high(found.luma, found) == pytest.approx(0.1**2 / 2, rel=0.02)
    assert high(found.added, found) == pytest.approx(0.1**2 / 2, rel=0.02)


def test_a_frame_by_frame_alternation_is_counted_once() -> None:
    """At half the frame rate a spectrum has no mirror image; the power is the whole square."""
    edit = exposed([0.1 * (-1) ** n for n in range(FRAMES)])
    found = measured(edit, still())
    assert high(found.luma, found) == pytest.approx(0.1**2, rel=0.02)


def test_slow_changes_are_no_flicker() -> None:
    edit = exposed([0.1 * np.sin(2 * np.pi * n / FRAMES) for n in range(FRAMES)])
    found = measured(edit, still())
    assert high(found.luma, found) < 1e-3 * band(found.luma, found.frequencies, 0, 0.25)


def test_a_gain_of_all_channels_is_luma_and_no_chroma() -> None:
    found = measured(exposed([0.2 * (n % 2) for n in range(FRAMES)]), still())
    assert found.chroma.max() < 1e-4 * found.luma.max()


def test_a_change_of_one_channel_is_chroma() -> None:
    tinted = [10 * texture() for _ in range(FRAMES)]
    for number, picture in enumerate(tinted):
        picture[..., 0] *= np.float32(1.2 ** (number % 2))
    found = measured(clip_of("edit", tinted), still())
    assert found.chroma.max() > found.luma.max()


def test_what_plate_and_edit_share_is_not_added() -> None:
    """A strobe that the plate has is in both spectra and not in that of the difference."""
    strobe = exposed([0.5 * (n % 2) for n in range(FRAMES)])
    found = measured(strobe, strobe)
    assert high(found.luma, found) > 0.05
    assert found.added.max() == 0


def test_blocks_are_followed_along_the_motion() -> None:
    """Texture that moves has no power where blocks move with it, and much where they stay."""
    speed = 1.0
    clip = clip_of("plate", [10 * texture(speed * n) for n in range(FRAMES)])
    along = spectrum(clip, clip, follow(clip.numbers, SIZE, moving(speed)))
    fixed = spectrum(clip, clip, follow(clip.numbers, SIZE, standing()))
    assert along.luma.sum() < 1e-3 * fixed.luma.sum()


def test_blocks_that_leave_the_picture_are_dropped() -> None:
    tracks = follow(range(1, FRAMES + 1), SIZE, moving(3.0))
    assert len(tracks) == 1
    assert tracks[0].places[-1, :, 0].max() < WIDTH - 1
    everywhere = follow(range(1, FRAMES + 1), SIZE, standing())
    assert 0 < tracks[0].places.shape[1] < everywhere[0].places.shape[1]


def test_stretches_of_a_long_shot_overlap_by_half_and_cover_its_end() -> None:
    tracks = follow(range(1001, 1001 + 35), SIZE, standing())
    assert [track.numbers[0] for track in tracks] == [1001, 1009, 1017, 1020]
    assert tracks[-1].numbers[-1] == 1035


def test_three_frames_are_too_short_for_a_spectrum() -> None:
    assert follow(range(3), SIZE, standing()) == []
    with pytest.raises(ValueError, match="followed"):
        spectrum(still(), still(), [])
