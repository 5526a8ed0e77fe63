"""What can go wrong on purpose: scripted faults of the next requests, standing troubles of a chat.

A fault "before" leaves no message behind. A fault "after", and a slow answer, come when the message
has been accepted, so a client that gives up must not believe that nothing was sent; a request that
is refused does not use them up.
"""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict, Unpack


class Condition(StrEnum):
    """A trouble of a chat that lasts until it is taken away."""

    KICKED = "kicked"
    NOT_A_MEMBER = "not_a_member"
    DELETED = "deleted"
    NO_RIGHTS = "no_rights"
    TOPIC_CLOSED = "topic_closed"  # for messages that name a topic
    THREAD_NOT_FOUND = "thread_not_found"  # for messages that name a topic
    NOT_EDITABLE = "not_editable"


class Kind(StrEnum):
    """How a request is broken."""

    RETRY_AFTER = "retry_after"
    SERVER_ERROR_BEFORE = "server_error_before"
    SERVER_ERROR_AFTER = "server_error_after"
    HANG_AFTER = "hang_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    GARBAGE_AFTER = "garbage_after"
    SLOW = "slow"


_BEFORE = (Kind.RETRY_AFTER, Kind.SERVER_ERROR_BEFORE, Kind.DROP_BEFORE)


class Which(TypedDict, total=False):
    """The requests that a fault is for: how many (one), of which method (any), to which chat."""

    times: int
    method: str
    chat_id: int | None


@dataclass(eq=False)
class Fault:
    """One scripted fault; ``times`` more requests will meet it, ``met`` have."""

    kind: Kind
    times: int = 1
    method: str = ""
    chat_id: int | None = None
    seconds: float = 0
    status: int = 500
    html: bool = False
    reset: bool = False
    met: int = 0
    released: "Future[None]" = field(default_factory=Future, repr=False)

    @property
    def after(self) -> bool:
        """Whether the message is accepted first."""
        return self.kind not in _BEFORE

    def release(self) -> None:
        """Let the answers go that `Faults.hang_after` holds back."""
        if not self.released.done():
            self.released.set_result(None)


class Faults:
    """The queue: a request meets the first fault that is for its method and chat."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Fault] = []
        self._hanging: list[Fault] = []

    def retry_after(self, seconds: int, **which: Unpack[Which]) -> Fault:
        """Answer 429 with ``retry_after``."""
        return self.add(Fault(Kind.RETRY_AFTER, seconds=seconds, **which))

    def server_error_before(
        self, status: int = 500, *, html: bool = False, **which: Unpack[Which]
    ) -> Fault:
        """Answer 500, 502 or 504 and accept nothing; ``html`` is a proxy's page."""
        return self.add(Fault(Kind.SERVER_ERROR_BEFORE, status=status, html=html, **which))

    def server_error_after(
        self, status: int = 500, *, html: bool = False, **which: Unpack[Which]
    ) -> Fault:
        """Accept the message and answer 500, 502 or 504."""
        return self.add(Fault(Kind.SERVER_ERROR_AFTER, status=status, html=html, **which))

    def hang_after(self, **which: Unpack[Which]) -> Fault:
        """Accept the message and answer only when `Fault.release` is called."""
        return self.add(Fault(Kind.HANG_AFTER, **which))

    def drop_before(self, *, reset: bool = False, **which: Unpack[Which]) -> Fault:
        """Close the connection, or reset it, and accept nothing."""
        return self.add(Fault(Kind.DROP_BEFORE, reset=reset, **which))

    def drop_after(self, *, reset: bool = False, **which: Unpack[Which]) -> Fault:
        """Accept the message and close the connection, or reset it."""
        return self.add(Fault(Kind.DROP_AFTER, reset=reset, **which))

    def garbage_after(self, **which: Unpack[Which]) -> Fault:
        """Accept the message and answer 200 with a body that is not JSON."""
        return self.add(Fault(Kind.GARBAGE_AFTER, **which))

    def slow(self, seconds: float, **which: Unpack[Which]) -> Fault:
        """Accept the message at once and answer properly after so many real seconds."""
        return self.add(Fault(Kind.SLOW, seconds=seconds, **which))

    def add(self, fault: Fault) -> Fault:
        """Put a fault at the end of the queue."""
        with self._lock:
            self._queue.append(fault)
        return fault

    def clear(self) -> None:
        """Forget the queue and release whatever hangs."""
        with self._lock:
            self._queue.clear()
            hanging, self._hanging = self._hanging, []
        for fault in hanging:
            fault.release()

    @property
    def pending(self) -> list[Fault]:
        """The faults that no request has met yet, in order."""
        with self._lock:
            return list(self._queue)

    def find(self, method: str, chat_id: int | None) -> Fault | None:
        """The fault that this request meets, without using it up."""
        with self._lock:
            for fault in self._queue:
                if fault.method.lower() in ("", method.lower()) and (
                    fault.chat_id is None or fault.chat_id == chat_id
                ):
                    return fault
        return None

    def use(self, fault: Fault) -> None:
        """Count a request that has met the fault."""
        with self._lock:
            fault.met += 1
            fault.times -= 1
            if fault.kind is Kind.HANG_AFTER and fault not in self._hanging:
                self._hanging.append(fault)
            if fault.times <= 0 and fault in self._queue:
                self._queue.remove(fault)
