"""The cache of pictures stays within its bound and keeps what is looked at."""

from __future__ import annotations

import os
from pathlib import Path

from tokenflow.service.picture_cache import PictureCache


def add(cache: PictureCache, number: int, size: int = 100) -> Path:
    path = cache.path(f"{number:02x}" * 20, "png")
    cache.make_room(path)
    path.write_bytes(bytes(size))
    os.utime(path, (number, number))  # an age that tests need not wait for
    cache.added(path)
    return path


def test_what_was_not_looked_at_for_longest_goes_first(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", 1000)
    paths = [add(cache, number) for number in range(10)]
    assert all(path.exists() for path in paths)
    assert cache.read(paths[0]) == bytes(100)
    add(cache, 10)
    assert [number for number, path in enumerate(paths) if not path.exists()] == [1, 2]


def test_the_bound_holds_however_many_pictures_come(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", 1000)
    for number in range(100):
        add(cache, number)
        assert sum(file.stat().st_size for file in tmp_path.rglob("*.png")) <= 1000


def test_what_an_earlier_service_left_counts(tmp_path: Path) -> None:
    for number in range(9):
        add(PictureCache(tmp_path / "cache", 10_000), number)
    add(PictureCache(tmp_path / "cache", 500), 9)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.png")) <= 500


def test_a_picture_that_is_not_there_is_none_and_the_folder_is_the_owners(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", 1000)
    assert cache.read(cache.path("ab" * 20, "png")) is None
    add(cache, 1)
    assert cache.folder.stat().st_mode & 0o077 == 0
