import numpy as np
import pytest
import torch

from clvap.audio import Clip
from clvap.features import LogMel
from tests.sounds import noise, tone


@pytest.mark.parametrize("gain_db", [-9.0, 0.0, 9.0])
def test_mixed_spectrograms_are_those_of_the_mixed_sound(gain_db):
    features = LogMel()
    first, second = (clip.mono() / np.abs(clip.mono()).max() for clip in (tone(440, 1.0), noise(1.0)))
    length = min(len(first), len(second))
    both = first[:length] + second[:length] * 10 ** (gain_db / 20)
    real = features(Clip(both[None].astype(np.float32)))
    made = features.mixed(features(Clip(first[None]))[None], features(Clip(second[None]))[None], torch.tensor([gain_db]))[0]
    level = lambda spectrum: spectrum[5:40] - spectrum[5:40].max()  # noqa: E731  the mixture is peak-normalised, a mixed spectrogram is not
    apart_db = 45 * (level(real) - level(made)).abs()
    assert apart_db.median() < 1 and apart_db.quantile(0.9) < 4
