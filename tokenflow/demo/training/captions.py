"""Captions of the demo world with words changed: what a picture must be told apart from."""

from __future__ import annotations

import numpy as np

from tokenflow.demo.world import COLORS, FLOORS, PATTERNS, SHAPES, TIMES

# Where the words that say something stand in "a red striped ball on a wooden floor at noon".
_CHOICES = {1: COLORS, 2: PATTERNS, 3: SHAPES, 6: FLOORS, 9: TIMES}


def one_word_changed(caption: str) -> list[str]:
    """All captions that differ from `caption` in one word, in the order of its words."""
    words = caption.split()
    return [
        " ".join([*words[:place], other, *words[place + 1 :]])
        for place, choices in _CHOICES.items()
        for other in choices
        if other != words[place]
    ]


def near_misses(caption: str, rng: np.random.Generator) -> list[str]:
    """One caption for each word that says something, with another word in its place."""
    words = caption.split()
    found = []
    for place, choices in _CHOICES.items():
        other = str(rng.choice([word for word in choices if word != words[place]]))
        found.append(" ".join([*words[:place], other, *words[place + 1 :]]))
    return found
