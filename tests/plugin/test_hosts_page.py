"""What the documents say about hosts is what the manifest says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plugin.manifest import read_manifest

ROW = re.compile(
    r"^\| (?P<label>[^|]+) \| (?P<version>\d[\d.]*) \| (?P<status>[a-z-]+) \|(?P<rest>.*)$"
)


@pytest.fixture(params=["README.md", "docs/hosts.md"])
def rows(request: pytest.FixtureRequest, repository: Path) -> list[re.Match[str]]:
    """The table of hosts in a document."""
    lines = (repository / request.param).read_text().splitlines()
    return [match for match in map(ROW.match, lines) if match]


def hosts() -> list[dict[str, Any]]:
    """The hosts of the manifest."""
    return list(read_manifest()["hosts"])


def test_the_table_has_every_host_with_its_oldest_version_and_status(
    rows: list[re.Match[str]],
) -> None:
    told = [(row["label"], row["version"], row["status"]) for row in rows]
    assert told == [(each["label"], each["min_version"], each["status"]) for each in hosts()]


def test_a_host_that_only_a_stand_in_was_tried_for_says_so_in_plain_words(
    rows: list[re.Match[str]],
) -> None:
    for row in rows:
        assert ("not run inside" in row["rest"]) == (row["status"] == "stand-in"), row["label"]


def test_the_list_to_check_nuke_by_hand_has_ten_points(repository: Path) -> None:
    page = (repository / "docs/hosts.md").read_text()
    part = page.partition("## Checking Nuke by hand")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", part, re.MULTILINE) == [str(n) for n in range(1, 11)]


def test_pictures_of_the_page_are_there(repository: Path) -> None:
    page = (repository / "docs/hosts.md").read_text()
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page):
        assert (repository / "docs" / name).is_file(), name
