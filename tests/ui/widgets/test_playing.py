"""Playing: frames come at the shot's rate, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from tests.ui.event_loop import EventLoop
from tests.ui.screening import Screening
from ui.widgets.transport import Player

Key = Qt.Key


class Clock:
    """The player's clock, moved on by hand."""

    def __init__(self, player: Player) -> None:
        self.now = 0.0
        self._player = player
        player.clock = lambda: self.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass in steps as short as the player's own."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 0.01, end)
            self._player.tick()


@pytest.fixture
def screen(qapp: QApplication, tmp_path: Path) -> Iterator[Screening]:
    made = Screening(tmp_path)
    made.show()
    yield made
    made.close()


@pytest.fixture
def clock(screen: Screening) -> Clock:
    return Clock(screen.viewer.player)


def test_playing_shows_each_frame_at_the_shots_rate(screen: Screening, clock: Clock) -> None:
    seen: list[int] = []
    screen.panel.viewer.frame.subscribe(seen.append)
    screen.press(Key.Key_L)
    clock.pass_by(1.0)
    screen.press(Key.Key_K)
    assert screen.panel.viewer.playing.value == 0
    # 23.976 a second.
    assert seen == [*screen.panel.viewer.frames.value][1:24]


def test_a_screen_that_stood_still_leaves_no_frame_out(screen: Screening, clock: Clock) -> None:
    seen: list[int] = []
    screen.panel.viewer.frame.subscribe(seen.append)
    screen.panel.viewer.play()
    clock.now += 0.5
    clock.pass_by(0.1)
    screen.panel.viewer.stop()
    assert seen == [*screen.panel.viewer.frames.value][1 : len(seen) + 1]
    assert 2 <= len(seen) <= 4


def test_playing_goes_on_by_itself(screen: Screening, event_loop: EventLoop) -> None:
    screen.panel.viewer.play()
    event_loop.turn_until(lambda: screen.panel.viewer.frame.value > 1003)
    screen.panel.viewer.stop()


def test_playing_waits_for_a_frame_that_is_not_here(screen: Screening, clock: Clock) -> None:
    source = screen.panel.viewer.plate.value
    assert source is not None
    screen.cache.forget(source, 1004)
    screen.panel.viewer.play()
    clock.pass_by(0.4)
    assert screen.panel.viewer.frame.value == 1003
    screen.runner.advance(0)
    clock.pass_by(0.2)
    assert screen.panel.viewer.frame.value > 1004
    screen.panel.viewer.stop()


def test_playing_faster_leaves_frames_out_rather_than_being_late(
    screen: Screening, clock: Clock
) -> None:
    viewer = screen.panel.viewer
    for _ in range(4):
        viewer.play()
    assert viewer.playing.value == 8
    clock.pass_by(0.1)
    viewer.stop()
    # A tenth of a second at eight times 23.976.
    assert [*viewer.frames.value].index(viewer.frame.value) == 19


def test_j_plays_backwards_around_the_ends(screen: Screening, event_loop: EventLoop) -> None:
    screen.press(Key.Key_J)
    event_loop.turn_until(lambda: screen.panel.viewer.frame.value == 1047)
    screen.press(Key.Key_Space)
    assert screen.panel.viewer.playing.value == 0


def test_a_hidden_viewer_does_not_play_on(screen: Screening) -> None:
    screen.panel.viewer.play()
    screen.window.hide()
    assert screen.panel.viewer.playing.value == 0
