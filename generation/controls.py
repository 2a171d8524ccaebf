"""The voice's curves as the diffusion model hears them: loudness, brightness and pitch at the latent rate, each with a flag of how far it counts.

After Sketch2Sound (Garcia et al. 2024, arXiv:2412.08550). Brightness and pitch are given as movement about their own middle, in
octaves: a mouth cannot reach the pitch of a bird or the brightness of breaking glass, but it draws the movement.
B batch, F frames (43.07 a second), L latents (21.53 a second).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from stable_audio_tools.models.conditioners import Conditioner
from torch import Tensor

from clvap.contours import Contours

NAMES = ("loudness", "brightness", "pitch")
CURVES = 4  # the three, and where there is a pitch
CHANNELS = CURVES + len(NAMES)
RANGE_DB = 60.0
_HEARD_ABOVE_DB = -45.0


@dataclass(frozen=True)
class Controls:
    """Curves at the latent rate.

    values: float32 (4, L): loudness from -1 (60 dB under the loudest, and silence) to 1; brightness and pitch in octaves about
        their middle, halved, 0 where there is nothing to hear; 1 where there is a pitch
    given: how far the model may see loudness, brightness, pitch: 0 (not at all) to 1 (as drawn)
    """

    values: np.ndarray
    given: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def given_less(self, shares: tuple[float, float, float]) -> Controls:
        """The same curves, each given by that share of how far it was."""
        loudness, brightness, pitch = (given * share for given, share in zip(self.given, shares, strict=True))
        return replace(self, given=(loudness, brightness, pitch))

    def within(self, whole: Controls, start: int) -> Controls:
        """These curves from latent `start` of a longer sound, that sound's own curves before and after."""
        values = whole.values.copy()
        values[:, start : start + self.values.shape[1]] = self.values[:, : values.shape[1] - start]
        return replace(self, values=values)

    def cut(self, start: int, length: int) -> Controls:
        """The part from latent `start`, `length` latents, silence beyond the end."""
        part = self.values[:, start : start + length]
        padded = np.zeros((CURVES, length), dtype=np.float32)
        padded[0] = -1.0
        padded[:, : part.shape[1]] = part
        return replace(self, values=padded)

    def stacked(self) -> np.ndarray:
        """What the model reads: float32 (7, L), curves by how far they are given, zero where not at all, then one flag channel each."""
        shown = np.array([self.given[0], self.given[1], self.given[2], self.given[2]], dtype=np.float32)
        flags = np.repeat(np.array(self.given, dtype=np.float32)[:, None], self.values.shape[1], axis=1)
        return np.concatenate([self.values * shown[:, None], flags])


def from_contours(curves: Contours, given: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Controls:
    """Curves of a sound at two frames a latent -> controls of ceil(F / 2) latents."""
    loudness_db = curves.loudness_db - curves.loudness_db.max()
    heard = loudness_db > _HEARD_ABOVE_DB
    brightness = _about_middle(curves.brightness, heard)
    voiced = (curves.pitch > 0) & heard
    pitch = _about_middle(curves.pitch, voiced)
    loudness = np.clip(loudness_db, -RANGE_DB, 0) / (RANGE_DB / 2) + 1
    return Controls(_halved(np.stack([loudness, brightness, pitch, voiced.astype(np.float32)])), given)


def stretched(controls: Controls, latents: int) -> Controls:
    """The same curves over another number of latents, at least one."""
    at = np.linspace(0, controls.values.shape[1] - 1, latents)
    values = np.stack([np.interp(at, np.arange(controls.values.shape[1]), curve) for curve in controls.values])
    return replace(controls, values=values.astype(np.float32))


def roughened(controls: Controls, rng: np.random.Generator, widest: int = 9) -> Controls:
    """The curves as a rough gesture gives them: a random median filter each, so that training does not rely on fine detail."""
    values = np.stack([median_filter(curve, 1 + 2 * int(rng.integers(0, widest // 2 + 1))) for curve in controls.values])
    loudness = values[0]
    bend = np.exp(rng.normal(0, 0.25))  # mouths exaggerate or flatten
    values[0] = 2 * ((np.clip(loudness, -1, 1) + 1) / 2) ** bend - 1
    return replace(controls, values=values.astype(np.float32))


def dropped(controls: Controls, rng: np.random.Generator, each: float, all_: float) -> Controls:
    """Some controls taken away at random: every one with probability `each`, all of them with probability `all_`."""
    if rng.random() < all_:
        return replace(controls, given=(0.0, 0.0, 0.0))
    loudness, brightness, pitch = (given if given and rng.random() >= each else 0.0 for given in controls.given)
    return replace(controls, given=(loudness, brightness, pitch))


def absent(latents: int) -> Controls:
    """No control at all."""
    return Controls(np.zeros((CURVES, latents), dtype=np.float32), (0.0, 0.0, 0.0))


def median_filter(curve: np.ndarray, width: int) -> np.ndarray:
    """Sliding median over `width` (odd) points, edges repeated: (L,) -> (L,)."""
    return ndimage.median_filter(curve, width, mode="nearest")


class ControlsConditioner(Conditioner):
    """Controls of equal length, as the engine's input_concat wants them: (B, 7, L) and a mask of ones (B, L)."""

    def __init__(self) -> None:
        super().__init__(CHANNELS, CHANNELS)

    def forward(self, controls: Sequence[Controls], device: torch.device | str = "cpu") -> list[Tensor]:
        batch = torch.from_numpy(np.stack([one.stacked() for one in controls])).to(device)
        return [batch, torch.ones(batch.shape[0], batch.shape[2], device=device)]


def _about_middle(notes: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """MIDI notes as half octaves about the median of what is heard, 0 elsewhere."""
    if not heard.any():
        return np.zeros_like(notes, dtype=np.float32)
    return np.where(heard, np.clip((notes - np.median(notes[heard])) / 24, -2, 2), 0).astype(np.float32)


def _halved(curves: np.ndarray) -> np.ndarray:
    """Mean of every two frames: (4, F) -> (4, ceil(F / 2))."""
    odd = curves.shape[1] % 2
    padded = np.pad(curves, ((0, 0), (0, odd)), mode="edge")
    return padded.reshape(curves.shape[0], -1, 2).mean(axis=2).astype(np.float32)
