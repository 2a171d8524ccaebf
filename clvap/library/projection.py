"""Sounds as points of a plane, those that sound alike near each other. Axis legend: N sounds, D width."""

from __future__ import annotations

import numpy as np

MOST = 20_000
"""More points than this say no more to the eye, and take minutes."""
_COMPONENTS = 50
_PERPLEXITY = 30.0
_FEWEST = 8  # neighbours mean nothing among fewer
_STEPS = 500
_SPREAD = 1e-4  # of the start, as scikit-learn starts from principal components


def project(vectors: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """Places of unit vectors (N, D), float32 (N, 2) from 0 to 1: t-SNE (van der Maaten & Hinton 2008) of their principal components.

    before: places of an earlier map, (N, 2), NaN for those that had none; a map that starts from them keeps its regions where they were.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count = len(vectors)
    if count < 2:
        return np.full((count, 2), 0.5, np.float32)
    with np.errstate(invalid="ignore"):  # sounds that are all the same have no variance to explain
        reduced = PCA(min(_COMPONENTS, count, vectors.shape[1]), random_state=0).fit_transform(vectors.astype(np.float32))
    if count < _FEWEST or reduced.shape[1] < 2:
        return _boxed(np.pad(reduced[:, :2], ((0, 0), (0, 2 - min(reduced.shape[1], 2)))))
    start = "pca" if before is None else _start(vectors, before)
    tsne = TSNE(init=start, perplexity=min(_PERPLEXITY, (count - 1) / 3), max_iter=_STEPS, random_state=0)
    places = tsne.fit_transform(reduced)
    return _boxed(places if before is None else _turned(places, before))


def _start(vectors: np.ndarray, before: np.ndarray) -> np.ndarray | str:
    """Where each point starts: at its earlier place, a new one near its nearest neighbour among the others."""
    known = np.isfinite(before).all(axis=1)
    if known.sum() < _FEWEST:
        return "pca"
    places = before.copy()
    unknown = np.flatnonzero(~known)
    if len(unknown):
        near = np.concatenate([np.argmax(vectors[part] @ vectors[known].T, axis=1) for part in np.array_split(unknown, len(unknown) // 512 + 1)])
        places[unknown] = before[known][near] + np.random.default_rng(0).normal(0, 0.01, (len(unknown), 2))
    centred = places - places.mean(axis=0)
    return (centred / max(float(centred.std()), 1e-9) * _SPREAD).astype(np.float32)


def _turned(places: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Places turned and mirrored so that they lie as near as can be to the earlier ones (orthogonal Procrustes): t-SNE knows no up or left."""
    known = np.isfinite(before).all(axis=1)
    here, there = (part[known] - part[known].mean(axis=0) for part in (places, before)) if known.any() else (places, places)
    left, _, right = np.linalg.svd(here.T @ there)
    return (places - places.mean(axis=0)) @ (left @ right)


def _boxed(places: np.ndarray) -> np.ndarray:
    """Places moved and scaled, both axes alike, into the middle of the unit square."""
    low, high = places.min(axis=0), places.max(axis=0)
    size = max(float((high - low).max()), 1e-9)
    return ((places - (low + high) / 2) / size + 0.5).astype(np.float32)
