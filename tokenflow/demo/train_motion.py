"""Train the demo checkpoint's motion adapter: `python -m tokenflow.demo.train_motion`.

DreamMotion reads the features of a video model; with this adapter the demo checkpoint is one. Stops
and goes on at any moment. The card of the bundled one is
`tokenflow/checkpoints/demo_motion/README.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.source import resolve
from tokenflow.demo.training.clips import render_clips
from tokenflow.demo.training.motion import export_adapter, measure_gain, train_motion, trained

CLIPS = {"half": 600, "full": 80}
STEPS = {"half": 700, "full": 40}


def main() -> None:
    """Render what is missing of the clips, train, measure and export."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m tokenflow.demo.train_motion"
    )
    parser.add_argument("--folder", type=Path, default=Path("build/demo-motion-training"))
    parser.add_argument("--out", type=Path, default=Path("build/demo-motion"))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load_model(resolve("demo"), "cpu", torch.float32)
    for scale, steps in STEPS.items():
        render_clips(arguments.folder, model, scale, CLIPS[scale])
        train_motion(arguments.folder, model, scale, steps)
        unet = trained(arguments.folder, model)
        alone, together = measure_gain(arguments.folder, model, unet, scale)
        print(f"loss on clips kept for tests at {scale}: {alone:.4f} alone, {together:.4f} with it")
        export_adapter(unet, arguments.out)


if __name__ == "__main__":
    main()
