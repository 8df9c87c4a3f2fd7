"""Nearest neighbours between the features of two frames."""

from __future__ import annotations

import torch

#: Bytes of the similarity matrix that is held at once. On the CPU a piece stays in the cache, on a
#: GPU it need only be small against the model.
_PIECE = {"cpu": 4 << 20, "cuda": 256 << 20}


def match(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Index of the key with the highest cosine similarity, for every query; the first one on ties.

    The similarity is computed and compared in float32, or in the inputs' type if that is wider:
    rounded to half precision it would pick a neighbour of the best match more often than not. The
    length of a query does not change which key is best, so only the keys are normalised.

    Parameters
    ----------
    queries
        Features `(frames, tokens, channels)`.
    keys
        Features of one frame, `(keys, channels)`.

    Returns
    -------
    torch.Tensor
        int64 `(frames, tokens)`, values in 0 … keys − 1.
    """
    wide = torch.promote_types(queries.dtype, torch.float32)
    length = torch.linalg.vector_norm(keys.to(wide), dim=-1).clamp_min(torch.finfo(wide).tiny)
    narrow = queries.dtype != wide and queries.device.type == "cuda"
    targets = keys.T if narrow else (keys.to(wide) / length[:, None]).T
    rows = queries.flatten(0, -2)
    found = torch.empty(len(rows), dtype=torch.int64, device=rows.device)
    limit = _PIECE.get(rows.device.type, _PIECE["cuda"])
    piece = max(1, limit // (len(keys) * wide.itemsize))
    for start in range(0, len(rows), piece):
        part = rows[start : start + piece]
        if narrow:
            # Exact products of half-precision inputs, accumulated and kept in float32.
            similarity = torch.mm(part, targets, out_dtype=wide).div_(length)
        else:
            similarity = torch.mm(part.to(wide), targets)
        torch.argmax(similarity, dim=-1, out=found[start : start + piece])
    return found.view(queries.shape[:-1])
