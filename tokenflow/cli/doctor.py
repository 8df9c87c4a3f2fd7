"""`tokenflow doctor`: what works on this machine, and what to do about what doesn't."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from ocio.errors import OcioError, WriteFailed
from tokenflow.errors import TokenFlowError

CONFIGURATION = 78
LEAST_FREE = 2 * 2**30  # bytes in the workspace under which a shot of 48 frames may not fit


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it works, what was seen, the remedy."""

    what: str
    works: bool
    seen: str
    remedy: str = ""


def doctor(
    bundle: Annotated[
        Path | None,
        typer.Option(help="Also write these findings to a .zip, to send with a report."),
    ] = None,
) -> int:
    """Say what works on this machine and what to do about what doesn't.

    `tokenflow doctor`
    """
    findings = list(examine())
    for finding in findings:
        typer.echo(f"{'ok ' if finding.works else 'NO '} {finding.what:<12} {finding.seen}")
        if finding.remedy and not finding.works:
            typer.echo(f"    {'':<12} {finding.remedy}")
    if bundle is not None:
        _write_bundle(bundle, findings)
        typer.echo(f"written {bundle}")
    return 0 if all(finding.works for finding in findings) else CONFIGURATION


def examine() -> Iterator[Finding]:
    """Look at everything an edit needs."""
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    yield Finding("system", sys.version_info >= (3, 11), system, "Use Python 3.11 or newer.")
    for what, look, remedy in (
        ("engine", _libraries, "In the folder of the sources, run pip install '.[engine]'."),
        ("device", _device, "Check the driver, or work with --device cpu."),
        ("colour", _colour, "Unset $OCIO, or repair the config that it names."),
        ("files", _files, "Reinstall OpenImageIO; check the temporary folder."),
        ("checkpoint", _checkpoint, "Reinstall: the bundled checkpoint is missing or damaged."),
        ("workspace", _workspace, "Free some space, or name another --workspace."),
        ("service", _service, "End it with `tokenflow serve stop`; the next call starts another."),
        (
            "panel",
            _panel,
            "Install what Qt lacks: libegl1, libxkbcommon0, libdbus-1-3.",
        ),
    ):
        yield _finding(what, look, remedy)


def _finding(what: str, look: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(what, True, look())
    except (OcioError, TokenFlowError) as error:
        return Finding(what, False, str(error), remedy)
    except Exception as error:  # a broken installation raises anything; the rest is looked at too
        return Finding(what, False, f"{type(error).__name__}: {error}", remedy)


def _libraries() -> str:
    names = ("tokenflow", "torch", "diffusers", "transformers", "OpenImageIO", "opencolorio")
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return f"cuda:0 {name}, {free >> 20} of {total >> 20} MiB free"
    if torch.backends.mps.is_available():
        return "mps"
    threads = torch.get_num_threads()
    return f"cpu, {threads} thread{'s' if threads > 1 else ''} (no GPU found: edits take long)"


def _colour() -> str:
    from ocio.config import resolve_config
    from ocio.encoding import Encoding

    config = resolve_config(environment=os.environ.get("OCIO"))
    space = config.config.getRoleColorSpace("scene_linear")
    encoding = Encoding.build(config, space)
    return f"{config.name} ({config.source}), {space} through {encoding.name}"


def _files() -> str:
    from tokenflow.demo.shot import SCENE, render_frame

    with tempfile.TemporaryDirectory() as folder:
        path = render_frame(SCENE, 1001, Path(folder) / "look.1001.exr", 64, 36)
        return f"an EXR frame was written, read back and compared ({path.stat().st_size} bytes)"


def _checkpoint() -> str:
    from tokenflow.checkpoints.source import DEMO, resolve
    from tokenflow.checkpoints.verify import verify

    info = verify(resolve(DEMO))
    return f"demo is whole, {info.parameters / 1e6:.1f} M parameters, {info.sha256[:12]}"


def _workspace() -> str:
    from tokenflow.errors import WorkspaceUnusable
    from tokenflow.workspace import Workspace, default_workspace

    root = default_workspace()
    with Workspace(root).stage("doctor", "look") as folder:
        free = shutil.disk_usage(folder).free
        shutil.rmtree(folder)
    if free < LEAST_FREE:
        raise WorkspaceUnusable(f"only {free >> 20} MiB are free", path=root)
    return f"{root}, {free >> 30} GiB free"


def _service() -> str:
    from tokenflow.runtime import find

    client = find()
    if client is None:
        return "none runs; panel and --service start one when they need it"
    health = client.health()
    return f"version {health.version} is {health.status} at {client.address}"


def _panel() -> str:
    try:
        version = metadata.version("PySide6-Essentials")
    except metadata.PackageNotFoundError:
        return "not installed; where artists sit: pip install '.[panel]'"
    # Elsewhere: this process never shows a window and need not load Qt.
    command = [sys.executable, "-c", "import PySide6.QtWidgets"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ImportError((ran.stderr.strip() or f"exit code {ran.returncode}").splitlines()[-1])
    return f"PySide6 {version}"


def _write_bundle(path: Path, findings: list[Finding]) -> None:
    """Write what helps to find a fault; no prompts, no pictures, no environment variables."""
    packages = sorted({f"{d.name}=={d.version}" for d in metadata.distributions()})
    seen = [{**asdict(finding), "seen": _without_home(finding.seen)} for finding in findings]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("findings.json", json.dumps(seen, indent=1))
        archive.writestr("packages.txt", "\n".join(packages) + "\n")
    try:
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise WriteFailed(
            f"'{path}' cannot be written: {error.strerror}",
            hint="choose another place for --bundle",
            path=path,
        ) from error


def _without_home(text: str) -> str:
    """Leave the user's folders, which carry names, out of a text."""
    folders = {str(Path.home()): "~", os.environ.get("TOKENFLOW_HOME", ""): "$TOKENFLOW_HOME"}
    for folder in sorted(folders, key=len, reverse=True):
        if len(folder) > 1:
            text = text.replace(folder, folders[folder])
    return text
