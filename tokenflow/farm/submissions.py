"""Submissions for Slurm, Deadline 10, Tractor and OpenCue: the same tasks in each one's words.

Every submission is a folder: the job file, what the scheduler reads, and for Slurm and Deadline a
script that hands it over. Slurm's was run; the others follow their makers' documents.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Literal

from ocio.frame_range import FrameRange
from tokenflow.farm.openjd import TIMEOUTS, Submission, step_names

System = Literal["slurm", "deadline", "tractor", "opencue"]

Files = dict[str, str]
"""Texts by the names of their files."""


def submission(system: System, asked: Submission) -> Files:
    """Write what a scheduler takes, beside the job file."""
    writers: dict[System, Callable[[Submission], Files]] = {
        "slurm": _slurm,
        "deadline": _deadline,
        "tractor": _tractor,
        "opencue": _opencue,
    }
    return writers[system](asked)


def chunks(asked: Submission) -> list[FrameRange]:
    """Cut the frames into tasks."""
    frames = iter(asked.frames)
    return [FrameRange.of(part) for part in iter(lambda: tuple(islice(frames, asked.chunk)), ())]


def command(asked: Submission, step: str, frames: str = "", progress: str = "plain") -> list[str]:
    """Return the words that run one task.

    Parameters
    ----------
    frames
        For the step that writes frames: what stands for its chunk.
    """
    words = [asked.program, "run", str(asked.job_file), "--workspace", asked.workspace]
    words += ["--resume", "--progress", progress, *device(asked, step)]
    return [*words, f"--frames={frames}"] if step == "Merge" else [*words, "--stage", step.lower()]


def device(asked: Submission, step: str) -> list[str]:
    """Return the words that name devices: all tasks of a job need one kind."""
    if not asked.gpus:
        return ["--device", "cpu"]
    if asked.gpus > 1 and step in ("Prepare", "Edit"):
        return ["--device", ",".join(f"cuda:{number}" for number in range(asked.gpus))]
    return []


def _gpus(asked: Submission, step: str) -> int:
    if step == "Verify":
        return 0
    return asked.gpus if step in ("Prepare", "Edit") else min(asked.gpus, 1)


def _slurm(asked: Submission) -> Files:
    lines = [
        "#!/bin/sh",
        "# Queues the tasks, each after the one before it, and prints the number of the last.",
        "set -e",
    ]
    before = ""
    for step in step_names(asked):
        options = ["--parsable", f"--job-name={shlex.quote(f'{asked.name} {step}')}", "--requeue"]
        # TERM to the program itself, which replaces the shell, a minute before the time is over.
        options += ["--signal=B:TERM@60", f"--time={TIMEOUTS[step] // 60}"]
        if gpus := _gpus(asked, step):
            options.append(f"--gres=gpu:{gpus}")
        if before:
            options += ["-d", f"afterok:${before}", "--kill-on-invalid-dep=yes"]
        words = command(asked, step)
        wrapped = f"exec {shlex.join(words)}"
        if step == "Merge":
            # An array's index is a line of a list, since it can be no frame number: some are < 0.
            options.append(f"--array=1-{len(chunks(asked))}")
            listed = shlex.quote(str(asked.job_file.parent / "chunks"))
            line = f'sed -n "${{SLURM_ARRAY_TASK_ID}}p" {listed}'
            wrapped = f'exec {shlex.join(words[:-1])} "--frames=$({line})"'
        lines.append(f"{step.lower()}=$(sbatch {' '.join(options)} --wrap {shlex.quote(wrapped)})")
        before = step.lower()
    cut = "".join(f"{chunk}\n" for chunk in chunks(asked))
    return {"submit.sh": "\n".join([*lines, f'echo "${before}"', ""]), "chunks": cut}


def _deadline(asked: Submission) -> Files:
    files: Files = {}
    script = [
        "#!/bin/sh",
        "# Hands the jobs to Deadline, each dependent on the one before it.",
        "set -e",
        'cd "$(dirname "$0")"',
        "before=",
    ]
    for step in step_names(asked):
        name = step.lower()
        info = {
            "Plugin": "CommandLine",
            "Name": f"{asked.name} {step}",
            "BatchName": f"TokenFlow {asked.name}",
            "Frames": str(asked.frames) if step == "Merge" else "0",
            "ChunkSize": str(asked.chunk) if step == "Merge" else "1",
            "TaskTimeoutMinutes": str(TIMEOUTS[step] // 60),
        }
        words = command(asked, step, "<STARTFRAME>-<ENDFRAME>", "deadline")
        plugin = {
            "Executable": words[0],
            "Arguments": " ".join(f'"{word}"' if " " in word else word for word in words[1:]),
        }
        files[f"{name}.job"] = _pairs(info)
        files[f"{name}.plugin"] = _pairs(plugin)
        script.append(
            f'{{ cat {name}.job; echo "JobDependencies=$before"; }} > {name}.submitted.job'
        )
        script.append(
            f"before=$(deadlinecommand {name}.submitted.job {name}.plugin | "
            "sed -n 's/^JobID=//p' | tr -d '\\r')"
        )
    return {**files, "submit.sh": "\n".join([*script, 'echo "$before"', ""])}


def _pairs(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _tractor(asked: Submission) -> Files:
    lines = [f"Job -title {_braced(f'TokenFlow {asked.name}')} -serialsubtasks 1 -subtasks {{"]
    for step in step_names(asked):
        if step != "Merge":
            lines.append(f"  {_tractor_task(asked, step, step, '')}")
            continue
        lines.append("  Task {Merge} -subtasks {")
        for chunk in chunks(asked):
            lines.append(f"    {_tractor_task(asked, step, str(chunk), str(chunk))}")
        lines.append("  }")
    return {"job.alf": "\n".join([*lines, "}", ""])}


def _tractor_task(asked: Submission, step: str, title: str, frames: str) -> str:
    words = " ".join(map(_braced, command(asked, step, frames, "tractor")))
    service = " -service {gpu}" if _gpus(asked, step) else ""
    return f"Task {_braced(title)} -cmds {{ RemoteCmd {{{words}}}{service} -retryrc {{75}} }}"


def _braced(word: str) -> str:
    return f"{{{word}}}" if not word or set(word) & set(' \t;"$[]') else word


def _opencue(asked: Submission) -> Files:
    lines = [
        '"""Hand it over with `python outline.py`, where OpenCue\'s client is installed."""',
        "",
        "from outline import Outline, cuerun",
        "from outline.modules.shell import Shell",
        "",
        f"outline = Outline({f'tokenflow_{asked.name}'!r})",
    ]
    for before, step in _pairwise_from_none(step_names(asked)):
        name = step.lower()
        options = ""
        if step == "Merge":
            options = f", range={str(asked.frames)!r}, chunk={asked.chunk}"
        if gpus := _gpus(asked, step):
            options += f", gpus={gpus}, gpu_memory={asked.gpu_memory * 1024}"
        words = command(asked, step, "#FRAME_START#-#FRAME_END#")
        lines.append(f"{name} = Shell({name!r}, command={words!r}{options})")
        if before:
            lines.append(f"{name}.depend_all({before.lower()})")
        lines.append(f"outline.add_layer({name})")
    return {"outline.py": "\n".join([*lines, "cuerun.launch(outline)", ""])}


def _pairwise_from_none(names: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    yield from zip([None, *names], names, strict=False)
