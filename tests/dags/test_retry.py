"""Which failures are final."""

import pytest

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.glue.retry import RetryWhatCanPass
from sancrm_reports.pure.ops import Failure


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (PermanentError(), "fail"),
        (ModuleNotFoundError(name="telegram"), "fail"),
        (ImportError("cannot import name 'Bot'", name="telegram"), "fail"),
        (ReportError(), "default"),
        (ConnectionError(), "default"),
    ],
)
def test_what_a_retry_cannot_fix_is_final(error, action):
    # A module that is not there is not there in a minute either.
    assert RetryWhatCanPass().evaluate(error, 1, 5).action.value == action


def test_ops_read_which_module_is_not_there():
    # Not the error's whole text, and a first step of its own.
    left = Failure.describe(ModuleNotFoundError("No module named 'telegram'", name="telegram"), "")
    assert (left["code"], left["values"]) == ("import", {"module": "telegram"})
