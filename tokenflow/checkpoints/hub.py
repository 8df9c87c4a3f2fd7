"""Checkpoints of a model hub: from its local cache, and only when asked from the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, get_cached_repo_tree, scan_cache_dir, snapshot_download
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    CacheNotFound,
    HfHubHTTPError,
    LocalEntryNotFoundError,
)

from tokenflow.errors import CheckpointMissing

_SMALL = ("model_index.json", "tokenflow.json", "checksums.json", "scheduler/*", "tokenizer/*")
_COMPONENTS = ("unet", "vae", "text_encoder")


def find_or_fetch(hub_id: str, *, fetch: bool, cache: Path | None = None) -> Path:
    """Return the folder of a hub id in the local cache, downloading it only if `fetch` is true.

    Raises
    ------
    CheckpointMissing
        The cache lacks it, and it may not or cannot be downloaded.
    """
    try:
        return _find(hub_id, cache)
    except LocalEntryNotFoundError:
        if not fetch:
            raise CheckpointMissing(
                f"{hub_id} is not, or not whole, in this machine's hub cache",
                hint="Download it beforehand, or name a local folder or file.",
            ) from None
    try:
        names = HfApi().list_repo_files(hub_id)
        return Path(snapshot_download(hub_id, cache_dir=cache, allow_patterns=wanted_files(names)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointMissing(
            f"{hub_id} cannot be downloaded: {type(error).__name__}",
            hint="Check its name and the network, or name a local folder or file.",
        ) from error


def _find(hub_id: str, cache: Path | None) -> Path:
    """Return the folder in the cache, or raise `LocalEntryNotFoundError` if it is not whole."""
    wanted = ["model_index.json"]
    # Where it is known what the repository holds, a download that was cut short shows.
    with suppress(CachedRepoTreeNotFoundError):
        wanted = wanted_files(each.path for each in get_cached_repo_tree(hub_id, cache_dir=cache))
    return Path(
        snapshot_download(hub_id, cache_dir=cache, allow_patterns=wanted, local_files_only=True)
    )


def wanted_files(names: Iterable[str]) -> list[str]:
    """Return those files of a hub repository that the engine reads.

    Configurations and safetensors weights, each once: half-precision variants only of components
    that have no other, no pickles, no weights without moving average.
    """
    names = list(names)
    wanted = [name for name in names if any(fnmatch(name, pattern) for pattern in _SMALL)]
    for component in _COMPONENTS:
        wanted += [name for name in names if name == f"{component}/config.json"]
        weights = [
            name
            for name in names
            if fnmatch(name, f"{component}/*.safetensors*") and "non_ema" not in name
        ]
        full = [name for name in weights if ".fp16" not in name]
        wanted += full or weights
    return wanted


def cached_checkpoints(cache: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Yield hub id and folder of every diffusers checkpoint in the local cache."""
    try:
        repositories = scan_cache_dir(cache).repos
    except CacheNotFound:
        return
    for repository in sorted(repositories, key=lambda each: each.repo_id):
        for revision in repository.revisions:
            if "main" in revision.refs and (revision.snapshot_path / "model_index.json").exists():
                yield repository.repo_id, revision.snapshot_path
