from __future__ import annotations

import pytest
import torch

from tokenflow.dreammotion.losses import (
    direct_distance,
    gram_distance,
    spatial_loss,
    temporal_loss,
    weights,
)


def keys(frames: int, tokens: int, channels: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, tokens, channels, generator=generator, dtype=torch.float64)


OURS, THEIRS = keys(3, 20, 6, 1), keys(3, 20, 6, 2)


def test_the_gram_form_is_the_direct_form() -> None:
    direct, gram = direct_distance(OURS, THEIRS), gram_distance(OURS, THEIRS)
    assert float(gram) == pytest.approx(float(direct), rel=1e-12)


def test_the_gram_form_has_the_gradient_of_the_direct_form() -> None:
    found = []
    for form in (direct_distance, gram_distance):
        leaf = OURS.clone().requires_grad_()
        found.append(torch.autograd.grad(2.5 * form(leaf, THEIRS), leaf)[0])
    torch.testing.assert_close(found[0], found[1], rtol=1e-11, atol=1e-11)


def test_the_gram_form_of_equal_keys_has_a_gradient_of_exactly_nothing() -> None:
    leaf = OURS.float().requires_grad_()
    distance = gram_distance(leaf, OURS.float())
    assert distance.item() == 0.0
    assert not torch.autograd.grad(distance, leaf)[0].any()


@pytest.mark.parametrize("tokens", [4, 20])
def test_the_spatial_loss_is_the_sum_over_cosines_between_tokens(tokens: int) -> None:
    ours, theirs = keys(3, tokens, 6, 1), keys(3, tokens, 6, 2)
    total = 0.0
    for a, b in zip(ours, theirs, strict=True):
        for i in range(tokens):
            for j in range(tokens):
                cosines = (torch.cosine_similarity(side[i], side[j], dim=0) for side in (a, b))
                first, second = cosines
                total += float(first - second) ** 2
    assert float(spatial_loss(ours, theirs)) == pytest.approx(total / 3, rel=1e-10)


def test_the_temporal_loss_is_the_sum_over_cosines_between_frames() -> None:
    total = 0.0
    for i in range(3):
        for j in range(3):
            first, second = (
                torch.cosine_similarity(side[i].mean(0), side[j].mean(0), dim=0)
                for side in (OURS, THEIRS)
            )
            total += float(first - second) ** 2
    assert float(temporal_loss(OURS, THEIRS)) == pytest.approx(total, rel=1e-10)


def test_a_rotation_of_the_channels_and_a_scale_change_no_loss() -> None:
    rotation, _ = torch.linalg.qr(keys(1, 6, 6, 5)[0])
    turned = 3.7 * OURS @ rotation
    for loss in (spatial_loss, temporal_loss):
        assert float(loss(turned, THEIRS)) == pytest.approx(float(loss(OURS, THEIRS)), rel=1e-10)


def test_the_order_of_the_frames_does_not_count_for_the_motion() -> None:
    order = torch.tensor([2, 0, 1])
    turned = float(temporal_loss(OURS[order], THEIRS[order]))
    assert turned == pytest.approx(float(temporal_loss(OURS, THEIRS)), rel=1e-12)
    assert float(temporal_loss(OURS[order], THEIRS)) != pytest.approx(turned, rel=1e-3)


def test_a_single_frame_has_no_motion_to_lose() -> None:
    assert float(temporal_loss(OURS[:1], THEIRS[:1])) == pytest.approx(0.0, abs=1e-30)


def test_weighed_per_element_the_losses_do_not_depend_on_how_much_there_is() -> None:
    """Twice the same frames, or twice the same tokens, push a latent as hard as once."""

    def push(repeats: tuple[int, int, int], form: str) -> tuple[float, float]:
        ours, theirs = OURS.repeat(repeats), THEIRS.repeat(repeats)
        leaf = ours.clone().requires_grad_()
        space, time = weights(form, len(ours), ours.shape[1])  # type: ignore[arg-type]
        of_space = torch.autograd.grad(space * spatial_loss(leaf, theirs), leaf)[0]
        of_time = torch.autograd.grad(time * temporal_loss(leaf, theirs), leaf)[0]
        return float(of_space[0, 0].norm()), float(of_time[0, 0].norm())

    once, longer, finer = (
        push(repeats, "per-element") for repeats in ((1, 1, 1), (2, 1, 1), (1, 2, 1))
    )
    assert longer == pytest.approx(once) and finer == pytest.approx(once)
    assert push((2, 1, 1), "paper") != pytest.approx(push((1, 1, 1), "paper"))


def test_keys_in_half_precision_are_compared_in_single() -> None:
    assert spatial_loss(OURS.half(), THEIRS.half()).dtype == torch.float32
    assert temporal_loss(OURS.bfloat16(), THEIRS.bfloat16()).dtype == torch.float32
