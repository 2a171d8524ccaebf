from clvap.data.captions import esc50_captions


def test_evaluation_phrases_never_name_the_class_and_were_never_trained_on():
    train, evaluate = esc50_captions("train"), esc50_captions("evaluate")
    assert len(train) == len(evaluate) == 50
    taught = {phrase for phrases in train.values() for phrase in phrases}
    for name, phrases in evaluate.items():
        assert phrases
        for phrase in phrases:
            assert phrase not in taught
            assert name.replace("_", " ") not in phrase
            assert name.replace("_", " ").rstrip("s") not in phrase.split()
