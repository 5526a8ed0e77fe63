"""Random histories of a report: whatever fails and whenever, no message is there unasked for."""

import contextlib

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from delivery.desk import GROUP, Desk, new_stand_in
from sancrm_reports.errors import ReportError
from sancrm_reports.pure.entry import State

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")

TEXTS = st.sampled_from(["Прибыль 1", "Прибыль 2", "Прибыль 3"])
FAULTS = {
    "none": lambda faults: None,
    "short wait": lambda faults: faults.retry_after(5),
    "long wait": lambda faults: faults.retry_after(120),
    "500 before": lambda faults: faults.server_error_before(500),
    "502 after": lambda faults: faults.server_error_after(502, html=True),
    "dropped before": lambda faults: faults.drop_before(),
    "dropped after": lambda faults: faults.drop_after(reset=True),
    "torn": lambda faults: faults.garbage_after(),
}


class KilledError(BaseException):
    """The worker is gone: no code of ours runs on."""


class History(RuleBasedStateMachine):
    """One report in one chat, delivered again and again.

    ``allowed`` is how many messages there may be: one, one for each time that a person asked to
    resend what was unknown, and one for each message that was taken from the chat and corrected.
    """

    @initialize()
    def start(self):
        self.patch = pytest.MonkeyPatch()
        self.stand_in = new_stand_in()
        self.stand_in.start()
        self.desk = Desk(self.stand_in, self.patch)
        self.allowed = 1
        self.shown = None  # the text that the last delivery said is in the chat

    def teardown(self):
        if hasattr(self, "stand_in"):
            self.stand_in.stop()
            self.patch.undo()

    @rule(text=TEXTS, fault=st.sampled_from(sorted(FAULTS)), resend=st.booleans())
    def deliver(self, text, fault, resend):
        FAULTS[fault](self.stand_in.faults)
        self._deliver(text, resend)
        self.stand_in.faults.clear()

    @rule(text=TEXTS, resend=st.booleans(), step=st.integers(1, 25), after=st.booleans())
    def die(self, text, resend, step, after):
        """The worker is killed at one of its statements, or just after it."""
        left = iter(range(1, step))

        def dies(statement, values):
            if next(left, None) is None:  # and says nothing more to the ledger
                raise KilledError
            return False

        self._deliver(text, resend, **{"loses" if after else "breaks": dies})

    @rule()
    def someone_deletes_the_message(self):
        if self.stand_in.messages:
            chat = self.stand_in.chats[GROUP]
            self.stand_in.chats.delete(chat, self.stand_in.messages[-1].message_id)
            self.allowed += 1
            self.shown = None

    def _deliver(self, text, resend, **faults):
        entry = self.desk.entry()
        if resend and entry and entry.state in (State.UNKNOWN, State.SENDING):
            self.allowed += 1
        self.shown = None
        vars(self.desk.database).update(faults)
        with contextlib.suppress(ReportError, KilledError):
            (outcome,) = self.desk.once(text, resend=resend)
            if outcome.action != "unchanged" or self._find(outcome.message_id):
                self.shown = text
        self.desk.database.heal()
        self.desk.clock.wait(150)

    def _find(self, message_id):
        return self.stand_in.chats.find(GROUP, message_id)

    @invariant()
    def no_message_is_there_unasked_for(self):
        if hasattr(self, "desk"):
            assert len(self.desk.sends) <= self.allowed

    @invariant()
    def what_was_said_to_be_there_is_there(self):
        if hasattr(self, "desk") and self.shown:
            message = self._find(self.desk.entry().message_id)
            assert message.text.split("\n")[0] == self.shown


TestHistories = History.TestCase
TestHistories.settings = settings(
    max_examples=25,
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
