"""Requests made up from the service's own description.

Some here; thousands, of a whole service, are asked by `python -m benchmarks.generated_requests`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.generated_requests import ask
from tests.tokenflow.service.doors import TOKEN, running_front
from tokenflow.job import Edit, EditJob, Matte, Output, Plate
from tokenflow.states import RunRequest


def test_no_generated_request_meets_a_fault_of_ours(demo_plate: Path, tmp_path: Path) -> None:
    plate = tmp_path / "plate"
    plate.symlink_to(demo_plate)
    with running_front(tmp_path, roots=(demo_plate,)) as front:
        ids = []
        for seed in range(3):
            job = EditJob(
                plate=Plate(str(plate)),
                edit=Edit(method="passthrough", seed=seed),
                matte=Matte(":matte.a"),
                output=Output(str(tmp_path / "edit")),
            )
            ids.append(front.store.submit(job, RunRequest())[0].id)
            front.store.cancel(ids[-1])
        known = {
            "job_id": ids,
            "path": [str(plate)],
            "job_path": [str(tmp_path / "nothing.####.exr")],
            "frame": ["1001", "-1"],
            "what": ["plate", "matte"],
        }
        tally = ask(f"http://127.0.0.1:{front.port}", TOKEN, known, 160)
    assert tally.faults == []
    assert tally.requests > 100
    assert {200, 401, 404, 422} <= {status for _, status in tally.statuses}
