"""A pool that somebody deleted: the tasks that would tell of it wait for it themselves."""

from demo.postgres import EmbeddedPostgres
from scheduler.conftest import local_airflow, wait_until
from stage import OPS_CHAT, in_chat, make_crm, telegram_with_chats

AUDIT = "delivery_audit"


def test_ops_are_told_of_a_missing_pool_and_when_it_is_there(tmp_path):
    # By the scheduler, as the run begins; the command of the message lets the run go on.
    with EmbeddedPostgres() as postgres, telegram_with_chats() as telegram:
        make_crm(postgres)
        with local_airflow(postgres, telegram, tmp_path / "airflow", {}) as airflow:
            airflow.command("pools", "delete", "telegram_alerts")
            airflow.unpause(AUDIT)
            airflow.trigger(AUDIT)
            [told] = wait_until(lambda: in_chat(telegram, OPS_CHAT))
            assert told.text.startswith("🔴 В Airflow нет пула telegram_alerts")
            assert 'airflow pools set telegram_alerts 4 "Tasks that alert"' in told.text
            airflow.command("pools", "set", "telegram_alerts", "4", "Tasks that alert")
            airflow.wait_for_run(AUDIT)
            wait_until(
                lambda: any(
                    "Решено: пул telegram_alerts есть" in message.text
                    for message in in_chat(telegram, OPS_CHAT)
                )
            )
