
import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from clvap.audio import SAMPLE_RATE_HZ, Clip, write
from clvap.contours import extract
from clvap.data.manifests import esc50, untrained
from clvap.data.yamnet import Yamnet
from generation import Generator
from generation import model as sfx
from generation.backends import ClvapBackend
from generation.cli import main
from generation.evaluate import Evaluation, measured
from generation.measures import frechet
from generation.measures.estimate import estimate
from generation.measures.fidelity import Answer, Bench
from generation.measures.following import brightness_correlation, loudness_correlation
from generation.measures.judge import Embedded, Judge
from generation.measures.questions import Asked, questions
from generation.measures.rebuilding import MelGriffinLim, spectral_distance
from generation.measures.table import table
from generation.measures.takes import Hit, Studio, Way, grounded, hits
from generation.request import Follow, GenerateRequest, RequestError
from generation.samplers import Sampling
from tests.fakes import FakeEmbedder
from tests.generation import tiny
from tests.sounds import knocks, noise, tone

KINDS = ("dog", "rain", "rooster", "engine")


def heard(each: int = 12, spread: float = 0.3, seed: int = 0, shift: float = 0.0, first_source: int = 0) -> Embedded:
    """Vectors about a centre a kind; two sounds a recording."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((len(KINDS), 20))
    vectors = np.concatenate([centre + shift + spread * rng.standard_normal((each, 20)) for centre in centres]).astype(np.float32)
    classes = [kind for kind in KINDS for _ in range(each)]
    return Embedded(vectors, classes, [frozenset({str(first_source + number // 2)}) for number in range(len(classes))])


def answers(of: Embedded, sources: frozenset[str] = frozenset()) -> list[Answer]:
    return [Answer(vector[None], kind, sources) for vector, kind in zip(of.vectors, of.classes, strict=True)]


def bench(scopes=("esc10", "all")) -> Bench:
    return Bench(heard(seed=1), heard(seed=2, first_source=1_000), scopes)


def test_an_estimate_counts_classes_alike_and_says_its_error():
    one = estimate([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert one.mean == 0.5 and one.n == 4
    many = estimate([0.0, 1.0] * 50, ["a", "b"] * 50)
    assert many.error == pytest.approx(np.std([0.0, 1.0] * 50, ddof=1) / 10, abs=1e-3)
    with pytest.raises(ValueError, match="no question"):
        estimate([], [])


def test_the_judge_knows_its_classes_and_not_others_by_chance():
    judge = Judge.trained(heard(seed=1))
    new = heard(seed=2)
    assert (judge.places(new.vectors, new.classes) == 0).mean() > 0.95
    wrong = [KINDS[(KINDS.index(kind) + 1) % len(KINDS)] for kind in new.classes]
    assert (judge.places(new.vectors, wrong) == 0).mean() < 0.05


def test_frechet_distance_is_that_of_two_normal_distributions():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((4_000, 3)), 2 * rng.standard_normal((4_000, 3)) + 1
    assert frechet.distance(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet.distance(one, other) == pytest.approx(3 + 3 * (1 + 4 - 2 * 2), rel=0.05)


def test_sound_like_real_sound_has_ratio_one_and_other_sound_more():
    real, space = heard(seed=2, first_source=1_000), frechet.components(heard(seed=1).vectors)
    same = frechet.ratio(heard(seed=3), real, space)
    far = frechet.ratio(heard(seed=3, shift=1.5), real, space)
    assert same.ratio == pytest.approx(1, abs=0.25) and far.ratio > 2 * same.ratio


def test_no_sound_is_compared_with_the_recording_it_was_made_from():
    real, space = heard(seed=2), frechet.components(heard(seed=1).vectors)
    itself = frechet.ratio(real, real, space)
    assert itself.ratio == pytest.approx(1, abs=1e-6)
    everything = Embedded(real.vectors, real.classes, [frozenset().union(*real.sources)] * len(real))
    assert frechet.ratio(everything, real, space) is None


def test_fidelity_is_given_for_ten_classes_and_for_all():
    figures = bench().fidelity(answers(heard(seed=3)))
    assert figures["esc10"].single.n == 36 and figures["all"].single.n == 48
    assert figures["all"].single.mean > 0.95 and figures["all"].frechet.ratio < 2
    assert bench().chance == {"esc10": 0.333, "all": 0.25}


def test_best_is_the_first_sound_of_an_answer():
    right, wrong = heard(seed=3).of(["dog"]).vectors[0], heard(seed=3).of(["rain"]).vectors[0]
    figures = bench(("all",)).fidelity([Answer(np.stack([right, wrong]), "dog", frozenset())])["all"]
    assert figures.best.mean == 1 and figures.single.mean == 0.5 and figures.frechet is None


def test_a_copy_of_a_training_sound_is_nearest_to_it():
    judged, training = bench(), heard(seed=1)
    assert judged.nearest_training(answers(training)).mean == pytest.approx(1, abs=1e-4)
    assert judged.nearest_of_real().mean < 0.99


def test_correlation_with_a_gesture_follows_loudness():
    wanted = extract(knocks((0.2, 0.9, 1.5)))
    assert loudness_correlation(wanted, extract(knocks((0.2, 0.9, 1.5), seed=5))) > 0.9
    assert loudness_correlation(wanted, extract(knocks((0.5, 1.2, 1.8), seed=5))) < 0.3
    assert loudness_correlation(wanted, extract(Clip(np.zeros((1, SAMPLE_RATE_HZ), np.float32)))) == 0


def test_correlation_with_a_gesture_follows_brightness():
    rising, falling = sweep(200, 4_000), sweep(4_000, 200)
    assert brightness_correlation(extract(rising), extract(sweep(400, 6_000))) > 0.9
    assert brightness_correlation(extract(rising), extract(falling)) < -0.9
    assert brightness_correlation(extract(tone(440)), extract(rising)) is None


def test_more_values_a_second_rebuild_a_sound_better():
    sound = sweep(300, 5_000)
    few, many = MelGriffinLim(200, iterations=8), MelGriffinLim(3_000, iterations=8)
    assert many.bands == 139 and few.bands == 9
    assert many.rebuilt(sound).duration_s == pytest.approx(sound.duration_s)
    assert spectral_distance(sound, sound) < 1e-3
    assert spectral_distance(sound, many.rebuilt(sound)) < spectral_distance(sound, few.rebuilt(sound)) < spectral_distance(sound, noise(1.0))


@pytest.fixture(scope="module")
def generator() -> Generator:
    """Random weights that hear the tokens of the fake embedder."""
    config = replace(tiny.config(), diffusion=replace(tiny.DIFFUSION, token_width=FakeEmbedder.token_width, dimension=FakeEmbedder.dimension))
    torch.manual_seed(0)
    return Generator(Loaded(sfx.build(config).eval(), config), FakeEmbedder())


class Loaded(ClvapBackend):
    """A backend without a folder."""

    def __init__(self, model, config):
        self.model, self.max_seconds, self.clvap = model, config.diffusion.max_seconds, config.clvap
        self.sampling = Sampling(steps=config.steps, guidance=config.guidance)


class Ears:
    """In place of YAMNet: levels of 1 024 bands."""

    def embed(self, clip: Clip) -> np.ndarray:
        spectrum = np.abs(np.fft.rfft(clip.at_rate(16_000).mono(), 4_096))[:2_048].reshape(Yamnet.DIMENSIONS, 2).mean(axis=1)
        return np.log(spectrum + 1e-3).astype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """An ESC-50 of three classes: four recordings each held out, two to learn from, two that their licence keeps out of training."""
    folder = tmp_path_factory.mktemp("data")
    kinds = {"dog": lambda n: knocks((0.1, 0.4), 0.8, seed=n), "rain": lambda n: noise(0.8, seed=n), "siren": lambda n: tone(500 + 30 * n, 0.8)}
    with open(folder / "esc50.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", "fold", "category", "freesound_id", "licence", "author"])
        for kind, make in kinds.items():
            for number in range(8):
                fold, name = (4 if number < 4 else 1), f"{kind}-{number}.wav"
                write(folder / name, make(number))
                rows.writerow([name, fold, kind, f"{kind}{number}", "CC0-1.0" if number < 6 else "CC-BY-NC-3.0", "me"])
    (folder / "esc50").symlink_to(folder, target_is_directory=True)
    return folder


def test_all_figures_are_there_and_make_a_table(data, generator):
    result = measured(Evaluation(data, gestures=2, takes=2, rebuilt=2), generator, FakeEmbedder(), Ears())
    assert result["questions"] == 5 and result["classes"] == 3 and result["chance"] == {"esc10": 0.5, "all": 0.333}
    sounds = result["sounds"]
    assert sounds["real"]["fidelity"]["all"]["single"] == {"mean": 1.0, "error": 0.0, "n": 12}
    assert sounds["words"]["loudness"] is None and sounds["voice"]["loudness"]["n"] == 5
    assert sounds["best hit, performed"]["loudness"]["mean"] > sounds["best hit"]["loudness"]["mean"]
    assert sounds["voice"]["compute_s_per_s"] > 0 and sounds["best hit"]["compute_s_per_s"] is None
    assert result["autoencoder"]["values_per_s"] == pytest.approx(20 * SAMPLE_RATE_HZ / 2_048, abs=0.1)
    lines = table(result).splitlines()
    assert [name for name in sounds if not any(line.startswith(name + "  ") for line in lines)] == []


def test_clips_kept_out_of_training_are_asked_instead(data, generator):
    result = measured(Evaluation(data, gestures=1, takes=1, rebuilt=1, untrained=True), generator, FakeEmbedder(), Ears())
    assert result["sounds"]["real"]["fidelity"]["all"]["single"]["n"] == 6 and "not trained on" in result["gestures"] and "on 6 permissive" in result["judge"]
    assert {row.licence for row in untrained(data / "esc50", (1, 2, 3))} == {"CC-BY-NC-3.0"}


def test_a_hit_is_never_the_recording_that_was_imitated(data):
    rows = esc50(data / "esc50", (4,))
    asked = questions(rows, 3, seed=0)
    found = hits(FakeEmbedder(), rows, asked)
    assert len(found) == len(asked) == 7
    assert all(hit.source != question.source for hit, question in zip(found, asked, strict=True))


def test_takes_are_shown_as_the_generator_shows_them(generator):
    asked, embedder = Asked(knocks((0.2, 0.6), 1.0), "two knocks", "dog", "a"), FakeEmbedder()
    made = Studio(generator, embedder, seed=3).takes(asked, 0, Way(), 2)
    request = GenerateRequest(embedder.query(asked.voice, asked.text), asked.voice.duration_s, 2, 3, follow=Follow())
    shown = {take.seed: take.clip.samples for take in generator.generate(request)}
    assert set(made.seeds) == set(shown) == {3, 4}
    for seed, clip in zip(made.seeds, made.shown, strict=True):
        np.testing.assert_allclose(clip.samples, shown[seed], atol=0.03)


def test_a_grounded_take_stands_in_for_the_first(generator):
    asked = Asked(knocks((0.2, 0.6), 1.0), "two knocks", "dog", "a")
    studio = Studio(generator, FakeEmbedder(), seed=3)
    others = studio.takes(asked, 0, Way(), 3)
    assert sorted(others.seeds) == [3, 4, 5]
    first = grounded(studio, Hit(noise(1.0), "rain.wav", "b"), asked, 0)
    page = studio.page(asked, Way(), first, others)
    assert first.seeds == [3] and first.sources == {"b"} and sorted(page.seeds) == [3, 4, 5]
    assert any(clip is first.shown[0] for clip in page.shown)


def test_each_take_is_the_best_of_as_many_as_the_page_makes(generator):
    asked, embedder = Asked(knocks((0.2, 0.6), 1.0), "two knocks", "dog", "a"), FakeEmbedder()
    studio = Studio(generator, embedder, seed=3, best_of=2)
    made = studio.takes(asked, 0, Way(), 2)
    chosen = {take.seed for take in generator.generate(GenerateRequest(embedder.query(asked.voice, asked.text), asked.voice.duration_s, 2, 3, best_of=2))}
    assert set(made.seeds) == chosen and [seed < 5 for seed in sorted(made.seeds)] == [True, False]
    first = grounded(studio, Hit(noise(1.0), "rain.wav", "b"), asked, 0)
    page = studio.page(asked, Way(), first, made)
    assert first.seeds[0] in (3, 4) and set(page.seeds) == {first.seeds[0], max(made.seeds)}
    assert Studio(generator, embedder, seed=3).best_of == generator.sampling.best_of == 1


def test_missing_data_is_one_line_and_exit_2(tmp_path, capsys):
    assert main(["evaluate", "--data", str(tmp_path / "nowhere")]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "nowhere" in printed.err and len(printed.err.strip().splitlines()) == 1


@pytest.mark.parametrize("wrong", [{"classes": "some"}, {"gestures": 0}, {"takes": 0}])
def test_what_cannot_be_measured_is_refused(wrong, tmp_path):
    with pytest.raises(RequestError, match="use"):
        Evaluation(tmp_path, **wrong)


def sweep(from_hz: float, to_hz: float, seconds: float = 1.0) -> Clip:
    frequency = np.geomspace(from_hz, to_hz, int(seconds * SAMPLE_RATE_HZ))
    return Clip((0.5 * np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE_HZ)).astype(np.float32)[None])
