"""Train the demo checkpoint's depth ControlNet: `python -m tokenflow.demo.train_controlnet`.

It holds an edit to the depth of the shot. Stops and goes on at any moment. Takes the encoded
pictures of `python -m tokenflow.demo.train` and encodes them where they are missing. The card of
the bundled one is `tokenflow/checkpoints/demo_controlnet/README.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tokenflow.demo.training.controlnet import (
    Trainee,
    draw_depths,
    export_controlnet,
    measure_loss,
    train_controlnet,
)
from tokenflow.demo.training.latents import encode_set
from tokenflow.demo.training.pictures import SHARD, render_set

PICTURES = 14000
STEPS = 1600


def main() -> None:
    """Render what is missing of the training set, train, export and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m tokenflow.demo.train_controlnet"
    )
    parser.add_argument("--folder", type=Path, default=Path("build/demo-training"))
    parser.add_argument("--out", type=Path, default=Path("build/demo-controlnet"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    render_set(arguments.folder, PICTURES, arguments.threads)
    encode_set(arguments.folder, Trainee().model.vae, "full", PICTURES // SHARD)
    draw_depths(arguments.folder)
    train_controlnet(arguments.folder, arguments.steps)
    export_controlnet(arguments.folder, arguments.out)
    without, with_depth = measure_loss(arguments.folder)
    print(f"loss on pictures kept for tests: {without:.4f} without, {with_depth:.4f} with depth")


if __name__ == "__main__":
    main()
