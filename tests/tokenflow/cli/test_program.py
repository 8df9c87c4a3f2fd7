"""The program itself: help, start-up, and what it says about this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.tokenflow.program import Ran
from tokenflow.cli import doctor

Command = Callable[..., Ran]

HEAVY = ("torch", "diffusers", "transformers", "numpy", "OpenImageIO", "PyOpenColorIO", "PIL")
REPOSITORY = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).with_name("tokenflow")


def test_starting_loads_nothing_heavy() -> None:
    script = (
        "import sys; from tokenflow.cli.door import run_program; "
        "code = run_program(['edit', '--help']); "
        f"print([name for name in {HEAVY} if name in sys.modules], code)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[] 0"


def test_the_installed_program_answers_with_its_exit_code() -> None:
    ran = subprocess.run(
        [PROGRAM, "edit", "nowhere.####.exr", "-o", "x", "--prompt", "a ball"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 66
    assert ran.stderr.startswith("tokenflow: no frame found") and ran.stderr.count("\n") == 1
    assert ran.stdout == ""


def test_without_the_engine_it_says_how_to_install_it(demo_plate: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['diffusers'] = None; "
        "from tokenflow.cli.door import run_program; "
        f"sys.exit(run_program(['edit', {str(demo_plate)!r}, '-o', 'x', '--prompt', 'a ball']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False,
        env={"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert ran.returncode == 78
    assert "pip install '.[engine]'" in ran.stderr and ran.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [(), ("demo",), ("edit",), ("run",), ("models",), ("doctor",)])
def test_every_command_explains_itself_with_an_example(
    tokenflow: Command, command: tuple[str, ...]
) -> None:
    ran = tokenflow(*command, "--help")
    assert ran.code == 0
    if command not in ((), ("models",)):
        assert f"tokenflow {command[0]} " in ran.out.replace("Usage: tokenflow", "") + " "


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nonsense",), "nonsense"),
        (("edit",), "--out"),
        (("edit", "-o", "out"), "PLATE"),
        (("edit", "plate"), "--out"),
        (("run",), "JOB"),
        (("models", "burn"), "burn"),
    ],
)
def test_wrong_usage_is_answered_in_one_line(
    tokenflow: Command, arguments: tuple[str, ...], named: str
) -> None:
    ran = tokenflow(*arguments)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert named in ran.err and "--help" in ran.err


def test_the_program_tells_its_version(tokenflow: Command) -> None:
    ran = tokenflow("--version")
    assert (ran.code, ran.out) == (0, f"tokenflow {metadata.version('tokenflow')}\n")


def test_the_help_of_edit_says_what_the_fields_of_the_job_say(
    tokenflow: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    shown = " ".join(tokenflow("edit", "--help").out.split())
    assert "Steps from the plate to noise (1 to 999)." in shown
    assert "How much of the edit goes into the plate (0 to 1)." in shown


def test_no_command_shows_the_help(tokenflow: Command) -> None:
    ran = tokenflow()
    assert ran.code == 2
    assert "edit" in ran.out and "Traceback" not in ran.err


def test_a_checkpoint_is_verified_with_its_hash(tokenflow: Command, tiny_checkpoint: Path) -> None:
    ran = tokenflow("models", "verify", tiny_checkpoint)
    assert ran.code == 0
    assert str(tiny_checkpoint) in ran.out and "epsilon" in ran.out
    digests = [line.split()[1] for line in ran.out.splitlines() if line.startswith("sha256")]
    assert len(digests[0]) == 64


def test_a_damaged_checkpoint_does_not_verify(
    tokenflow: Command, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    weights = copy / "unet/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    ran = tokenflow("models", "verify", copy)
    assert ran.code in (65, 78)
    assert "diffusion_pytorch_model.safetensors" in ran.error and ran.err.count("\n") == 1


def test_the_list_of_checkpoints_gives_name_and_place(tokenflow: Command) -> None:
    ran = tokenflow("models", "list")
    assert ran.code == 0
    rows = [line.split("\t") for line in ran.out.splitlines()]
    assert all(len(row) == 2 for row in rows)
    assert "demo" in [name for name, _ in rows]


def test_a_checkpoint_that_is_added_is_listed_until_it_is_removed(
    tokenflow: Command, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def listed() -> list[str]:
        ran = tokenflow("models", "list")
        assert ran.code == 0, ran.err
        return [line.split("\t")[0] for line in ran.out.splitlines()]

    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tiny_checkpoint.parent)
    before = listed()
    for _ in range(2):
        assert tokenflow("models", "add", tiny_checkpoint.name).out == f"{tiny_checkpoint}\n"
        assert listed() == ["demo", str(tiny_checkpoint), *before[1:]]
    assert tokenflow("models", "remove", tiny_checkpoint.name).code == 0
    assert listed() == before
    assert tokenflow("models", "remove", tiny_checkpoint).code == 2
    assert (tiny_checkpoint / "model_index.json").exists()


def test_what_is_no_checkpoint_is_not_added(
    tokenflow: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / "home"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "weights.ckpt").write_bytes(b"\x80\x04")
    for place, code in (("empty", 65), ("weights.ckpt", 65), ("gone", 78)):
        ran = tokenflow("models", "add", tmp_path / place)
        assert ran.code == code, ran.err
        assert place in ran.error
    assert not (tmp_path / "home/config").exists()


def test_a_list_of_checkpoints_that_cannot_be_read_names_its_file(
    tokenflow: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / "home"))
    (tmp_path / "home/config").mkdir(parents=True)
    (tmp_path / "home/config/checkpoints.json").write_text("[")
    ran = tokenflow("models", "list")
    assert ran.code == 78
    assert "checkpoints.json" in ran.error and "add them again" in ran.error


def test_doctor_looks_at_everything_an_edit_needs(tokenflow: Command) -> None:
    ran = tokenflow("doctor")
    seen = [line.split()[1] for line in ran.out.splitlines() if line[:3] in ("ok ", "NO ")]
    work = ["system", "engine", "device", "colour", "files", "checkpoint", "workspace"]
    assert seen == [*work, "service", "panel"]
    assert ran.code == (78 if "\nNO " in ran.out else 0)


def test_doctor_says_what_is_wrong_and_what_to_do(
    tokenflow: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "gone.ocio"))
    ran = tokenflow("doctor")
    assert ran.code == 78
    lines = ran.out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("NO  colour"))
    assert "gone.ocio" in lines[at] and "$OCIO" in lines[at + 1]


def test_doctor_goes_on_whatever_a_broken_installation_raises(
    tokenflow: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down() -> str:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setattr(doctor, "_colour", break_down)
    ran = tokenflow("doctor")
    assert ran.code == 78
    assert "NO  colour       ValueError: numpy.dtype size changed" in ran.out
    assert "\nok  files" in ran.out and "checkpoint" in ran.out


def test_the_bundle_carries_neither_the_users_folders_nor_the_environment(
    tokenflow: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home of somebody"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("TOKENFLOW_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    tokenflow("doctor", "--bundle", tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        text = "".join(bundle.read(name).decode() for name in bundle.namelist())
        findings = json.loads(bundle.read("findings.json"))
    assert "somebody" not in text and "very_secret" not in text
    assert "~/.cache/tokenflow" in text
    assert {finding["what"] for finding in findings} >= {"engine", "colour", "checkpoint"}
    assert all(finding["works"] in (True, False) for finding in findings)
    assert "torch==" in text


def test_a_bundle_that_cannot_be_written_is_one_line(tokenflow: Command, tmp_path: Path) -> None:
    ran = tokenflow("doctor", "--bundle", tmp_path / "nowhere/b.zip")
    assert ran.code == 73
    assert "nowhere/b.zip" in ran.error and "Traceback" not in ran.err
