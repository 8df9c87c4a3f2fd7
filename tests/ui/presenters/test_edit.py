"""The edit form: values, limits, the slider, and a job's way back into it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

from tests.ui.presenters.desk import Desk, now
from tokenflow.job import Control, Deflicker, DreamMotion, Edit, EditJob, Matte, Output, Plate, Size
from ui.presenters.edit import STRUCTURE, EditPresenter, at_structure, structure_of, unknown_words
from ui.presenters.edit_words import edit_fields


@pytest.fixture
def edit(started: Desk) -> EditPresenter:
    started.panel.edit["prompt"].set("a red ball")
    return started.panel.edit


def test_the_form_as_it_comes_makes_the_jobs_own_defaults(edit: EditPresenter) -> None:
    assert edit.edit_part() == Edit(prompt="a red ball")
    assert edit.matte_part() is None
    assert edit.problems.value == ()


def test_every_field_has_a_label_and_a_tooltip_of_one_sentence() -> None:
    for field in edit_fields().values():
        assert field.label
        assert field.tooltip.endswith(".")
        assert "\n" not in field.tooltip


def test_every_field_of_the_edit_is_in_the_form() -> None:
    names = {field.name for field in edit_fields().values()}
    assert {f"edit.{each.name}" for each in fields(Edit)} <= names


def test_choices_come_from_the_job_and_one_choice_is_none() -> None:
    form = edit_fields()
    hints = get_type_hints(Edit)
    methods = [choice.value for choice in form["method"].choices.value]
    assert methods == [*get_args(hints["method"])]
    strengths = get_args(get_type_hints(Deflicker)["strength"])
    assert form["deflicker"].shown.value == (len(strengths) > 1)


BENDING = {"how_far": 60, "hold_shape": 2.0, "hold_motion": 0.5}


def test_dreammotion_has_three_controls_in_the_artists_words(edit: EditPresenter) -> None:
    labels = [edit[key].label for key in BENDING]
    assert labels == ["How far to go", "Hold the shape", "Hold the motion"]
    assert not any(edit[key].shown.value for key in (*BENDING, "motion_adapter"))
    edit["method"].set("dreammotion")
    assert all(edit[key].shown.value for key in (*BENDING, "motion_adapter"))
    for key in ("technique", "steps", "inversion_steps", "qk_threshold", "keyframes"):
        assert not edit[key].shown.value
    assert not edit.slides.value
    edit["method"].set("tokenflow")
    assert edit["technique"].shown.value and edit["qk_threshold"].shown.value and edit.slides.value


def test_what_the_three_controls_say_is_in_the_job_and_comes_back(edit: EditPresenter) -> None:
    edit["method"].set("dreammotion")
    for key, value in BENDING.items():
        edit[key].set(value)
    edit["motion_adapter"].set(" /m/motion ")
    part = edit.dreammotion_part()
    assert part == DreamMotion(steps=60, structure=2.0, motion=0.5)
    assert edit.model_part().motion == "/m/motion"
    job = EditJob(
        plate=Plate("a.####.exr"),
        edit=edit.edit_part(),
        model=edit.model_part(),
        output=Output("b.####.exr"),
        dreammotion=part,
    )
    for key in BENDING:
        edit[key].reset()
    edit.load(job)
    assert edit.dreammotion_part() == part and edit["hold_shape"].value.value == 2.0
    edit["motion_adapter"].set("")
    assert edit.model_part().motion is None


def test_what_the_other_method_had_set_neither_stops_nor_changes_a_job(
    edit: EditPresenter,
) -> None:
    for key, value in {"mode": "released", "technique": "sdedit", "start": 0.5, "steps": 0}.items():
        edit[key].set(value)
    assert edit.problems.value
    edit["method"].set("dreammotion")
    assert edit.problems.value == ()
    assert edit.edit_part() == Edit(prompt="a red ball", method="dreammotion")
    edit["motion_adapter"].set("/m/motion")
    edit["hold_shape"].set(3.0)
    edit["noise_schedule"].set("linear")
    assert edit.dreammotion_part() == DreamMotion(structure=3.0, schedule="linear")
    edit["method"].set("tokenflow")
    edit["steps"].set(20)
    assert edit.model_part().motion is None and edit.dreammotion_part() == DreamMotion()
    assert edit.edit_part().start == 0.5 and edit.edit_part().mode == "released"
    edit["method"].set("dreammotion")
    assert edit.model_part().motion == "/m/motion" and edit.dreammotion_part().structure == 3.0


def test_dreammotion_needs_a_prompt(started: Desk) -> None:
    started.panel.edit["method"].set("dreammotion")
    assert now(started.panel.edit.problems) == ("Say what to make of the shot.",)


def test_an_empty_prompt_is_a_reason_but_no_error_yet(started: Desk) -> None:
    edit = started.panel.edit
    assert now(edit.problems) == ("Say what to make of the shot.",)
    assert edit["prompt"].error.value == ""
    edit["method"].set("passthrough")
    assert edit.problems.value == ()


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("steps", 0, 20),
        ("guidance", 101.0, 5.0),
        ("size", "12 by 9", "512x288"),
        ("matte_feather", -1.0, 4.0),
        ("checkpoint", "  ", "demo"),
    ],
)
def test_a_wrong_value_says_so_beside_its_field_until_it_is_right(
    edit: EditPresenter, key: str, wrong: Any, right: Any
) -> None:
    edit[key].set(wrong)
    assert edit[key].error.value
    assert edit.problems.value
    others = [name for name, field in edit.fields.items() if field.error.value and name != key]
    assert others == []
    edit[key].set(right)
    assert edit[key].error.value == ""
    assert edit.problems.value == ()


def test_an_error_speaks_of_the_label_and_not_of_the_jobs_field(edit: EditPresenter) -> None:
    edit["steps"].set(0)
    assert edit["steps"].error.value.startswith("Steps must be")
    assert "edit.steps" not in edit["steps"].error.value


def test_values_that_do_not_go_together_are_told_at_one_of_them(edit: EditPresenter) -> None:
    edit["mode"].set("released")
    edit["keyframes"].set("fixed")
    assert edit["mode"].error.value
    edit["mode"].set("paper")
    assert edit.problems.value == ()
    assert edit["mode"].error.value == ""


def test_the_middle_of_the_slider_is_the_jobs_default() -> None:
    default = Edit(prompt="x")
    for key, value in at_structure("pnp", 0.5).items():
        assert value == getattr(default, key)


def test_the_slider_moves_the_exact_parameters_along_straight_lines(edit: EditPresenter) -> None:
    edit.set_structure(0.0)
    assert (edit["qk_threshold"].value.value, edit["conv_threshold"].value.value) == (0.8, 1.0)
    edit.set_structure(0.75)
    assert edit["qk_threshold"].value.value == pytest.approx(0.35)
    assert edit["conv_threshold"].value.value == pytest.approx(0.6)
    edit.set_structure(7)
    assert edit.structure.value == 1.0
    assert edit["qk_threshold"].value.value == STRUCTURE["pnp"]["qk_threshold"][2]


def test_the_slider_only_ever_changes_more_to_the_right() -> None:
    for technique, keeps in (("pnp", -1), ("sdedit", 1)):
        for key in STRUCTURE[technique]:
            places = [at_structure(technique, place / 20)[key] for place in range(21)]
            sign = 1 if key == "guidance" else keeps
            assert places == sorted(places, key=lambda value: sign * value)


def test_an_exact_parameter_set_by_hand_makes_the_slider_custom(edit: EditPresenter) -> None:
    edit["qk_threshold"].set(0.42)
    assert edit.structure.value is None
    edit["qk_threshold"].set(0.5)
    assert edit.structure.value == 0.5


def test_exact_parameters_find_their_place_on_the_slider_again() -> None:
    for technique in STRUCTURE:
        for place in (0.0, 0.13, 0.25, 0.5, 0.77, 1.0):
            exact = at_structure(technique, place)
            found = structure_of(technique, exact)
            assert found is not None
            assert at_structure(technique, found) == exact
    assert structure_of("pnp", at_structure("pnp", 0.5) | {"guidance": 3.0}) is None
    assert structure_of("sdedit", {"start": 0.95}) is None


def test_another_technique_keeps_the_place_of_the_slider_and_shows_its_own_parameters(
    edit: EditPresenter,
) -> None:
    edit.set_structure(1.0)
    edit["technique"].set("sdedit")
    assert edit["start"].value.value == 0.9
    assert edit["start"].shown.value
    assert not edit["qk_threshold"].shown.value
    edit["technique"].set("pnp")
    assert edit["qk_threshold"].shown.value
    assert not edit["start"].shown.value


def test_what_holds_an_edit_is_asked_for_by_its_technique_only(edit: EditPresenter) -> None:
    edit["technique"].set("controlnet")
    assert edit["controls"].shown.value
    edit["controls"].set("depth=/m/depth@0.8; canny=/m/canny")
    held = (Control("depth", "/m/depth", 0.8), Control("canny", "/m/canny"))
    assert edit.edit_part().controls == held
    edit["technique"].set("pnp")
    assert not edit["controls"].shown.value
    assert edit.edit_part().controls == ()
    assert edit.problems.value == ()


def test_a_wrong_control_is_said_beside_its_field(edit: EditPresenter) -> None:
    edit["technique"].set("controlnet")
    edit["controls"].set("segmentation=/m/seg")
    assert edit["controls"].error.value.startswith("Held by")
    edit["controls"].set("")
    assert edit["controls"].error.value == ""
    assert edit.edit_part().technique == "controlnet"


def test_an_earlier_job_that_was_held_comes_back(edit: EditPresenter) -> None:
    controls = (Control("depth", "/m/a", 0.5), Control(":matte.a", "/m/b"))
    part = Edit(prompt="a ball", technique="controlnet", controls=controls)
    edit.load(EditJob(plate=Plate("/p/a.#.exr"), edit=part, output=Output("/o/a.#.exr")))
    assert edit.edit_part() == part


def test_an_earlier_job_comes_back_into_the_form_whole(edit: EditPresenter) -> None:
    job = EditJob(
        plate=Plate("/p/a.#.exr"),
        edit=Edit(prompt="a blue cube", steps=7, size=Size(320, 192), qk_threshold=0.3, seed=9),
        matte=Matte("/m/a.#.exr:A", True, 3.0),
        output=Output("/o/a.#.exr"),
    )
    edit.load(job)
    assert edit.edit_part() == job.edit
    assert edit.matte_part() == job.matte
    assert edit.structure.value is None


def test_what_was_kept_comes_back_and_what_makes_no_sense_is_passed_over(
    edit: EditPresenter,
) -> None:
    edit.set_structure(0.25)
    edit["seed"].set(42)
    kept = edit.values()
    edit.set_structure(1.0)
    edit["seed"].set(1)
    edit.set_values(kept | {"steps": "many", "of a newer version": 1})
    assert edit.values() == kept


def test_the_die_takes_another_seed(edit: EditPresenter) -> None:
    seeds = set()
    for _ in range(5):
        edit.roll_seed()
        seeds.add(edit["seed"].value.value)
    assert len(seeds) > 1
    assert edit["seed"].error.value == ""


def test_the_demo_checkpoint_says_what_it_is_and_which_words_it_does_not_know(
    edit: EditPresenter,
) -> None:
    assert edit.notice.value == "The demo."
    edit["prompt"].set("a marble ball")
    assert "“marble”" in edit.notice.value
    assert "“ball”" not in edit.notice.value
    edit["checkpoint"].set("sd15")
    assert edit.notice.value == ""


def test_a_licence_that_forbids_commercial_work_is_said_before_the_job(
    edit: EditPresenter,
) -> None:
    edit["checkpoint"].set("zeroscope")
    said = "The licence of this checkpoint, cc-by-nc-4.0, forbids commercial work."
    assert edit.notice.value == said


def test_words_are_found_whatever_script_they_are_in() -> None:
    known = frozenset({"ball"})
    assert unknown_words("Ball, größer! 大理石", known) == ("größer", "大理石")
    assert unknown_words("anything", frozenset()) == ()
