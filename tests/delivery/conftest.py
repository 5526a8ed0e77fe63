"""The desk's fixtures; what they are made of is in desk.py."""

import pytest

from delivery.desk import FORUM, TOPIC, Desk, new_stand_in
from sancrm_reports.wire.chats import Address


@pytest.fixture
def stand_in():
    with new_stand_in() as running:
        yield running


@pytest.fixture
def desk(stand_in, monkeypatch):
    return Desk(stand_in, monkeypatch)


@pytest.fixture
def topic():
    """A topic of the forum."""
    return Address(str(FORUM), TOPIC)
