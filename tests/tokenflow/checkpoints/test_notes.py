from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokenflow.checkpoints.notes import Notes, read_notes, unknown_words
from tokenflow.checkpoints.source import resolve
from tokenflow.checkpoints.verify import verify
from tokenflow.errors import CheckpointRejected

VOCABULARY = frozenset({"a", "red", "striped", "ball", "on", "grassy", "floor"})


def test_a_checkpoint_says_what_it_knows(folder: Path) -> None:
    (folder / "tokenflow.json").write_text(
        json.dumps(
            {
                "vocabulary": ["a", "Red", "ball"],
                "native_size": [192, 108],
                "encodings": ["view", "log"],
                "note": "small",
                "made_by": "a later version",
            }
        )
    )
    info = verify(resolve(str(folder)))
    assert info.notes == Notes(
        frozenset({"a", "red", "ball"}), (192, 108), None, ("view", "log"), "small"
    )
    assert info.native_area == 192 * 108


def test_the_native_area_may_be_given_in_latents(folder: Path) -> None:
    (folder / "tokenflow.json").write_text('{"native_area": 1296}')
    assert verify(resolve(str(folder))).native_area == 1296 * 4**2


def test_a_checkpoint_without_notes_has_empty_ones(tmp_path: Path) -> None:
    assert read_notes(tmp_path / "tokenflow.json") == Notes()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vocabulary", "red"),
        ("vocabulary", [1]),
        ("native_size", [192]),
        ("native_size", [192, 0]),
        ("native_size", [192.5, 108]),
        ("native_area", -1),
        ("encodings", "view"),
        ("note", 3),
        ("prediction_type", "x0"),
    ],
)
def test_a_note_of_the_wrong_kind_is_named(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "tokenflow.json"
    path.write_text(json.dumps({key: value}))
    with pytest.raises(CheckpointRejected, match=f"{key} in tokenflow.json must be"):
        read_notes(path)


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a red striped ball on a grassy floor", ()),
        ("A RED ball, on a floor.", ()),
        ("a red van gogh ball, van gogh", ("van", "gogh")),
        ("a red-striped ball", ()),
        ("3 balls", ("3", "balls")),
        ("un ballon été 球", ("un", "ballon", "été", "球")),
        ("", ()),
    ],
)
def test_words_outside_the_vocabulary_are_named_once_and_in_order(
    prompt: str, unknown: tuple[str, ...]
) -> None:
    assert unknown_words(prompt, VOCABULARY) == unknown


def test_a_model_without_a_vocabulary_knows_every_word() -> None:
    assert unknown_words("anything goes", frozenset()) == ()
