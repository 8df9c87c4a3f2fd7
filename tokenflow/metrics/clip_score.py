"""CLIP scores: does the edit show what the words ask for, and do its frames agree on it.

Text score: the mean over frames of the cosine between the CLIP embedding of the frame through the
view and that of the target prompt (Radford et al., arXiv 2103.00020); raw, not times 100. Beside it
stands the plate's cosine with the same prompt. Frame consistency: the mean cosine of the image
embeddings of neighbouring frames. Both depend on the model, so its name belongs to the figure;
figures of two models do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional
from transformers import CLIPModel, CLIPTokenizer

from tokenflow.checkpoints.weights import read_json
from tokenflow.errors import CheckpointRejected
from tokenflow.metrics.transformers_folder import given_folder, load_folder

Float32 = npt.NDArray[np.float32]

DEMO_CLIP = Path(__file__).parents[1] / "checkpoints" / "demo_clip"
"""The bundled image-text model, which knows the demo's world alone."""


class ImageText:
    """A CLIP in transformers' layout.

    Parameters
    ----------
    folder
        Holds `config.json`, `model.safetensors` and the tokenizer; `preprocessor_config.json` where
        the pictures are prepared in another way than CLIP's own.

    Raises
    ------
    CheckpointMissing, CheckpointRejected, CheckpointDamaged
        Where the folder is no such thing; a pickle is refused.
    """

    def __init__(self, folder: Path) -> None:
        self._model: Any = load_folder(CLIPModel, folder)
        kind = self._model.config.model_type
        if kind != "clip":
            raise CheckpointRejected(
                f"the folder holds a model of the type {kind!r}, not a CLIP", path=folder
            )
        self.name = "demo" if folder == DEMO_CLIP else folder.name
        self._how = _preprocessing(folder)
        with given_folder(folder):
            self._tokenizer: Any = CLIPTokenizer.from_pretrained(folder, local_files_only=True)

    @torch.inference_mode()
    def of_text(self, prompt: str) -> Float32:
        """Return the unit embedding of a prompt, (width,)."""
        limit = self._model.config.text_config.max_position_embeddings
        tokens = self._tokenizer(
            [prompt], truncation=True, max_length=limit, padding=True, return_tensors="pt"
        )
        pooled = self._model.text_model(**tokens).pooler_output
        return _unit(self._model.text_projection(pooled))

    @torch.inference_mode()
    def of_picture(self, display: Float32) -> Float32:
        """Return the unit embedding of a display-referred picture (h, w, 3) in 0..1, (width,)."""
        pixels = torch.from_numpy(self._prepared(display)).permute(2, 0, 1)[None]
        pooled = self._model.vision_model(pixel_values=pixels).pooler_output
        return _unit(self._model.visual_projection(pooled))

    def _prepared(self, display: Float32) -> Float32:
        """Resize, cut and normalise as the model's preprocessing says."""
        picture = Image.fromarray(np.rint(np.clip(display, 0, 1) * 255).astype(np.uint8))
        size = self._how["size"]
        if edge := size.get("shortest_edge"):
            scale = edge / min(picture.size)
            wanted = (round(picture.width * scale), round(picture.height * scale))
        else:
            wanted = (size["width"], size["height"])
        picture = picture.resize(wanted, Image.Resampling(self._how["resample"]))
        if self._how["do_center_crop"]:
            crop = self._how["crop_size"]
            left, top = (picture.width - crop["width"]) // 2, (picture.height - crop["height"]) // 2
            picture = picture.crop((left, top, left + crop["width"], top + crop["height"]))
        mean, deviation = (np.array(self._how[f"image_{n}"], np.float32) for n in ("mean", "std"))
        return np.asarray((np.asarray(picture, np.float32) / 255 - mean) / deviation, np.float32)


def text_score(pictures: Sequence[Float32], text: Float32) -> float:
    """Return the mean cosine of unit embeddings of frames with that of a prompt."""
    return float(np.mean([picture @ text for picture in pictures]))


def frame_consistency(pictures: Sequence[Float32]) -> float | None:
    """Return the mean cosine of neighbouring frames' unit embeddings; None for a single frame."""
    cosines = [first @ second for first, second in pairwise(pictures)]
    return float(np.mean(cosines)) if cosines else None


def _unit(embeddings: torch.Tensor) -> Float32:
    return np.asarray(functional.normalize(embeddings.float(), dim=-1)[0].numpy(), np.float32)


def _preprocessing(folder: Path) -> dict[str, Any]:
    """Return how pictures are prepared: what the folder says over CLIP's own way."""
    side = read_json(folder / "config.json").get("vision_config", {}).get("image_size", 224)
    how: dict[str, Any] = {
        "size": {"shortest_edge": side},
        "crop_size": {"width": side, "height": side},
        "resample": int(Image.Resampling.BICUBIC),
        "do_center_crop": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    said = folder / "preprocessor_config.json"
    if said.is_file():
        how |= {name: value for name, value in read_json(said).items() if name in how}
    # Older files give one number for the size of the shortest edge and for the square.
    if isinstance(how["size"], int):
        how["size"] = {"shortest_edge": how["size"]}
    if isinstance(how["crop_size"], int):
        how["crop_size"] = {"width": how["crop_size"], "height": how["crop_size"]}
    return how
