"""Requests made up from the service's own description: none may meet a fault of ours.

`python -m benchmarks.generated_requests` asks a real service, with a worker and a viewer, thousands
of them: proper ones, and ones that break the description in every place. An answer of 500 or above,
or one that the description does not know, is a fault. The test suite asks some hundreds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tokenflow.client import HttpClient
from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.errors import TokenFlowError
from tokenflow.job import Edit, EditJob, Matte, Output, Plate

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]

STREAM_SECONDS = 3.0
"""After which a stream is left alone: that of a job that waits has no end."""

SECONDS = 60.0
"""Within which every other call answers, whatever else the machine does."""

ENDS_THE_SERVICE = "/v1/shutdown"


@dataclass
class Tally:
    """What came of the requests.

    Attributes
    ----------
    statuses
        How often each call answered with which status.
    faults
        What the checks found, one sentence each.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many were answered."""
        return sum(self.statuses.values())


def ask(
    address: str, token: str, known: Mapping[str, Sequence[str]], count: int, seed: int = 0
) -> Tally:
    """Ask about `count` generated requests, half of them proper.

    Parameters
    ----------
    known
        Values that mean something to this service, by the name of the parameter: half of the
        requests take one, since a made-up id is never a job's.
    """
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json", headers=headers)
    operations: list[Any] = [*schema.get_all_operations()]
    asked = [one.ok() for one in operations if one.ok().path != ENDS_THE_SERVICE]
    # What brings jobs to life comes late, else streams of those that wait have no end; what forgets
    # them last, since the others need some.
    asked.sort(key=lambda one: (one.method == "delete", one.path.endswith("/retry")))
    tally = Tally()
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(headers)
        for operation in asked:
            for mode in GenerationMode:
                _ask_one(operation, mode, known, count // (2 * len(asked)), seed, session, tally)
    return tally


def _ask_one(
    operation: Any,
    mode: GenerationMode,
    known: Mapping[str, Sequence[str]],
    count: int,
    seed: int,
    session: requests.Session,
    tally: Tally,
) -> None:
    sensible = strategies.fixed_dictionaries(
        {name: strategies.sampled_from([None, *values]) for name, values in known.items()}
    )

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=[*hypothesis.HealthCheck],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), values=sensible)
    def one(case: Case[Any], values: dict[str, str | None]) -> None:
        for place in (case.path_parameters, case.query, case.body):
            _put(values, place)
        if isinstance(case.body, dict):
            for part in ("plate", "output"):
                _put({"path": values["job_path"]}, case.body.get(part))
        _call(case, session, tally)

    with suppress(hypothesis.errors.Unsatisfiable):  # a call that takes nothing cannot be broken
        one()


def _put(values: dict[str, str | None], place: object) -> None:
    if isinstance(place, dict):
        place.update({n: v for n, v in values.items() if n in place and v is not None})


def _call(case: Case[Any], session: requests.Session, tally: Tally) -> None:
    name = f"{case.operation.method.upper()} {case.operation.path}"
    is_stream = case.operation.path.endswith("/events")
    try:
        answer = case.call(session=session, timeout=STREAM_SECONDS if is_stream else SECONDS)
    except requests.Timeout:
        tally.statuses[name, 0] += 1
        if not is_stream:
            tally.faults.append(f"{name}: no answer within {SECONDS} s")
        return
    tally.statuses[name, answer.status_code] += 1
    try:
        case.validate_response(answer, checks=CHECKS)
    except (Failure, BaseExceptionGroup) as found:
        tally.faults.append(f"{name}: {found!r}: {answer.content[:300]!r}")


def main() -> None:
    """Start a service of its own, ask, print a table; exit with 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["TOKENFLOW_HOME"] = str(folder / "home")
        from tokenflow.runtime import ensure, own_argv, read_runtime, stop

        file = folder / "home/runtime/service.json"
        client = ensure([*own_argv(), "--device", "cpu", "--root", name], file)
        try:
            runtime = read_runtime(file)
            assert runtime is not None
            known = prepare(client, folder)
            started = time.monotonic()
            tally = ask(runtime.address, runtime.token, known, options.count, options.seed)
            _print(tally, time.monotonic() - started)
            print("still answers:", client.health())
        finally:
            stop(file)
    raise SystemExit(1 if tally.faults else 0)


def prepare(client: HttpClient, folder: Path) -> dict[str, Sequence[str]]:
    """Make a plate and some jobs: of an edit that takes nothing away, and of a missing plate."""
    plate = folder / "plate"
    for frame in (FIRST_FRAME, FIRST_FRAME + 1):
        render_frame(SCENE, frame, plate / f"plate.{frame}.exr", 64, 36)
    jobs = [
        EditJob(
            plate=Plate(str(place)),
            edit=Edit(method="passthrough", seed=seed),
            matte=Matte(":matte.a"),
            output=Output(str(folder / f"edit {seed}")),
        )
        for seed, place in enumerate([plate, plate, *[folder / "nothing"] * 4])
    ]
    ids = [client.submit(job) for job in jobs]
    _wait(client, ids[:2])
    return {
        "job_id": ids,
        "path": [str(plate), str(folder / "nothing")],
        "job_path": [str(folder / "nothing/new.####.exr")],
        "frame": [str(FIRST_FRAME), str(FIRST_FRAME + 1), "-1"],
        "what": ["plate", "edit", "difference", "matte"],
        "width": ["8", "64"],
        "ocio": ["ocio://default", str(folder / "no.ocio")],
        "frames": ["1001", "1001-1002x2"],
    }


def _wait(client: HttpClient, ids: Sequence[str]) -> None:
    for job_id in ids:
        for _ in client.events(job_id):
            continue
        record = client.job(job_id)
        if record.state != "done":
            raise TokenFlowError(f"the job {job_id} is {record.state}: {record.error}")


def _print(tally: Tally, seconds: float) -> None:
    names = sorted({name for name, _ in tally.statuses})
    for name in names:
        found = {s: n for (each, s), n in sorted(tally.statuses.items()) if each == name}
        print(f"{name:45} " + "  ".join(f"{status or 'open'}: {n}" for status, n in found.items()))
    for fault in tally.faults[:20]:
        print("FAULT", fault)
    worst = max((status for _, status in tally.statuses), default=0)
    print(
        f"{tally.requests} requests in {seconds:.0f} s, highest status {worst}, "
        f"{len(tally.faults)} faults"
    )


if __name__ == "__main__":
    main()
