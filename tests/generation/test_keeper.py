import threading

import pytest

from generation.keeper import Keeper


def test_one_thing_is_held_at_a_time():
    loaded, gone = [], []
    keeper = Keeper(lambda name: loaded.append(name) or name.upper(), 60.0, lambda: gone.append(len(loaded)))
    for name in ("a", "a", "b"):
        with keeper.using(name) as thing:
            assert thing == name.upper() and keeper.name == name
    assert loaded == ["a", "b"] and gone == [1]
    keeper.unload()
    assert keeper.name is None and gone == [1, 2]


def test_what_nobody_asks_for_is_let_go_of():
    gone = threading.Event()
    keeper = Keeper(str.upper, 0.05, gone.set)
    with keeper.using("a"):
        assert not gone.wait(0.2)
    assert gone.wait(5) and keeper.name is None
    with keeper.using("a") as thing:
        assert thing == "A"
    keeper.unload()


def test_a_failed_load_holds_nothing_and_can_be_tried_again():
    tries = []

    def load(name: str) -> str:
        tries.append(name)
        if len(tries) == 1:
            raise ValueError("not there")
        return name

    keeper = Keeper(load)
    with pytest.raises(ValueError, match="not there"), keeper.using("a"):
        pass
    assert keeper.name is None
    with keeper.using("a") as thing:
        assert thing == "a"
    keeper.unload()


def test_nobody_loses_what_they_use_to_another():
    keeper, inside, held = Keeper(str.upper, 60.0), threading.Event(), []

    def other():
        inside.wait(5)
        with keeper.using("b"):
            held.append(keeper.name)

    thread = threading.Thread(target=other)
    thread.start()
    with keeper.using("a"):
        inside.set()
        thread.join(0.1)
        assert keeper.name == "a" and held == []
    thread.join(5)
    assert held == ["b"]
    keeper.unload()
