"""The demo checkpoint's text side: a tokenizer of the demo world's words, and a tiny CLIP."""

from __future__ import annotations

import json
import string
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from tokenflow.demo.world import VOCABULARY

TEXT_WIDTH = 96
TOKENS = 32  # of a prompt; the longest caption takes twelve
_START, _END = "<|startoftext|>", "<|endoftext|>"


def _merges(word: str) -> list[tuple[str, str]]:
    """Byte-pair merges that build `word` from the left: gr, gre, gree, green</w>."""
    letters = [*word[:-1], word[-1] + "</w>"]
    return [("".join(letters[:i]), letters[i]) for i in range(1, len(letters))]


def _apply(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    parts = [*word[:-1], word[-1] + "</w>"]
    while len(parts) > 1:
        pairs = list(pairwise(parts))
        best = min(pairs, key=lambda pair: ranks.get(pair, 10**9))
        if best not in ranks:
            break
        at = pairs.index(best)
        parts[at : at + 2] = ["".join(best)]
    return parts


def _ordered_merges() -> list[tuple[str, str]]:
    """Order all merges so that every word ends as one token.

    A merge of one word can break another one ("r e" of red inside green); the merges of a broken
    word move to the front until none is broken.
    """
    order = list(VOCABULARY)
    for _ in range(1000):
        merges = list(dict.fromkeys(pair for word in order for pair in _merges(word)))
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        broken = [word for word in order if len(_apply(word, ranks)) > 1]
        if not broken:
            return merges
        order.remove(broken[0])
        order.insert(0, broken[0])
    raise RuntimeError("no order of merges keeps every word of the demo world whole")


def write_tokenizer(folder: Path) -> None:
    """Write the tokenizer in CLIP's layout: vocab.json, merges.txt and its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = _ordered_merges()
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*letters, *(c + "</w>" for c in letters), *("".join(pair) for pair in merges)]
    tokens = [*dict.fromkeys(tokens), _START, _END]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    configuration = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TOKENS,
        "do_lower_case": True,
        "bos_token": _START,
        "eos_token": _END,
        "unk_token": _END,
        "pad_token": _END,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration, indent=1) + "\n")


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer that `write_tokenizer` wrote."""
    return CLIPTokenizer.from_pretrained(folder)


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained CLIP text model, wide enough for captions of twelve words."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=3,
            max_position_embeddings=TOKENS,
            projection_dim=TEXT_WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
