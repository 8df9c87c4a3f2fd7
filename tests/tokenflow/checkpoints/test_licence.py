from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tokenflow.checkpoints.licence import forbids_commerce, licence_of


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\ntags: [x]\n---\n# Weights\n", "cc-by-nc-4.0"),
        ("---\nlicense: other\nlicense_name: my-terms\n---\n", "my-terms"),
        ('---\nlanguage: en\nlicense: "openrail"\n---\n', "openrail"),
        ("# No front matter\nlicense: mit\n", "not stated"),
        ("---\ntags: [x]\n---\nlicense: mit\n", "not stated"),
        ("", "not stated"),
    ],
)
def test_the_licence_stands_in_the_front_matter_of_the_card(
    tmp_path: Path, card: str, licence: str
) -> None:
    (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == licence


def test_without_a_card_it_stands_in_the_index(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"license": "mit"}))
    assert licence_of(tmp_path) == "mit"
    (tmp_path / "model_index.json").write_text("not json")
    assert licence_of(tmp_path) == "not stated"


def test_a_single_file_says_it_in_its_header(tmp_path: Path) -> None:
    weights = {"a": torch.zeros(1)}
    save_file(weights, tmp_path / "a.safetensors", {"modelspec.license": "CreativeML"})
    save_file(weights, tmp_path / "b.safetensors")
    assert licence_of(tmp_path / "a.safetensors") == "CreativeML"
    assert licence_of(tmp_path / "b.safetensors") == "not stated"
    (tmp_path / "c.safetensors").write_text("damaged")
    assert licence_of(tmp_path / "c.safetensors") == "not stated"


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("cc-by-nc-4.0", True),
        ("CC-BY-NC-SA-4.0", True),
        ("my-non-commercial-terms", True),
        ("apache-2.0", False),
        ("creativeml-openrail-m", False),
        ("not stated", False),
    ],
)
def test_licences_that_forbid_commercial_work_are_known(licence: str, forbidden: bool) -> None:
    assert forbids_commerce(licence) is forbidden
