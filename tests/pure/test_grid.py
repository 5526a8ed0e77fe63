"""The grid of the page: who was expected when, and what is shown where several things are known."""

from hypothesis import given
from hypothesis import strategies as st

from sancrm_reports.pure.audit import DeliveryStatus, ExpectedMessages
from sancrm_reports.pure.grid import LETTERS, Sent, Slot, by_subject, summed_up

DAYS = ("2026-11-17", "2026-11-18", "2026-11-19")
TWO = ExpectedMessages(branches={1: "Ленина", 2: "Садовая"})
ONE = ExpectedMessages(branches={1: "Ленина"})


def slots(scheduled=DAYS, overdue=DAYS):
    return [Slot(day, day in scheduled, day in overdue) for day in DAYS]


def sent(day, subject="branch-1", status=DeliveryStatus.SENT):
    return Sent(day, subject, status)


def statuses(columns, expected, messages=()):
    return {
        row.subject: row.statuses
        for row in by_subject(columns, expected, messages, network="Вся сеть")
    }


def test_what_a_run_noted_and_did_not_send_is_missing():
    # The network's report and that of one branch came, the other's did not.
    rows = statuses(slots(), {DAYS[0]: TWO}, [sent(DAYS[0]), sent(DAYS[0], "network")])
    assert {subject: row[0] for subject, row in rows.items()} == {
        "network": "s",
        "branch-1": "s",
        "branch-2": "m",
    }


def test_where_no_run_came_the_branches_of_the_run_before_are_expected():
    # A branch that closed meanwhile is not, by the newer run.
    rows = statuses(slots(), {"2026-11-16": TWO, DAYS[1]: ONE})
    assert rows == {"network": "mmm", "branch-1": "mmm", "branch-2": "m.."}


def test_before_any_known_run_the_first_of_all_says_who_was_expected():
    # The DAG was in use, its first runs failed before anything was noted.
    assert statuses(slots(), {DAYS[2]: ONE}) == {"network": "mmm", "branch-1": "mmm"}


def test_what_the_schedule_does_not_want_or_not_yet_is_not_expected():
    # A Sunday, and a morning before nine.
    rows = statuses(slots(scheduled=DAYS[1:], overdue=DAYS[:2]), {"2026-11-16": ONE})
    assert rows == {"network": ".m.", "branch-1": ".m."}


def test_a_run_by_hand_owes_what_the_schedule_does_not():
    # Of a Sunday, whose report somebody wanted all the same.
    rows = statuses(slots(scheduled=()), {DAYS[1]: ONE}, [sent(DAYS[1])])
    assert rows == {"network": ".m.", "branch-1": ".s."}


def test_a_digest_and_a_silent_run_owe_nothing_and_say_who_is_expected_next():
    # Their periods are empty; the day after has no run, and its branches are known all the same.
    for mode in ("digest", "silent"):
        assert (
            statuses(slots(), {DAYS[0]: ExpectedMessages(mode, {1: "Ленина"})})["branch-1"] == ".mm"
        )


def test_a_message_to_several_chats_is_as_well_as_its_worst_one():
    # In either order; and what nobody expected is shown as it is.
    for pair in (
        (DeliveryStatus.SENT, DeliveryStatus.FAILED),
        (DeliveryStatus.FAILED, DeliveryStatus.SENT),
    ):
        messages = [sent(DAYS[0], status=status) for status in pair]
        assert statuses(slots(), {}, messages)["branch-1"] == "f.."


def test_rows_are_the_network_then_the_branches_by_name_as_people_count():
    # 2 before 10, by the newest name; a line break in a name makes no second line.
    old = ExpectedMessages(branches={7: "Старое имя"})
    new = ExpectedMessages(branches={5: "Филиал 10", 6: "Филиал 2", 7: "Новое\nимя"})
    rows = by_subject(slots(), {DAYS[0]: old, DAYS[1]: new}, [], network="Вся сеть")
    assert [row.name for row in rows] == ["Вся сеть", "Новое имя", "Филиал 2", "Филиал 10"]


def test_a_branch_that_no_run_expected_is_shown_by_its_key():
    # An entry of before expected messages were recorded.
    rows = by_subject(slots(), {}, [sent(DAYS[1], "branch-9")], network="Вся сеть")
    assert [(row.name, row.statuses) for row in rows][1:] == [("branch-9", ".s.")]


def test_a_summed_up_row_counts_and_shows_the_gravest():
    # A row for messages whose subjects are nobody's business; a window of a backup is of its day.
    messages = [sent(DAYS[1], f"repair-{number}") for number in range(3)]
    messages.append(sent(DAYS[1], "repair-4", DeliveryStatus.UNKNOWN))
    messages.append(sent(f"{DAYS[2]}T2300Z", "crm"))
    [row] = summed_up(slots(), "Незвонки", messages)
    assert (row.name, row.statuses, row.counts) == ("Незвонки", ".us", [0, 4, 1])


@given(
    st.lists(
        st.tuples(st.sampled_from(DAYS), st.sampled_from(list(DeliveryStatus)), st.integers(1, 4))
    )
)
def test_every_row_has_a_letter_for_each_column(found):
    # Whatever is in the ledger.
    rows = by_subject(
        slots(),
        {DAYS[1]: TWO},
        [sent(day, f"branch-{id_}", status) for day, status, id_ in found],
        network="Вся сеть",
    )
    assert all(len(row.statuses) == 3 for row in rows)
    assert {letter for row in rows for letter in row.statuses} <= set(LETTERS.values())
