"""The map of a library: where sounds lie, when it is out of date, what it says of them."""

import numpy as np
import pytest

from clvap.audio import write
from clvap.library import Filters, Library, LibraryError, atlas, projection
from clvap.library.projection import project
from tests.fakes import FakeEmbedder, tone


def clouds(count: int = 40, seed: int = 0) -> np.ndarray:
    """Unit vectors in three clouds, one after another."""
    random = np.random.default_rng(seed)
    centres = np.repeat(random.normal(size=(3, 32)), count, axis=0)
    vectors = centres + 0.15 * random.normal(size=centres.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def spread(places: np.ndarray) -> float:
    return float(np.linalg.norm(places - places.mean(axis=0), axis=1).mean())


def test_what_sounds_alike_lies_together():
    places = project(clouds())
    assert places.shape == (120, 2) and places.dtype == np.float32 and places.min() >= 0 and places.max() <= 1
    groups = places.reshape(3, 40, 2)
    assert max(spread(group) for group in groups) < 0.5 * spread(places)
    assert np.array_equal(places, project(clouds()))


def test_a_map_drawn_again_keeps_its_regions_where_they_were():
    vectors = clouds()
    first = project(vectors)
    before = np.where(np.arange(120)[:, None] % 10 == 0, np.nan, first)
    second = project(vectors, before)
    centres = [places.reshape(3, 40, 2).mean(axis=1) for places in (first, second)]
    assert np.linalg.norm(centres[0] - centres[1], axis=1).max() < 0.3


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 9])
def test_few_sounds_have_places_too(count):
    places = project(clouds()[:count])
    assert places.shape == (count, 2) and np.isfinite(places).all()
    assert project(np.tile(clouds()[:1], (count, 1))).shape == (count, 2)


@pytest.fixture
def library(tmp_path) -> Library:
    for i in range(12):
        write(tmp_path / f"sounds/tone_{i:02}.wav", tone(0.2 + i / 10))
    made = Library.open(tmp_path / "library", FakeEmbedder())
    made.index(tmp_path / "sounds")
    return made


def test_the_map_is_outdated_by_other_sounds_and_not_by_other_words(library, tmp_path):
    assert library.map_outdated() and library.map_points() == []
    assert library.draw_map() == 12 and not library.map_outdated()
    version, path = library.map_version(), tmp_path / "sounds/tone_03.wav"
    library.describe(path, "a foghorn", "HORN")
    assert not library.map_outdated() and library.map_version() != version
    point = next(point for point in library.map_points() if point.path == path)
    assert (point.caption, point.category, point.name) == ("a foghorn", "HORN", "tone_03") and 0 <= point.x <= 1 and round(point.duration_s, 1) == 0.5
    assert not Library.open(library._store.folder).map_outdated()

    path.unlink()
    write(tmp_path / "sounds/new.wav", tone(2.0))
    library.index(tmp_path / "sounds")
    assert library.map_outdated() and len(library.map_points()) == 11
    assert library.draw_map() == 12 and len(library.map_points()) == 12
    library.remove_folder(tmp_path / "sounds")
    assert library.draw_map() == 0 and library.map_points() == []


def test_a_damaged_map_is_drawn_again(library):
    library.draw_map()
    (library._store.folder / "map.npz").write_bytes(b"PK nonsense")
    assert library.map_points() == [] and library.map_outdated()
    assert library.draw_map() == 12 and not library.map_outdated()


def test_a_very_large_library_is_sampled(library, monkeypatch):
    monkeypatch.setattr(projection, "MOST", 9)
    assert library.draw_map() == 9 and not library.map_outdated() and len(library.map_points()) == 9
    assert isinstance(library.map_points()[0], atlas.Point)


def test_sounds_are_browsed_described_and_likened(library, tmp_path):
    listing = library.browse(k=3)
    assert [match.name for match in listing.matches] == ["tone_00", "tone_01", "tone_02"] and listing.total == 12
    assert library.browse(Filters(min_duration_s=1.0), k=2).total == 4
    paths = [tmp_path / "sounds/tone_07.wav", "/gone.wav", tmp_path / "sounds/tone_02.wav"]
    assert [match.name for match in library.described(paths)] == ["tone_07", "tone_02"] and library.described([]) == []
    like = library.like(tmp_path / "sounds/tone_05.wav", k=2)
    assert len(like) == 2 and "tone_05" not in {match.name for match in like} and like[1].score <= like[0].score <= 1
    with pytest.raises(LibraryError, match="not in the library"):
        library.like("/gone.wav")
    folder = library.indexed_folders()[0]
    assert folder.count == 12 and folder.skipped == () and folder.indexed_s > 0


def test_browsing_a_library_on_disk(library, monkeypatch):
    from clvap.library import store

    monkeypatch.setattr(store, "IN_MEMORY_ROWS", 0)
    assert len(library.browse(k=3).matches) == 3 and library.browse(Filters(text="tone 0"), k=2).total == 11
