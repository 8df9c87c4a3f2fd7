"""Attention over keys that come in blocks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tokenflow.diffusion.keyframe_pass import merged_attention


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 2e-2)]
)
@pytest.mark.parametrize("cuts", [[24], [8, 8, 8], [5, 18, 1]])
def test_blocks_of_keys_merge_to_the_whole(
    dtype: torch.dtype, tolerance: float, cuts: list[int]
) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        (4 * torch.randn(2, 3, n, 8, generator=generator)).to(dtype) for n in (10, 24, 24)
    )
    whole = F.scaled_dot_product_attention(query.double(), key.double(), value.double())
    blocks = zip(key.split(cuts, dim=2), value.split(cuts, dim=2), strict=True)
    merged = merged_attention(query, blocks)
    assert merged.dtype == dtype
    assert float((merged.double() - whole).norm() / whole.norm()) < tolerance
