"""A tiny checkpoint, small plates, and the program `tokenflow` in this process or in its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.tokenflow.deflicker.raft_weights import raft_weights
from tests.tokenflow.played import Played
from tests.tokenflow.program import Process, Ran
from tests.tokenflow.tiny_checkpoint import write_tiny_checkpoint
from tokenflow.cli.door import run_program
from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.runtime import ensure, own_argv, stop


@pytest.fixture(scope="session", autouse=True)
def _single_thread() -> Iterator[None]:
    """Keep tiny tensors on one thread; with another number of threads sums round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _no_config_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the show of whoever runs the tests out of them."""
    monkeypatch.delenv("OCIO", raising=False)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in the diffusers layout with random weights; not to be changed."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def demo_plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of the demo shot at 64 by 36 pixels, 1001 to 1005; not to be changed."""
    folder = tmp_path_factory.mktemp("demo") / "plate"
    for frame in range(FIRST_FRAME, FIRST_FRAME + 5):
        render_frame(SCENE, frame, folder / f"plate.{frame}.exr", 64, 36)
    return folder


@pytest.fixture(scope="session")
def raft_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of `raft_small`, drawn at random."""
    path = tmp_path_factory.mktemp("raft") / "raft_small.safetensors"
    save_file(raft_weights(large=False), path)
    return path


@pytest.fixture(scope="session")
def shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for all tests that do not look at it: what one computed serves the others."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture
def tokenflow(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return a function that runs one command in this process."""

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        code = run_program([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def quick(tiny_checkpoint: Path, shared_workspace: Path) -> tuple[str, ...]:
    """Options that make an edit quick."""
    return (
        *("--model", str(tiny_checkpoint), "--workspace", str(shared_workspace)),
        *("--steps", "2", "--inversion-steps", "2", "--inversion-evaluations", "1"),
        *("--keyframe-interval", "2", "--device", "cpu"),
    )


@pytest.fixture
def edit(tokenflow: Callable[..., Ran], quick: tuple[str, ...]) -> Callable[..., Ran]:
    """Return a function that runs a quick `tokenflow edit PLATE -o OUT ...` in this process.

    What it is given comes last and wins over the quick options.
    """

    def run(plate: Path | str, out: Path | str, *arguments: object) -> Ran:
        return tokenflow("edit", plate, "-o", out, "--prompt", "a blue ball", *quick, *arguments)

    return run


@pytest.fixture
def start(tmp_path: Path, quick: tuple[str, ...]) -> Iterator[Callable[..., Process]]:
    """Return a function that starts a quick edit in a process of its own."""
    started: list[Process] = []

    def run(
        plate: Path | str,
        out: Path | str,
        *arguments: object,
        halt: Mapping[str, Any] | None = None,
        **limits: int,
    ) -> Process:
        folder = tmp_path / f"process {len(started)}"
        command = ["edit", plate, "-o", out, "--prompt", "a blue ball", *quick, *arguments]
        started.append(Process(folder, map(str, command), halt, **limits))
        return started[-1]

    yield run
    for process in started:
        process.end()


@pytest.fixture(scope="session")
def real_service(
    tiny_checkpoint: Path, demo_plate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """A service in processes of its own, for all tests that leave it whole."""
    folder = tmp_path_factory.mktemp("service")
    runtime = folder / "runtime/service.json"
    allowed = ("--root", str(tmp_path_factory.getbasetemp()), "--device", "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKENFLOW_HOME", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.delenv("OCIO", raising=False)
        # Long: other tests may take minutes between two that use it.
        client = ensure([*own_argv(), *allowed, "--idle-exit", "36000"], runtime)
    plate = str(demo_plate / "plate.####.exr")
    yield Played(client, plate, str(tiny_checkpoint), folder / "jobs")
    assert stop(runtime)
