"""Presets and the last prompts."""

from __future__ import annotations

import json

import pytest

from tests.ui.presenters.desk import Desk, now
from ui.presenters.presets import PresetsPresenter


@pytest.fixture
def presets(started: Desk) -> PresetsPresenter:
    return started.panel.presets


def names(presets: PresetsPresenter) -> list[str]:
    return [preset.name for preset in presets.presets.value]


def test_a_preset_brings_settings_back_and_leaves_the_words(
    started: Desk, presets: PresetsPresenter
) -> None:
    edit = started.panel.edit
    edit["prompt"].set("a red ball")
    edit["steps"].set(12)
    presets.save("Quick")
    edit["steps"].set(80)
    edit["prompt"].set("a blue cube")
    presets.apply("Quick")
    assert edit["steps"].value.value == 12
    assert edit["prompt"].value.value == "a blue cube"


def test_presets_and_prompts_are_there_in_the_next_panel(
    started: Desk, presets: PresetsPresenter
) -> None:
    presets.save("marble")
    presets.save("Bronze")
    presets.remember("a marble statue")
    started.runner.advance(0)
    other = started.other_panel()
    other.presets.load()
    started.runner.advance(0)
    assert names(other.presets) == ["Bronze", "marble"]
    assert other.presets.prompts.value == ("a marble statue",)
    other.close()


def test_a_preset_is_renamed_but_not_over_another_one(presets: PresetsPresenter) -> None:
    presets.save("a")
    presets.save("b")
    presets.rename("a", "b")
    assert names(presets) == ["a", "b"]
    assert presets.trouble.value is not None
    presets.rename("a", "c")
    assert names(presets) == ["b", "c"]
    assert now(presets.trouble) is None


def test_a_name_is_needed(presets: PresetsPresenter) -> None:
    presets.save("   ")
    assert names(presets) == []
    assert presets.trouble.value is not None


def test_deleting_renaming_and_replacing_can_be_undone(
    started: Desk, presets: PresetsPresenter
) -> None:
    presets.save("a")
    started.panel.edit["steps"].set(7)
    presets.save("a")
    presets.delete("a")
    assert presets.can_undo.value == "delete “a”"
    presets.undo()
    assert presets.presets.value[0].values["steps"] == 7
    presets.undo()
    assert presets.presets.value[0].values["steps"] == 50
    presets.undo()
    assert names(presets) == []
    assert now(presets.can_undo) == ""
    presets.undo()


def test_the_last_twenty_prompts_are_kept_each_once(presets: PresetsPresenter) -> None:
    for number in range(25):
        presets.remember(f"prompt {number}")
    presets.remember("prompt 20")
    prompts = presets.prompts.value
    assert len(prompts) == 20
    assert prompts[:3] == ("prompt 20", "prompt 24", "prompt 23")


def test_what_is_saved_before_the_file_was_read_joins_what_stands_there(
    started: Desk, presets: PresetsPresenter
) -> None:
    presets.save("marble")
    presets.remember("a marble statue")
    started.runner.advance(0)
    other = started.other_panel()
    other.presets.save("Bronze")
    other.presets.remember("a bronze statue")
    started.runner.advance(0)
    assert names(other.presets) == ["Bronze", "marble"]
    kept = json.loads((started.folder / "settings" / "presets.json").read_text())
    assert sorted(kept["presets"]) == ["Bronze", "marble"]
    assert kept["prompts"] == ["a bronze statue", "a marble statue"]
    other.close()


def test_a_damaged_file_is_told_and_never_written_over(desk: Desk) -> None:
    file = desk.folder / "settings" / "presets.json"
    file.parent.mkdir()
    file.write_text("{half")
    desk.start()
    assert desk.panel.presets.trouble.value is not None
    desk.panel.presets.save("a")
    desk.runner.advance(0)
    assert now(desk.panel.presets.trouble) is not None
    assert file.read_text() == "{half"


def test_a_folder_that_cannot_be_written_is_told(desk: Desk) -> None:
    (desk.folder / "settings").write_text("a file in the way")
    desk.start()
    desk.panel.presets.save("a")
    desk.runner.advance(0)
    assert desk.panel.presets.trouble.value is not None


def test_a_render_remembers_its_prompt(started: Desk, presets: PresetsPresenter) -> None:
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    started.panel.render.render()
    started.runner.advance(1)
    assert presets.prompts.value == ("a red ball",)
    file = started.folder / "settings" / "presets.json"
    assert json.loads(file.read_text())["prompts"] == ["a red ball"]


def test_two_panels_keep_each_others_presets_and_prompts(
    started: Desk, presets: PresetsPresenter
) -> None:
    other = started.other_panel()
    other.presets.load()
    presets.save("marble")
    presets.remember("a marble statue")
    started.runner.advance(0)
    other.presets.save("Bronze")
    other.presets.remember("a bronze statue")
    started.runner.advance(0)
    assert names(other.presets) == ["Bronze", "marble"]
    presets.delete("marble")
    started.runner.advance(0)
    assert names(presets) == ["Bronze"]
    assert presets.prompts.value == ("a bronze statue", "a marble statue")
    other.close()


def test_undoing_leaves_what_another_panel_kept_since(
    started: Desk, presets: PresetsPresenter
) -> None:
    presets.save("marble")
    other = started.other_panel()
    other.presets.save("Bronze")
    started.runner.advance(0)
    presets.undo()
    started.runner.advance(0)
    assert names(presets) == ["Bronze"]
    other.close()


def test_a_preset_that_is_kept_and_deleted_before_it_is_written_does_not_come_back(
    started: Desk, presets: PresetsPresenter
) -> None:
    presets.save("marble")
    presets.delete("marble")
    started.runner.advance(0)
    assert names(presets) == []
    presets.load()
    started.runner.advance(0)
    assert names(presets) == []
