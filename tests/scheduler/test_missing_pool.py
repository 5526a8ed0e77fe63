"""A pool that somebody deleted: the tasks that would tell of it wait for it themselves."""

from scheduler.conftest import wait_until
from stage import OPS_CHAT, in_chat

AUDIT = "delivery_audit"


def test_ops_are_told_of_a_missing_pool_and_when_it_is_there(airflow, telegram):
    # By the scheduler, as the run begins; the command of the message lets the run go on.
    airflow.command("pools", "delete", "telegram_alerts")
    before = len(in_chat(telegram, OPS_CHAT))
    airflow.unpause(AUDIT)
    airflow.trigger(AUDIT)

    def alerts():
        told = [message.text for message in in_chat(telegram, OPS_CHAT)[before:]]
        return [text for text in told if "telegram_alerts" in text]

    told = wait_until(alerts)[0]
    assert told.startswith("🔴 В Airflow нет пула telegram_alerts")
    assert 'airflow pools set telegram_alerts 8 "SanCRM reports"' in told
    airflow.command("pools", "set", "telegram_alerts", "8", "SanCRM reports")
    airflow.wait_for_run(AUDIT)
    wait_until(lambda: any("Решено: пул telegram_alerts есть" in text for text in alerts()))
