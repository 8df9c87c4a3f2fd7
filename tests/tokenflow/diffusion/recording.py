"""A folder of tensors recorded from the released code, and the same inputs for the engine.

Everything comes from its ``settings.json``: sizes, frames, seeds, steps, thresholds and techniques.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image as Picture
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.settings import EditSettings, InversionSettings
from tokenflow.diffusion.vae import Image

DEFAULT = Path(__file__).parents[4] / "shared" / "data" / "released-tokenflow"


def recording_folder() -> Path:
    """Where the recorded tensors are expected."""
    return Path(os.environ.get("TOKENFLOW_GOLDEN") or DEFAULT)


def case_names() -> list[str]:
    """Names of the recorded edits; empty if there is no recording."""
    settings = recording_folder() / "settings.json"
    return list(json.loads(settings.read_text("utf-8"))["cases"]) if settings.is_file() else []


class Recording:
    """The recording and what it was made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = json.loads((folder / "settings.json").read_text("utf-8"))
        self.inversion = load_file(folder / self.settings["inversion"]["file"])
        self.levels = tuple(sorted(self.settings["inversion"]["saved_timesteps"]))
        self._models: dict[torch.dtype, Model] = {}

    def model(self, dtype: torch.dtype) -> Model:
        """The pipeline; the text encoder stays float32, as in the recording."""
        if dtype not in self._models:
            place = self.folder / self.settings["pipeline"]
            self._models[dtype] = Model(
                unet=UNet2DConditionModel.from_pretrained(place / "unet").to(dtype).eval(),
                vae=AutoencoderKL.from_pretrained(place / "vae").to(dtype).eval(),
                text_encoder=CLIPTextModel.from_pretrained(place / "text_encoder").eval(),
                tokenizer=CLIPTokenizer.from_pretrained(place / "tokenizer"),
                scheduler=DDIMScheduler.from_pretrained(place / "scheduler"),
                name="recording",
            )
        return self._models[dtype]

    def images(self) -> list[tuple[int, Image]]:
        """The input frames."""
        frames = self.settings["frames"]
        place = self.folder / frames["folder"]
        paths = [place / (frames["pattern"] % number) for number in range(frames["count"])]
        pictures = [np.asarray(Picture.open(path).convert("RGB"), np.float32) for path in paths]
        return [(number, picture / np.float32(255)) for number, picture in enumerate(pictures)]

    @property
    def inversion_settings(self) -> InversionSettings:
        """How the recording was inverted."""
        return InversionSettings(steps=self.settings["inversion"]["steps"], scheme="plain")


class Case:
    """One recorded edit."""

    def __init__(self, recording: Recording, name: str) -> None:
        self.recording, self.name = recording, name
        self.described: dict[str, Any] = recording.settings["cases"][name]
        self.tensors = load_file(recording.folder / f"{name}.safetensors")
        self.frames = tuple(range(self.described["n_frames"]))

    def optional(self, suffix: str) -> dict[str, torch.Tensor] | None:
        """Tensors of a file that not every case has."""
        path = self.recording.folder / f"{self.name}{suffix}.safetensors"
        return load_file(path) if path.is_file() else None

    @property
    def settings(self) -> EditSettings:
        """The case as settings of the engine."""
        case = self.described
        settings = EditSettings(
            prompt=case["prompt"],
            negative_prompt=case["negative_prompt"],
            source_prompt=case["inversion_prompt"],
            technique=case["technique"],
            mode="released",
            guidance=case["guidance_scale"],
            steps=case["n_timesteps"],
            keyframe_interval=case["batch_size"],
            seed=case["seed"],
            keyframes_per_batch=case["n_keyframes"],
        )
        if case["technique"] == "sdedit":
            return replace(settings, start=case["start"])
        return replace(settings, qk_threshold=case["pnp_attn_t"], conv_threshold=case["pnp_f_t"])

    def source(self, folder: Path, dtype: torch.dtype) -> Trajectory:
        """The recorded inversion."""
        levels, shape = self.recording.levels, self.shape
        trajectory = Trajectory(folder / "source", levels, self.frames, shape, dtype)
        for level in levels:
            stack = trajectory.at(level)
            stack.write(self.frames, self.recording.inversion[f"t_{level:04d}"][: len(self.frames)])
            stack.finish()
        return trajectory

    def clean(self, folder: Path, latents: torch.Tensor) -> LatentStack:
        """Clean latents on disk."""
        stack = LatentStack(folder / "x0", self.frames, self.shape, latents.dtype)
        stack.write(self.frames, latents[: len(self.frames)])
        stack.finish()
        return stack

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one latent."""
        return tuple(self.recording.inversion["x0"].shape[1:])
