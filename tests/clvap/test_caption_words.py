"""Captions without a model, and the judge of a model's answers."""

import itertools
import random

import numpy as np
import pytest

from clvap.captions.judge import LONGEST_WORDS, Judge, phrases
from clvap.captions.synonyms import Synonyms
from clvap.captions.templates import variations
from clvap.data.captions import esc50_captions

TABLE = Synonyms.load()
JUDGE = Judge(TABLE)


def test_the_table_knows_a_few_hundred_words_each_replaceable_back():
    assert len({word for word in TABLE.replaceable}) > 500
    for word, others in TABLE.replaceable.items():
        assert others and word not in others
        assert all(word in TABLE.replaceable[other] for other in others), word


@pytest.mark.parametrize(
    ("text", "word"),
    [("a hound yaps", "dog"), ("puppies barking", "dog"), ("drips in a cave", "drops"), ("two cats", "cat"), ("jet overhead", "airplane")],
)
def test_a_class_is_named_by_its_word_a_form_of_it_or_what_gives_it_away(text, word):
    assert TABLE.names(text, word)


@pytest.mark.parametrize(("text", "word"), [("a category of things", "cat"), ("a duck quacks", "dog"), ("the carpet", "car")])
def test_a_class_is_not_named_by_chance(text, word):
    assert not TABLE.names(text, word)


def test_synonyms_keep_number_and_article():
    said = {TABLE.replaced("a dog and two kittens", random.Random(seed)) for seed in range(30)}
    assert {"a hound and two kittens", "a dog and two young cats"} <= said
    assert TABLE.replaced("a car", random.Random(0)) == "an automobile"
    assert TABLE.replaced("zwoing", random.Random(0)) is None


def test_templates_are_seeded_different_and_about_the_same_sound():
    captions = [caption for group in esc50_captions().values() for caption in group]
    made = {caption: variations(caption, 4, 7, TABLE) for caption in captions}
    assert made == {caption: variations(caption, 4, 7, TABLE) for caption in reversed(captions)}
    assert made != {caption: variations(caption, 4, 8, TABLE) for caption in captions}
    for caption, new in made.items():
        assert len({one.lower() for one in [caption, *new]}) == 5
        assert all(JUDGE.objection(one, caption, "", set()) is None for one in new), (caption, new)


@pytest.mark.parametrize(
    "text",
    [
        '["a dog barks", "a hound woofs"]',
        'Here you are:\n```json\n["a dog barks", "a hound woofs"]\n```\nEnjoy!',
        '{"synonyms": ["a dog barks"], "extended": "a hound woofs"}',
        "1. A dog barks.\n2) a hound woofs",
        '- "a dog barks",\n- "a hound woofs",',
        "Caption 1: a dog barks\nCaption 2: a hound woofs",
        "<think>dogs bark [woof]</think>a dog barks\n\na hound woofs\n",
    ],
)
def test_captions_are_found_in_what_models_write(text):
    assert [one.lower() for one in phrases(text)] == ["a dog barks", "a hound woofs"]


@pytest.mark.parametrize(
    ("answer", "objection"),
    [
        ("", "empty"),
        ("...", "empty"),
        ("I'm sorry, but I can't help with dogs", "refusal"),
        ("As an AI language model I hear no dog", "refusal"),
        ("Here are 5 captions about a dog:", "about the task"),
        ("Sure! A dog barks", "about the task"),
        ("Paraphrase of the dog", "about the task"),
        ('{"captions": ["dog ba', "not a caption"),
        ("[dog, dog", "not a caption"),
        ("see https://example.com/dog", "not a caption"),
        ("<b>dog</b>", "not a caption"),
        ("dog " * (LONGEST_WORDS + 1), "too long"),
        ("dog" * 20, "too long"),
        ("Dog barking!", "a copy"),
        ("the hound woofs", "a copy"),
        ("a cat meowing", "another sound"),
        ("lorem ipsum dolor", "another sound"),
    ],
)
def test_answers_that_may_not_be_used(answer, objection):
    assert JUDGE.objection(answer, "dog barking", "esc50/dog", {"the hound woofs"}) == objection


def test_the_kind_counts_where_the_caption_bears_it_out_and_the_caption_elsewhere():
    assert JUDGE.class_words("dog barking in the rain", "dog") == ["dog"]
    assert JUDGE.class_words("loud dog barking", "weapons") == ["dog", "barking"]
    assert JUDGE.class_words("loud dog barking", "pack/Animals/loud dog barking") == ["dog", "barking"]
    assert JUDGE.objection("rain falling", "dog barking in the rain", "dog", set()) == "another sound"
    assert JUDGE.objection("old timber door slams", "heavy wooden door closing", "DOORWood", set()) is None


def test_an_embedder_vouches_for_words_that_no_table_has():
    asked = []

    def embed(texts):
        asked.append(texts)
        return np.array([[1.0, 0.0], [0.6, 0.8] if "canine" in texts[0] or "tail" in texts[0] else [0.0, 1.0]], np.float32)

    judge = Judge(TABLE, embed)
    assert judge.objection("the tail wagger speaks up", "dog barking", "dog", set()) is None
    assert judge.objection("a spaceship departs", "dog barking", "dog", set()) == "another sound"
    assert judge.objection("a dog barks", "dog barking", "dog", set()) is None
    assert asked == [["the tail wagger speaks up", "dog barking"], ["a spaceship departs", "dog barking"]]
    assert JUDGE.objection("the tail wagger speaks up", "dog barking", "dog", set()) == "another sound"


def test_other_phrases_of_a_class_pass_and_those_of_other_classes_do_not():
    """Told apart without a model: the table was written with everyday sounds in mind, so this is its best case."""
    classes = esc50_captions("train")
    own = [JUDGE.objection(other, one, name, set()) for name, said in classes.items() for one, other in itertools.permutations(said, 2)]
    foreign = [JUDGE.objection(classes[other][0], classes[name][0], name, set()) for name, other in itertools.permutations(classes, 2)]
    assert sum(one is None for one in own) > 0.95 * len(own)
    assert sum(one is None for one in foreign) < 0.01 * len(foreign)
