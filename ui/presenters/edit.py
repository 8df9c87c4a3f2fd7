"""The edit form: words, method, structure, checkpoint, seed, matte, and what is wrong with them.

The slider "Keep structure ... Change more" stands for exact parameters, read off `STRUCTURE` and
in between along straight lines. Its middle is what Plug-and-Play (Tumanyan et al., CVPR 2023)
recommends and the job's own default; its left end keeps attention and features of the plate nearly
to the last step and hardly pulls towards the words, its right end lets go of them early.

    slider                      0.0    0.5    1.0
    pnp: attention kept         0.8    0.5    0.2    edit.qk_threshold
    pnp: features kept          1.0    0.8    0.4    edit.conv_threshold
    pnp: guidance               2.0    7.5   10.0    edit.guidance
    sdedit: steps that are run  0.3    0.6    0.9    edit.start
    controlnet: guidance        2.0    7.5   10.0    edit.guidance
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from ocio.errors import OcioError
from tokenflow.errors import TokenFlowError
from tokenflow.job import (
    PROMPTED_METHODS,
    Color,
    Control,
    Deflicker,
    DreamMotion,
    Edit,
    EditJob,
    Matte,
    Model,
    Size,
)
from ui.observable import Subscriptions, Value
from ui.presenters.edit_words import edit_fields
from ui.presenters.fields import Choice, Field, named_in, problem_of
from ui.presenters.service import ModelFacts, ServicePresenter

STRUCTURE: dict[str, dict[str, tuple[float, float, float]]] = {
    "pnp": {
        "qk_threshold": (0.8, 0.5, 0.2),
        "conv_threshold": (1.0, 0.8, 0.4),
        "guidance": (2.0, 7.5, 10.0),
    },
    "sdedit": {"start": (0.3, 0.6, 0.9)},
    "controlnet": {"guidance": (2.0, 7.5, 10.0)},
}
"""What the slider stands for, by technique: the values at its left end, middle and right end."""

ONLY_DENOISING = (
    *("technique", "mode", "steps", "inversion_steps", "inversion_evaluations"),
    *("keyframe_interval", "keyframes", "weights"),
)
"""What means nothing where the shot itself is bent."""

ONLY_BENDING = ("how_far", "hold_shape", "hold_motion", "motion_adapter", "noise_schedule")

MIDDLE = 0.5
SEEDS = 2**31


class EditPresenter:
    """What to make of the shot.

    Attributes
    ----------
    fields
        All fields by key: ``prompt``, ``source_prompt``, ``negative_prompt``, ``method``,
        ``technique``, ``mode``, ``steps``, ``inversion_steps``, ``inversion_evaluations``,
        ``guidance``, ``keyframe_interval``, ``keyframes``, ``weights``, ``qk_threshold``,
        ``conv_threshold``, ``start``, ``controls``, ``seed``, ``size``, ``encoding``,
        ``checkpoint``, ``dtype``,
        ``matte``, ``matte_invert``, ``matte_feather``, ``deflicker``.
    structure
        Where the slider stands, 0 (keep structure) to 1 (change more); None when an exact
        parameter was set by hand, and the slider says "custom".
    slides
        Whether the slider means anything for the method.
    problems
        Sentences why no job can be made; empty when one can. An empty prompt is a problem, but no
        field's error: nobody did anything wrong yet.
    notice
        What the artist should know about checkpoint and words; may be empty.
    """

    def __init__(self, service: ServicePresenter) -> None:
        self.fields: dict[str, Field] = edit_fields()
        self.structure: Value[float | None] = Value(MIDDLE)
        self.slides = Value(True)
        self.problems: Value[tuple[str, ...]] = Value(())
        self.notice = Value("")
        self._service = service
        self._sliding = False
        self._bound = Subscriptions()
        for key, field in self.fields.items():
            self._bound.add(field.value.subscribe(partial(self._set, key)))
        self._bound.bind(service.models, self._show_models)
        self._show_which()
        self._check()

    def __getitem__(self, key: str) -> Field:
        return self.fields[key]

    def set_structure(self, place: float) -> None:
        """Move the slider, 0 to 1, and with it the exact parameters of the technique."""
        place = min(max(float(place), 0.0), 1.0)
        technique = str(self.fields["technique"].value.value)
        self._sliding = True
        for key, value in at_structure(technique, place).items():
            self.fields[key].set(value)
        self._sliding = False
        self.structure.set(place)
        self._check()

    def roll_seed(self) -> None:
        """Take another seed."""
        self.fields["seed"].set(random.randrange(SEEDS))

    def edit_part(self) -> Edit:
        """Return the edit as a job has it.

        Raises
        ------
        InvalidJob, OcioError
            Like the other parts: a field is wrong.
        """
        return Edit(**self._values(Edit))

    def model_part(self) -> Model:
        """Return the weights as a job has them."""
        return Model(**self._values(Model))

    def matte_part(self) -> Matte | None:
        """Return the matte as a job has it; None without one."""
        if not str(self.fields["matte"].value.value).strip():
            return None
        return Matte(**self._values(Matte))

    def deflicker_part(self) -> Deflicker:
        """Return the deflicker pass as a job has it."""
        return Deflicker(**self._values(Deflicker))

    def dreammotion_part(self) -> DreamMotion:
        """Return what a job of the method dreammotion has of its own."""
        return DreamMotion(**self._values(DreamMotion))

    @property
    def encoding(self) -> str:
        """How the plate becomes what the model sees."""
        return str(self.fields["encoding"].value.value)

    def load(self, job: EditJob) -> None:
        """Take the settings of an earlier job: a try, a version."""
        parts: dict[str, object] = {
            "edit": job.edit,
            "color": job.color,
            "model": job.model,
            "matte": job.matte,
            "deflicker": job.deflicker,
            "dreammotion": job.dreammotion,
        }
        self.structure.set(None)
        for field in self.fields.values():
            where, _, name = field.name.partition(".")
            part = parts[where]
            if part is None:
                field.reset()
                continue
            value = getattr(part, name)
            field.set(form_value(value))
        self._find_structure()

    def values(self) -> dict[str, Any]:
        """Return every field's value by key: a preset, or what is kept between two sessions."""
        found = {key: field.value.value for key, field in self.fields.items()}
        return found | {"structure": self.structure.value}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Take what `values` gave; what this version does not know is passed over."""
        self._sliding = True
        for key, value in values.items():
            field = self.fields.get(key)
            if field is not None and type(value) in _TYPES[field.kind]:
                field.set(value)
        self._sliding = False
        place = values.get("structure", self.structure.value)
        self.structure.set(float(place) if isinstance(place, int | float) else None)
        self._show_which()
        self._check()

    def model(self) -> ModelFacts | None:
        """Return what is known of the chosen checkpoint."""
        name = self.fields["checkpoint"].value.value
        return next((model for model in self._service.models.value if model.name == name), None)

    def close(self) -> None:
        """Look at nothing any more."""
        self._bound.cancel()

    def _values(self, part: type[Edit | Model | Matte | Deflicker | DreamMotion]) -> dict[str, Any]:
        return {
            field.short_name: job_value(field)
            for field in self.fields.values()
            if field.name.startswith(f"{part.where}.")
        }

    def _set(self, key: str, _: object) -> None:
        self._changed(key)

    def _changed(self, key: str) -> None:
        if self._sliding:
            return
        if key == "technique":
            self._show_which()
            if self.structure.value is not None:
                self.set_structure(self.structure.value)
                return
        elif any(key in table for table in STRUCTURE.values()):
            self._find_structure()
        if key == "method":
            self._show_which()
        self._check()

    def _find_structure(self) -> None:
        """Say where the slider stands after an exact parameter was set by hand."""
        technique = str(self.fields["technique"].value.value)
        exact = {key: self.fields[key].value.value for key in STRUCTURE.get(technique, {})}
        self.structure.set(structure_of(technique, exact))

    def _show_which(self) -> None:
        """Show the fields that mean something for the method and technique."""
        bends = self.fields["method"].value.value == "dreammotion"
        for key in ONLY_BENDING:
            self.fields[key].shown.set(bends)
        for key in ONLY_DENOISING:
            self.fields[key].shown.set(not bends)
        self.slides.set(not bends)
        technique = self.fields["technique"].value.value
        for other, table in STRUCTURE.items():
            for key in table:
                if key != "guidance":
                    self.fields[key].shown.set(other == technique and not bends)
        self.fields["controls"].shown.set(technique == "controlnet" and not bends)

    def _show_models(self, models: tuple[ModelFacts, ...]) -> None:
        choices = [Choice(each.name, each.name, each.problem or each.note) for each in models]
        self.fields["checkpoint"].choices.set(tuple(choices))
        self._check()

    def _check(self) -> None:
        """Find what is wrong, field by field and then of all together."""
        fields = [*self.fields.values()]
        problems = check_fields(fields, _PARTS)
        prompt = str(self.fields["prompt"].value.value)
        method = self.fields["method"].value.value
        if method in PROMPTED_METHODS and not prompt.strip():
            problems = ("Say what to make of the shot.", *problems)
        elif not problems:
            problems = self._check_together(fields)
        self.problems.set(problems)
        self.notice.set(self._notice(prompt))

    def _check_together(self, fields: list[Field]) -> tuple[str, ...]:
        try:
            self.edit_part()
            self.model_part()
            self.matte_part()
        except (OcioError, TokenFlowError) as error:
            sentence = problem_of(error, fields)
            about = named_in(error, fields)
            if about is not None:
                about.error.set(sentence)
            return (sentence,)
        return ()

    def _notice(self, prompt: str) -> str:
        model = self.model()
        if model is None:
            return ""
        if model.problem:
            return f"This checkpoint cannot be used: {model.problem}"
        if not model.commercial:
            return f"The licence of this checkpoint, {model.licence}, forbids commercial work."
        unknown = unknown_words(prompt, model.vocabulary)
        if unknown:
            words = ", ".join(f"“{word}”" for word in unknown)
            return f"The checkpoint {model.name} does not know {words}."
        return model.note


_PARTS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "edit": (Edit, {"prompt": "x"}),
    "color": (Color, {}),
    "model": (Model, {}),
    "matte": (Matte, {"source": "x"}),
    "deflicker": (Deflicker, {}),
    "dreammotion": (DreamMotion, {}),
}
"""Parts by name, with what makes them whole while one field is checked."""

_WITH = {"edit.controls": {"technique": "controlnet"}}
"""What a field means nothing without."""

_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "choice": (str,),
    "integer": (int,),
    "number": (int, float),
    "switch": (bool,),
}


def at_structure(technique: str, place: float) -> dict[str, float]:
    """Return the exact parameters that the slider stands for at a place, 0 to 1."""
    half, along = (0, place / MIDDLE) if place < MIDDLE else (1, (place - MIDDLE) / (1 - MIDDLE))
    return {
        key: round(table[half] + (table[half + 1] - table[half]) * along, 4)
        for key, table in STRUCTURE.get(technique, {}).items()
    }


def structure_of(technique: str, exact: Mapping[str, Any]) -> float | None:
    """Return where the slider stands for exact parameters; None where it never gives these."""
    key, table = next(iter(STRUCTURE[technique].items()))
    value = exact[key]
    if not isinstance(value, int | float):
        return None
    for half in (0, 1):
        share = (value - table[half]) / (table[half + 1] - table[half])
        place = round((half + share) * MIDDLE, 4)
        if 0 <= share <= 1 and at_structure(technique, place) == exact:
            return place
    return None


def form_value(value: object) -> object:
    """Return a value of the job as a field has it: all but numbers and switches are text."""
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    return "" if value is None else str(value) if isinstance(value, Size) else value


def job_value(field: Field) -> Any:
    """Return a field's value as the job has it: null for an empty text, a size for its text.

    What is not shown means nothing for the method or technique, and stays at its default.

    Raises
    ------
    InvalidJob
        The text is no size, or no ControlNets.
    """
    value = field.value.value if field.shown.value else field.default
    if field.name == "edit.controls":
        return tuple(Control.parse(each.strip()) for each in value.split(";") if each.strip())
    if field.name == "edit.size":
        return Size.parse(value) if value.strip() else None
    if field.name == "model.motion":
        return value.strip() or None
    return value


def check_fields(
    fields: list[Field], parts: Mapping[str, tuple[type[Any], dict[str, Any]]]
) -> tuple[str, ...]:
    """Check each field by itself, set its error, and return all sentences.

    A field is checked by making its part of the job with nothing else in it: the job itself knows
    what it takes.
    """
    problems = []
    for field in fields:
        part, others = parts[field.name.partition(".")[0]]
        sentence = ""
        try:
            value = job_value(field)
            if value not in ("", None, ()):
                part(**others | _WITH.get(field.name, {}) | {field.short_name: value})
        except (OcioError, TokenFlowError) as error:
            sentence = problem_of(error, fields)
        field.error.set(sentence)
        if sentence:
            problems.append(sentence)
    return tuple(problems)


def unknown_words(prompt: str, vocabulary: frozenset[str]) -> tuple[str, ...]:
    """Return the words of a prompt that a checkpoint does not know, each once, in their order."""
    words = dict.fromkeys(word.lower() for word in re.findall(r"[^\W_]+", prompt))
    return tuple(word for word in words if word not in vocabulary) if vocabulary else ()
