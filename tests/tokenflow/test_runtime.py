"""Finding a service by its file, where what answers is played."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.tokenflow.stranger import send, stranger
from tokenflow.client import PROTOCOL
from tokenflow.runtime import Runtime, find


def test_a_service_that_is_too_busy_to_list_its_jobs_is_found_all_the_same(tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/v1/health":
            health = f'{{"status": "busy", "version": "1", "protocol": {PROTOCOL}}}'
            send(request, 200, health, "application/json")
        else:
            send(request, 503, '{"error": {"code": "queue_unavailable", "retryable": true}}')

    with stranger(answer) as address:
        file = tmp_path / "service.json"
        Runtime(address, "token", 1, "", "1", PROTOCOL, "log").write(file)
        found = find(file)
    assert found is not None and found.address == address
