"""What nobody may read, after real runs at the most talkative log level."""

import psycopg
from psycopg import sql

from scheduler.conftest import DAG_ID
from stage import CALLBACKS, CHAT, PERSONAL, in_chat


def test_the_token_is_in_no_log_of_any_process(airflow, telegram):
    # Workers, scheduler, triggerer and API server at DEBUG, which shows what libraries say.
    assert any(run["state"] == "success" for run in airflow.runs(DAG_ID))
    secret = telegram.token.partition(":")[2]
    files = [file for file in airflow.home.rglob("*") if file.suffix in (".log", ".out")]
    assert any("post_network_report" in str(file) for file in files)
    talkative = 0
    for file in files:
        text = file.read_text(errors="replace")
        assert secret not in text, file
        talkative += '"debug"' in text or "[debug" in text
    assert talkative  # the level was really on


def test_no_customer_is_in_airflows_database_or_in_a_log(airflow, telegram, postgres):
    # A run of the missed calls with an answer that never came, then one that resends.
    with psycopg.connect(postgres.dsn("crm"), autocommit=True) as crm:
        crm.execute(CALLBACKS)
    telegram.faults.drop_after(times=1)
    airflow.trigger("missed_calls")
    airflow.unpause("missed_calls")
    assert airflow.wait_for_run("missed_calls")["state"] == "failed"
    airflow.trigger("missed_calls", resend=[f"repair-303@{CHAT}"])
    assert airflow.wait_for_run("missed_calls")["state"] == "success"
    assert sum("Соколов" in message.text for message in in_chat(telegram, CHAT)) == 1
    said = {
        str(file): file.read_text(errors="replace")
        for file in airflow.home.rglob("*")
        if file.suffix in (".log", ".out")
    } | tables(postgres.dsn("airflow"))
    assert sum("repair-303" in text for text in said.values()) >= 2
    for place, text in said.items():
        assert not [secret for secret in PERSONAL if secret in text], place


def tables(dsn):
    """Each table of a database, as text."""
    with psycopg.connect(dsn) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'public'"
        ).fetchall()
        return {
            name: repr(
                connection.execute(
                    sql.SQL("select {0}::text from {0}").format(sql.Identifier(name))
                ).fetchall()
            )
            for (name,) in names
        }
