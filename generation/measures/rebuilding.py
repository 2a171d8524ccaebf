"""What is lost on the way through a few numbers a second: the distance of a rebuilt sound, and Griffin-Lim as the plain way to rebuild.

T samples, F frames, M mel bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torchaudio
from auraloss.freq import MultiResolutionSTFTLoss
from torch.nn import functional

from clvap.audio import SAMPLE_RATE_HZ, Clip
from generation.perform import finished


@dataclass(frozen=True)
class MelGriffinLim:
    """A log-mel spectrogram of so many values a second, and sound from it by the pseudo-inverse of the mel bands and fast Griffin-Lim.

    values_per_s: bands times frames a second; sets the number of bands
    hop, window: in samples; the best of five pairs (512/2 048 to 2 048/8 192) on the classes of ESC-10 at 1 464 values a second
    iterations: of Griffin-Lim with momentum 0.99 (Perraudin, Balazs and Sondergaard 2013)
    """

    values_per_s: float
    hop: int = 2_048
    window: int = 8_192
    iterations: int = 32

    @property
    def bands(self) -> int:
        return max(round(self.values_per_s * self.hop / SAMPLE_RATE_HZ), 1)

    def rebuilt(self, clip: Clip) -> Clip:
        """Mono at 44.1 kHz, as long as the clip, by way of its log-mel spectrogram (M, F)."""
        wave = functional.pad(torch.from_numpy(clip.at_rate(SAMPLE_RATE_HZ).mono()), (0, self.hop))  # the last frame ends a hop early
        log_mel = (self._spectrogram(wave).T @ self._mel).clamp_min(1e-6).log()
        magnitude = (log_mel.exp() @ torch.linalg.pinv(self._mel)).clamp_min(0).T
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # of the first phases
            sound = self._phase(magnitude)
        return finished(Clip(sound.numpy()[None]), clip.duration_s)

    @cached_property
    def _mel(self) -> torch.Tensor:
        bins = self.window // 2 + 1
        return torchaudio.functional.melscale_fbanks(bins, 0.0, SAMPLE_RATE_HZ / 2, self.bands, SAMPLE_RATE_HZ, norm="slaney", mel_scale="slaney")

    @cached_property
    def _spectrogram(self) -> torchaudio.transforms.Spectrogram:
        return torchaudio.transforms.Spectrogram(self.window, hop_length=self.hop, power=1.0)

    @cached_property
    def _phase(self) -> torchaudio.transforms.GriffinLim:
        return torchaudio.transforms.GriffinLim(self.window, n_iter=self.iterations, hop_length=self.hop, power=1.0)


def spectral_distance(original: Clip, rebuilt: Clip) -> float:
    """Multi-resolution STFT distance (Yamamoto et al. 2019, arXiv:1910.11480): spectral convergence plus log magnitude, over windows
    of 2 048, 1 024 and 512 samples, a quarter apart; both sounds at 44.1 kHz, mono, at the same peak."""
    windows = [2_048, 1_024, 512]
    measure = MultiResolutionSTFTLoss(windows, [size // 4 for size in windows], windows)
    one, other = (finished(Clip(clip.at_rate(SAMPLE_RATE_HZ).mono()[None]), original.duration_s).samples for clip in (original, rebuilt))
    length = min(one.shape[1], other.shape[1])
    return float(measure(*(torch.from_numpy(wave[None, :, :length]) for wave in (other, one))))
