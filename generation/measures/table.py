"""The figures of an evaluation as a table to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCOPES = {"esc10": "ESC-10", "all": "all"}


def table(result: Mapping[str, Any]) -> str:
    """Rows of sounds, columns of figures; ± is the standard error of the mean, - means that there is no such figure."""
    scopes = list(result["chance"])
    header = ["", *(f"{_SCOPES[scope]}: {what}" for scope in scopes for what in ("first", "best first", "in five", "Frechet"))]
    header += ["loudness", "as made", "brightness", "as made", "nearest", "compute"]
    rows = [header, ["chance", *(text for scope in scopes for text in (f"{result['chance'][scope]:.2f}", "-", "-", "-"))]]
    for name, one in result["autoencoder"].items():
        if isinstance(one, Mapping):
            rows.append([name.replace("_", "-"), *_fidelity(one["fidelity"], scopes)])
    for name, one in result["sounds"].items():
        followed = [_estimate(one[key]) for key in ("loudness", "loudness_raw", "brightness", "brightness_raw", "nearest_training")]
        rows.append([name, *_fidelity(one["fidelity"], scopes), *followed, "-" if one["compute_s_per_s"] is None else f"{one['compute_s_per_s']:.2f}"])
    return "\n".join([*_about(result), "", *_aligned(rows), "", *_EXPLAINED])


def folder_table(result: Mapping[str, Any]) -> str:
    """The same of `generation.measures.folder`."""
    keys = ("kind", "loudness", "loudness_raw", "brightness", "brightness_raw")
    rows = [["", "kind", "loudness", "as made", "brightness", "as made", "Frechet", "compute"]]
    for name, one in result["sounds"].items():
        distance, spent = one["distance"], one["compute_s_per_s"]
        figures = [_estimate(one[key]) for key in keys] + ["-" if distance is None else f"{distance['ratio']:.2f}", "-" if spent is None else f"{spent:.2f}"]
        rows.append([name, *figures])
    about = [
        f"{result['generator']} with {result['clvap']}, seed {result['seed']}, {result['threads']} threads",
        f"{result['questions']} of {result['sounds_heard']} sounds of {result['kinds']} kinds imitated",
        f"{result['takes_a_question']} takes each, the best of {result['best_of']}",
    ]
    return "\n".join([*about, "", *_aligned(rows), "", "kind: share whose nearest real sound is of the kind asked for", *_EXPLAINED[1:3]])


_EXPLAINED = (
    "first, in five: share of sounds whose class the judge puts first, or among its first five; best first: of the take shown first",
    "Frechet: distance to real sound of these classes over that of real sound to other real sound; 1 is as near as real",
    "loudness, brightness: correlation with the gesture, as shown and as the model made it",
    "nearest: cosine to the training sound most like it; compute: seconds a second of sound, ranking included",
)


def _about(result: Mapping[str, Any]) -> list[str]:
    rebuilt = result["autoencoder"]
    distances = ", ".join(f"{name.replace('_', '-')} {_estimate(rebuilt[name]['stft_distance'])}" for name in ("autoencoder", "griffin_lim"))
    return [
        f"{result['generator']} with {result['clvap']}, seed {result['seed']}, {result['threads']} threads",
        f"{result['questions']} questions over {result['classes']} classes, {result['takes_a_question']} takes each, "
        f"each the best of {result['best_of']}: {result['gestures']}",
        f"judge: {result['judge']}",
        f"STFT distance to {rebuilt['autoencoder']['stft_distance']['n']} originals: {distances}",
        f"Griffin-Lim from {rebuilt['values_per_s']:.0f} values a second, as the latents have: {rebuilt['griffin_lim_settings']}",
    ]


def _fidelity(by_scope: Mapping[str, Any], scopes: list[str]) -> list[str]:
    cells = []
    for scope in scopes:
        one = by_scope[scope]
        cells += [_estimate(one[key]) for key in ("single", "best", "in_five")] + ["-" if one["frechet"] is None else f"{one['frechet']['ratio']:.2f}"]
    return cells


def _estimate(one: Mapping[str, Any] | None) -> str:
    return "-" if one is None else f"{one['mean']:.2f} ±{one['error']:.2f}"


def _aligned(rows: list[list[str]]) -> list[str]:
    columns = max(map(len, rows))
    rows = [row + ["-"] * (columns - len(row)) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(columns)]
    return ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]) for row in rows]
