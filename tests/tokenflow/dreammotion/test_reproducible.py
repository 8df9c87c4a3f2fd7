"""What is asked of torch so that a GPU gives the same bits every time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tokenflow.dreammotion.reproducible import reproducible
from tokenflow.errors import DeviceUnavailable


def asked() -> tuple[bool, bool]:
    """Whether kernels of one order are asked for, and whether others are merely warned of."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


def test_other_kernels_are_refused_and_not_only_warned_of() -> None:
    with reproducible(True):
        assert asked() == (True, False)
    assert asked() == (False, False)


def test_nothing_is_asked_where_nobody_wants_it() -> None:
    with reproducible(False):
        assert asked() == (False, False)


def test_what_the_program_had_asked_for_comes_back_even_after_an_error() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    with pytest.raises(KeyError), reproducible(True):
        raise KeyError
    assert asked() == (True, True)


def test_an_operation_without_such_a_kernel_is_an_error_with_the_remedy() -> None:
    with (
        pytest.raises(DeviceUnavailable, match=r"put_ does not have.*--deterministic"),
        reproducible(True),
    ):
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.ones(2), accumulate=False)


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="size of tensor"), reproducible(True):
        torch.zeros(2) + torch.zeros(3)
