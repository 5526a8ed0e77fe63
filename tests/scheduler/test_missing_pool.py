"""A pool that somebody deleted: the tasks that would tell of it wait for it themselves."""

from scheduler.conftest import told, wait_until
from stage import OPS_CHAT, in_chat

AUDIT = "delivery_audit"


def test_ops_are_told_of_a_missing_pool_and_when_it_is_there(own):
    # By the scheduler, as the run begins; the command of the message lets the run go on.
    own.airflow.command("pools", "delete", "telegram_alerts")
    own.airflow.unpause(AUDIT)
    own.airflow.trigger(AUDIT)
    alert = told(own.telegram, "🔴 В Airflow нет пула telegram_alerts")
    assert 'airflow pools set telegram_alerts 4 "Tasks that alert"' in alert.text
    own.airflow.command("pools", "set", "telegram_alerts", "4", "Tasks that alert")
    own.airflow.wait_for_run(AUDIT)
    wait_until(
        lambda: any(
            "Решено: пул telegram_alerts есть" in message.text
            for message in in_chat(own.telegram, OPS_CHAT)
        )
    )
