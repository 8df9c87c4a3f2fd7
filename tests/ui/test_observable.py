"""Values tell of changes, and of nothing else."""

from __future__ import annotations

from ui.observable import Event, Subscriptions, Value


def test_a_listener_hears_of_a_change_and_not_of_an_equal_value() -> None:
    value, heard = Value(1), list[int]()
    value.subscribe(heard.append)
    value.set(1)
    value.set(2)
    value.set(2)
    assert heard == [2]


def test_true_in_place_of_one_is_a_change() -> None:
    value, heard = Value[object](1), list[object]()
    value.subscribe(heard.append)
    value.set(True)
    assert heard == [True]
    assert value.value is True


def test_a_cancelled_listener_hears_nothing_more() -> None:
    value, heard = Value(1), list[int]()
    subscription = value.subscribe(heard.append)
    subscription.cancel()
    subscription.cancel()
    value.set(2)
    assert heard == []
    assert value.listeners == 0


def test_a_listener_that_is_cancelled_by_one_before_it_hears_nothing() -> None:
    value, heard = Value(1), list[int]()
    value.subscribe(lambda _: second.cancel())
    second = value.subscribe(heard.append)
    value.set(2)
    assert heard == []


def test_a_listener_never_sees_a_value_that_is_over() -> None:
    value, heard = Value(0), list[int]()

    def at_most_five(now: int) -> None:
        if now > 5:
            value.set(5)

    value.subscribe(at_most_five)
    value.subscribe(heard.append)
    value.set(9)
    assert set(heard) == {5}


def test_a_listener_that_comes_while_others_are_told_waits_for_the_next_change() -> None:
    value, heard = Value(0), list[int]()

    def join(_: int) -> None:
        value.subscribe(heard.append)

    first = value.subscribe(join)
    value.set(1)
    first.cancel()
    assert heard == []
    value.set(2)
    assert heard == [2]


def test_binding_shows_the_value_at_once_and_giving_up_all_leaves_none() -> None:
    value, heard, held = Value("a"), list[str](), Subscriptions()
    held.bind(value, heard.append)
    value.set("b")
    held.cancel()
    value.set("c")
    assert heard == ["a", "b"]
    assert value.listeners == 0


def test_an_event_tells_even_what_it_told_before() -> None:
    event, heard = Event[str](), list[str]()
    event.subscribe(heard.append)
    event.send("a")
    event.send("a")
    assert heard == ["a", "a"]
