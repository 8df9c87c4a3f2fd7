"""Neighbours, weights, matches and the blend."""

from __future__ import annotations

import math

import pytest
import torch

from tokenflow.diffusion.correspondence import match
from tokenflow.diffusion.propagation import Neighbours, gather, neighbours
from tokenflow.diffusion.released import block_neighbours


def test_a_frame_is_made_from_the_keyframes_around_it() -> None:
    found = neighbours(14, [3, 12, 20])
    assert (found.before, found.after) == (1, 2)
    assert found.weight == pytest.approx(1 / (1 + math.exp(-2 / 8)))


def test_the_linear_weight_is_the_share_of_the_way() -> None:
    assert neighbours(14, [3, 12, 20], "linear").weight == 0.25


@pytest.mark.parametrize(("frame", "only"), [(-5, 0), (2, 0), (12, 1), (21, 2)])
def test_outside_and_on_keyframes_one_is_enough(frame: int, only: int) -> None:
    found = neighbours(frame, [3, 12, 20])
    assert (found.before, found.after) == (only, only)


def test_released_weights_are_those_of_the_code() -> None:
    weights = [round(block_neighbours(8 + i, 8).weight, 3) for i in range(8)]
    assert weights == [0.622, 0.651, 0.679, 0.706, 0.731, 0.711, 0.697, 0.687]


def test_released_looks_back_only() -> None:
    assert block_neighbours(3, 8) == Neighbours(0, 0, 1.0)
    assert (block_neighbours(23, 8).before, block_neighbours(23, 8).after) == (1, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_match_has_the_highest_cosine(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    # Keys of very different lengths: the inner product alone would pick the long ones.
    lengths = torch.linspace(0.1, 9, 40)[:, None]
    queries = torch.randn(3, 30, 8, generator=generator).to(dtype)
    keys = (torch.randn(40, 8, generator=generator) * lengths).to(dtype)
    cosines = torch.nn.functional.cosine_similarity(
        queries.double()[:, :, None], keys.double()[None, None], dim=-1
    )
    assert match(queries, keys).equal(cosines.argmax(-1))


def test_the_first_of_equal_keys_is_taken() -> None:
    keys = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).repeat(3, 1)
    assert match(keys[None], keys)[0].tolist() == [0, 1, 2, 3, 4] * 3


def test_half_precision_features_are_compared_in_float32() -> None:
    # Both keys have the cosine 1 in bfloat16; the second is nearer by 1e-4.
    query = torch.tensor([[[1.0, 1.0]]]).bfloat16()
    keys = torch.tensor([[1.0, 0.97], [1.0, 0.99]]).bfloat16()
    similarity = torch.nn.functional.normalize(keys, dim=1) @ query[0, 0]
    assert similarity[0] == similarity[1]
    assert match(query, keys).item() == 1


def test_matches_do_not_depend_on_how_many_rows_fit() -> None:
    keys = torch.randn(1500, 3, generator=torch.Generator().manual_seed(1))
    queries = torch.randn(2, 1400, 3, generator=torch.Generator().manual_seed(2))
    pieces = [match(queries[:, i : i + 100], keys) for i in range(0, 1400, 100)]
    assert match(queries, keys).equal(torch.cat(pieces, dim=1))


def test_the_blend_follows_the_matches() -> None:
    # Two parts, two keyframes of three tokens, two frames.
    keyframes = torch.arange(12.0).view(2, 2, 3, 1)
    index = torch.tensor([[[0, 1, 2], [2, 1, 0]], [[3, 4, 5], [3, 3, 3]]])
    weights = torch.tensor([0.25, 1.0])[:, None, None]
    result = gather(keyframes, index, weights)
    assert result.shape == (4, 3, 1)
    assert result[0, :, 0].tolist() == [0.75, 1.75, 2.75]
    assert result[1, :, 0].tolist() == [3, 3, 3]
    assert result[2, :, 0].tolist() == [6.75, 7.75, 8.75]
