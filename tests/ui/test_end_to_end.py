"""The panel's state against a real service: a whole edit with a tiny checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tokenflow.conftest import demo_plate, real_service, tiny_checkpoint
from tests.tokenflow.played import Played
from tests.ui.event_loop import EventLoop
from ui.host import FolderHost
from ui.presenters.panel import PanelPresenter
from ui.qt_runner import QtRunner

__all__ = ["demo_plate", "real_service", "tiny_checkpoint"]


@pytest.fixture
def panel(real_service: Played, tmp_path: Path, event_loop: EventLoop) -> Iterator[PanelPresenter]:
    """A panel that has the demo's plate, and whose edits are quick."""
    host = FolderHost(output_root=real_service.folder / tmp_path.name, settings=tmp_path)
    made = PanelPresenter(lambda: real_service.client, QtRunner(), host)
    made.start()
    made.shot.open(real_service.plate)
    event_loop.turn_until(lambda: made.shot.condition.value == "ready")
    made.edit["prompt"].set("a blue ball")
    made.edit["checkpoint"].set(real_service.checkpoint)
    for key in ("steps", "inversion_steps"):
        made.edit[key].set(2)
    made.edit["inversion_evaluations"].set(1)
    yield made
    made.close()


def test_a_plate_is_read_with_its_facts_and_thumbnails(
    panel: PanelPresenter, event_loop: EventLoop
) -> None:
    facts = panel.shot.facts.value
    assert facts is not None
    assert (facts.range_text, facts.size_text) == ("1001-1005", "64×36")
    assert panel.shot.colorspace.value.text
    assert facts.views
    thumbnails = panel.shot.thumbnails
    event_loop.turn_until(lambda: all(each.picture for each in thumbnails.value))
    assert all(each.picture and each.picture[:2] == b"\xff\xd8" for each in thumbnails.value)


def test_a_shot_is_tried_rendered_edited_again_and_its_versions_are_listed(
    panel: PanelPresenter, event_loop: EventLoop
) -> None:
    panel.tries.set_count(3)
    panel.tries.run()
    event_loop.turn_until(
        lambda: [len(each.pictures or ()) for each in panel.tries.tries.value] == [3],
    )
    assert [*panel.viewer.frames.value] == [1001, 1003, 1005]

    panel.render.render()
    versions = panel.versions.versions
    event_loop.turn_until(lambda: [each.number for each in versions.value] == [1])
    assert str(versions.value[0].frames) == "1001-1005"
    assert versions.value[0].prompt == "a blue ball"
    assert panel.timeline.marks.value.done == panel.shot.frames.value
    assert panel.render.seconds.value is not None

    panel.timeline.select(1002, 1003)
    panel.edit["prompt"].set("a red ball")
    panel.timeline.re_edit()
    # The frames beside the stretch have come over.
    event_loop.turn_until(
        lambda: (
            [(each.number, str(each.frames)) for each in versions.value]
            == [(2, "1001-1005"), (1, "1001-1005")]
        )
    )
    assert versions.value[0].prompt == "a red ball"
    assert {row.state for row in panel.jobs.rows.value} >= {"done"}


def test_a_job_that_fails_says_why(panel: PanelPresenter, event_loop: EventLoop) -> None:
    panel.edit["matte"].set(":no such channel")
    panel.render.render()

    def failed() -> bool:
        return any(row.trouble for row in panel.jobs.rows.value) or bool(panel.jobs.trouble.value)

    event_loop.turn_until(failed)
    told = [row.trouble for row in panel.jobs.rows.value] + [panel.jobs.trouble.value]
    (trouble,) = [each for each in told if each is not None]
    assert "no such channel" in trouble.sentence
