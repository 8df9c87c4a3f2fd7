"""Values that tell who looks at them when they change; the state that widgets bind to.

No Qt: the same presenters run in a host, in the gallery and in tests. Everything here belongs to
one thread, the one that draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Subscription:
    """A listener's place; `cancel` gives it up, twice is harmless."""

    def __init__(self, leave: Callable[[Subscription], None]) -> None:
        self._leave: Callable[[Subscription], None] | None = leave

    @property
    def active(self) -> bool:
        """Whether the listener is still told."""
        return self._leave is not None

    def cancel(self) -> None:
        """Tell the listener nothing more, not even of a change that is being told now."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self)


class Subscriptions:
    """The subscriptions of one widget or presenter, given up together."""

    def __init__(self) -> None:
        self._held: list[Subscription] = []

    def add(self, subscription: Subscription) -> Subscription:
        """Keep one; returns it."""
        self._held.append(subscription)
        return subscription

    def bind(self, value: Value[T], show: Callable[[T], None]) -> None:
        """Show a value now and whenever it changes."""
        self.add(value.subscribe(show))
        show(value.value)

    def cancel(self) -> None:
        """Give all of them up."""
        held, self._held = self._held, []
        for each in held:
            each.cancel()


class Event(Generic[T]):
    """Something that happens and leaves nothing behind: a notice, a request to scroll."""

    def __init__(self) -> None:
        self._listeners: dict[Subscription, Callable[[T], None]] = {}

    def subscribe(self, listener: Callable[[T], None]) -> Subscription:
        """Call `listener` with whatever is sent from now on."""
        subscription = Subscription(lambda leaving: self._listeners.pop(leaving, None) and None)
        self._listeners[subscription] = listener
        return subscription

    def send(self, what: T) -> None:
        """Tell every listener."""
        for subscription, listener in [*self._listeners.items()]:
            if subscription.active:
                listener(what)

    @property
    def listeners(self) -> int:
        """How many listen; for tests of what is left behind."""
        return len(self._listeners)


class Value(Generic[T]):
    """A value that tells of its changes, and only of changes.

    Listeners always get the value as it stands: where one of them sets it again, those after it
    never see the one between.
    """

    def __init__(self, value: T) -> None:
        self._value = value
        self._changed: Event[None] = Event()

    @property
    def value(self) -> T:
        """What it is now."""
        return self._value

    def set(self, value: T) -> None:
        """Change it; an equal value changes nothing."""
        if value == self._value and type(value) is type(self._value):
            return
        self._value = value
        self._changed.send(None)

    def subscribe(self, listener: Callable[[T], None]) -> Subscription:
        """Call `listener` with the value after each change from now on."""
        return self._changed.subscribe(lambda _: listener(self._value))

    @property
    def listeners(self) -> int:
        """How many listen; for tests of what is left behind."""
        return self._changed.listeners
