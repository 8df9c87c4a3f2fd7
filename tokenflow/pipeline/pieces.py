"""The tasks of a job in pieces belong on machines of one kind; the first says of which."""

from __future__ import annotations

from tokenflow.errors import DeviceUnavailable
from tokenflow.pipeline.plan import Plan
from tokenflow.workspace import Workspace


def begin_pieces(plan: Plan, workspace: Workspace, kind: str) -> None:
    """Note on which kind of device a job begins: cpu, cuda or mps."""
    workspace.note(_name(plan), kind)


def check_piece(plan: Plan, workspace: Workspace, kind: str) -> None:
    """Refuse a task on another kind of device than its job began on.

    It would find none of the results, denoise the shot again, and write other pixels; `verify`
    would find that when all is done.

    Raises
    ------
    DeviceUnavailable
    """
    before = workspace.noted(_name(plan))
    if before in (None, kind):
        return
    raise DeviceUnavailable(
        f"the tasks of this job ran on {before} so far, and this machine would run it on {kind}",
        hint=f"Run all tasks on {before}, or begin again here with --stage prepare.",
    )


def _name(plan: Plan) -> str:
    return f".kind-{plan.hash[:20]}"
