"""What a run leaves behind for the page, read as the API server reads it."""

from demo.ledger import open_database
from ledgers import ledger_dsn
from sancrm_reports.pure.audit import DeliveryStatus
from sancrm_reports.wire.ledger.history import History

SPAN = ("profitability_daily", "2026-11-17", "2026-11-18")


def test_the_page_finds_all_that_a_run_posted(run, telegram):
    # Names, texts, what became of each, and which task wrote it.
    run()
    with open_database(ledger_dsn()) as database:
        history = History(database)
        sent = list(history.sent(*SPAN))
        expected = history.expected(*SPAN)
        [network] = history.of(*SPAN, "network")
    assert {one.subject for one in sent} == {"branch-1", "branch-2", "network"}
    assert {one.status for one in sent} == {DeliveryStatus.LATE}
    assert expected["2026-11-17"].branches[1] == "Филиал на Ленина"
    assert network.entry.message_id == telegram.messages[-1].message_id
    assert network.task_id == "post_network_report"
    assert "Вся сеть" in network.html
