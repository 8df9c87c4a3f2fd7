"""Image-text models: the bundled one of the demo world, and folders that a user gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tokenflow.demo.render import render_picture
from tokenflow.demo.training.captions import near_misses, one_word_changed
from tokenflow.demo.view import to_display
from tokenflow.demo.world import random_scene
from tokenflow.errors import CheckpointDamaged, CheckpointMissing, CheckpointRejected
from tokenflow.metrics.clip_score import DEMO_CLIP, ImageText, frame_consistency, text_score

HELD_OUT = 90210  # no seed of the training set
PICTURES = 40


@pytest.fixture(scope="module")
def judge() -> ImageText:
    return ImageText(DEMO_CLIP)


def test_embeddings_have_the_length_of_one(judge: ImageText) -> None:
    picture = np.random.default_rng(1).random((54, 96, 3), np.float32)
    for embedding in (judge.of_picture(picture), judge.of_text("a red ball")):
        assert np.linalg.norm(embedding) == pytest.approx(1.0, rel=1e-5)


def test_the_right_caption_ranks_first_among_ten_with_one_word_changed(judge: ImageText) -> None:
    """85 % over many pictures is asked for; of these forty it may miss a few more."""
    rng = np.random.default_rng(HELD_OUT)
    hits = 0
    for _ in range(PICTURES):
        scene = random_scene(rng)
        picture, _ = render_picture(scene, 0, 192, 108)
        wrong = rng.permutation(one_word_changed(scene.caption))[:9]
        seen = judge.of_picture(to_display(picture))
        scores = [seen @ judge.of_text(text) for text in (scene.caption, *map(str, wrong))]
        hits += int(np.argmax(scores)) == 0
    assert hits >= 0.8 * PICTURES


def test_a_caption_has_as_many_near_misses_as_words_that_say_something() -> None:
    caption = "a red striped ball on a wooden floor at noon"
    every = one_word_changed(caption)
    assert len(every) == len(set(every)) == 9 + 3 + 2 + 3 + 2
    drawn = near_misses(caption, np.random.default_rng(1))
    assert len(drawn) == 5 and set(drawn) <= set(every)


def test_scores_are_mean_cosines() -> None:
    across, up = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    assert text_score([across, up], across) == pytest.approx(0.5)
    assert frame_consistency([across, across, up]) == pytest.approx(0.5)
    assert frame_consistency([across]) is None


def test_a_picture_is_cut_to_the_middle_where_the_folder_says_nothing(tmp_path: Path) -> None:
    """CLIP's own preprocessing: the shorter side to the model's, then a square of the middle."""
    shutil.copytree(DEMO_CLIP, tmp_path / "clip")
    (tmp_path / "clip" / "preprocessor_config.json").unlink()
    judge = ImageText(tmp_path / "clip")
    picture = np.zeros((96, 192, 3), np.float32)
    picture[:, 48:144] = 0.5
    bordered = picture.copy()
    bordered[:, :40] = 1.0  # outside the square
    np.testing.assert_array_equal(judge.of_picture(picture), judge.of_picture(bordered))


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    shutil.copytree(DEMO_CLIP, tmp_path / "clip")
    (tmp_path / "clip" / "model.safetensors").rename(tmp_path / "clip" / "pytorch_model.bin")
    with pytest.raises(CheckpointRejected, match="pickle"):
        ImageText(tmp_path / "clip")


def test_changed_weights_are_noticed(tmp_path: Path) -> None:
    shutil.copytree(DEMO_CLIP, tmp_path / "clip")
    file = tmp_path / "clip" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointDamaged, match=r"model\.safetensors"):
        ImageText(tmp_path / "clip")


def test_a_folder_that_is_not_there_or_no_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match="nowhere"):
        ImageText(tmp_path / "nowhere")
    shutil.copytree(DEMO_CLIP, tmp_path / "clip")
    config = json.loads((DEMO_CLIP / "config.json").read_text())
    config["vision_config"]["hidden_size"] = 48
    (tmp_path / "clip" / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointRejected, match="cannot be loaded"):
        ImageText(tmp_path / "clip")


def test_what_is_embedded_is_what_a_person_sees(judge: ImageText) -> None:
    """Eight bits of the display picture: what training pictures were, and nothing beyond 1."""
    picture = np.random.default_rng(2).random((96, 96, 3), np.float32)
    eight_bit = np.asarray(Image.fromarray(np.rint(picture * 255).astype(np.uint8)), np.float32)
    np.testing.assert_array_equal(
        judge.of_picture(picture), judge.of_picture((eight_bit / 255).astype(np.float32))
    )
