"""Train the demo checkpoint: `python -m tokenflow.demo.train`. Stops and goes on at any moment.

Everything is made here: pictures are rendered, an autoencoder is trained on crops of them, a UNet
and a text encoder on its latents, first at half the picture size and then at the full one. The
amounts below are those of the bundled checkpoint, whose card is
`tokenflow/checkpoints/demo/README.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tokenflow.demo.training.autoencoder import (
    build_autoencoder,
    measure_psnr,
    train_autoencoder,
)
from tokenflow.demo.training.denoiser import train_denoiser
from tokenflow.demo.training.export import export_checkpoint
from tokenflow.demo.training.latents import encode_set
from tokenflow.demo.training.pictures import SCALES, SHARD, render_set
from tokenflow.demo.training.text import write_tokenizer

PICTURES = 14000
AUTOENCODER_STEPS = 1500
DENOISER_STEPS = {"half": 1600, "full": 800}
DECODER_STEPS = 1000


def main() -> None:
    """Run all stages that are not done yet, and export the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tokenflow.demo.train")
    parser.add_argument("--folder", type=Path, default=Path("build/demo-training"))
    parser.add_argument("--out", type=Path, default=Path("build/demo-checkpoint"))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    torch.set_num_threads(arguments.threads)
    render_set(folder, PICTURES, arguments.threads)
    train_autoencoder(folder, AUTOENCODER_STEPS)
    write_tokenizer(folder / "tokenizer")
    autoencoder = build_autoencoder().eval()
    state = torch.load(folder / "autoencoder.pt", weights_only=True)
    autoencoder.load_state_dict(state["average"])
    for scale in SCALES:
        encode_set(folder, autoencoder, scale, PICTURES // SHARD)
        train_denoiser(folder, scale, DENOISER_STEPS[scale])
        export_checkpoint(folder, arguments.out)
    train_autoencoder(folder, DECODER_STEPS, decoder_only=True)
    export_checkpoint(folder, arguments.out)
    decoder = torch.load(folder / "decoder.pt", weights_only=True)["average"]
    autoencoder.load_state_dict(decoder)
    print(f"autoencoder {measure_psnr(autoencoder, folder):.2f} dB on pictures kept for tests")


if __name__ == "__main__":
    main()
