"""Train the demo world's image-text model: `python -m tokenflow.demo.train_clip`.

It judges edits of the demo world with words, as CLIP does with those of real plates. Stops and goes
on at any moment. The card of the bundled one is `tokenflow/checkpoints/demo_clip/README.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tokenflow.demo.training.clip import export_clip, measure_ranking, train_clip, trained
from tokenflow.demo.training.pictures import render_set

PICTURES = 14000
STEPS = 900


def main() -> None:
    """Render what is missing of the training set, train, measure and export."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m tokenflow.demo.train_clip"
    )
    parser.add_argument("--folder", type=Path, default=Path("build/demo-training"))
    parser.add_argument("--out", type=Path, default=Path("build/demo-clip"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    render_set(arguments.folder, PICTURES, arguments.threads)
    train_clip(arguments.folder, arguments.steps)
    export_clip(arguments.folder, arguments.out)
    share = measure_ranking(*trained(arguments.folder), arguments.folder)
    print(f"the right caption of ten ranks first for {share:.1%} of the pictures kept for tests")


if __name__ == "__main__":
    main()
