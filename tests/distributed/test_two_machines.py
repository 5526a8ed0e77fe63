"""Every DAG on two workers; one is killed, one is frozen: nothing is lost, nothing is doubled."""

import psycopg

from scheduler.conftest import DAG_ID, wait_until
from stage import OPS_CHAT, in_chat

BRANCHES_AND_NETWORK = 3


def run(airflow, dag_id=DAG_ID, **conf):
    """Run a DAG by hand until it is over; its state, and the hosts of its tasks."""
    run_id = airflow.trigger(dag_id, **conf)
    state = over(airflow, dag_id, run_id)
    return state, {task["hostname"] for task in tasks(airflow, dag_id, run_id)}


def over(airflow, dag_id, run_id):
    def state():
        found = airflow.api.get(f"/dags/{dag_id}/dagRuns/{run_id}").json()["state"]
        return found if found in ("success", "failed") else None

    return wait_until(state)


def tasks(airflow, dag_id, run_id):
    answer = airflow.api.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")
    return answer.json()["task_instances"]


def texts(telegram, since):
    return [message.text for message in in_chat(telegram)[since:]]


def test_every_dag_does_its_work_on_either_machine(airflow, machines, telegram):
    # By schedule where it was due, and by hand; a drill without a dump is red, and says so.
    dag_ids = {dag["dag_id"] for dag in airflow.api.get("/dags").json()["dags"]}
    for dag_id in dag_ids:
        airflow.unpause(dag_id)
    hosts = set()
    for dag_id in sorted(dag_ids):
        conf = {"rehearse": True} if dag_id.startswith("backup_watch") else {}
        state, on = run(airflow, dag_id, **conf)
        assert state == ("failed" if dag_id == "restore_drill" else "success"), dag_id
        hosts |= on
        airflow.wait_for_run(dag_id)
    assert {"one", "two"} <= hosts
    posted = texts(telegram, 0)
    assert len(posted) == len(set(posted))


def test_a_machine_that_dies_while_it_posts_costs_and_doubles_nothing(airflow, machines, telegram):
    # Killed while Telegram's answer is on its way: nobody knows, a person says, all is there once.
    before = len(in_chat(telegram))
    hanging = telegram.faults.hang_after(times=1)
    run_id = airflow.trigger(DAG_ID, period="2026-11-10")
    # The other branch is done with: nobody else talks to Telegram, and only one is unknown.
    wait_until(lambda: len(in_chat(telegram)) == before + 2 and posted_by(airflow, run_id) == 1)
    victim = talking(machines, telegram)
    victim.kill()
    hanging.release()
    assert over(airflow, DAG_ID, run_id) == "failed"
    victim.start()
    assert run(airflow, period="2026-11-10", arrived=[undecided(telegram)])[0] == "success"
    posted = texts(telegram, before)
    assert len(posted) == len(set(posted)) == BRANCHES_AND_NETWORK


def test_a_machine_that_freezes_while_it_waits_sends_nothing_when_it_thaws(
    airflow, machines, telegram
):
    # Telegram said «later», and a person has had the message sent again by the other machine.
    before = len(in_chat(telegram))
    later = telegram.faults.retry_after(30, times=1, method="sendMessage")
    run_id = airflow.trigger(DAG_ID, period="2026-11-11")
    wait_until(lambda: later.met)
    frozen = waiting(airflow, machines, run_id)
    frozen.freeze()
    try:
        assert over(airflow, DAG_ID, run_id) == "failed"
        assert run(airflow, period="2026-11-11", resend=[undecided(telegram)])[0] == "success"
    finally:
        frozen.thaw()
    wait_until(lambda: not frozen.is_at_work())
    posted = texts(telegram, before)
    assert len(posted) == len(set(posted)) == BRANCHES_AND_NETWORK


def undecided(telegram):
    """The message that the last alert asks a person about."""
    told = [message for message in in_chat(telegram, OPS_CHAT) if '"resend"' in message.text][-1]
    return told.text.split('"resend": ["')[1].split('"')[0]


def posted_by(airflow, run_id):
    """How many branches a run has posted."""
    states = [
        task["state"]
        for task in tasks(airflow, DAG_ID, run_id)
        if task["task_id"] == "post_branch_report"
    ]
    return states.count("success")


def talking(machines, telegram):
    port = int(telegram.page_url.rstrip("/").rpartition(":")[2])
    return wait_until(lambda: next((m for m in machines if m.talks_to(port)), None))


def waiting(airflow, machines, run_id):
    """The machine whose message Telegram put off: the one that is being sent."""

    def found():
        with psycopg.connect(airflow.ledger_dsn) as ledger:
            sending = ledger.execute(
                "select map_index from sancrm_ledger.messages"
                " where run_id = %s and state = 'sending'",
                (run_id,),
            ).fetchall()
        hosts = [
            task["hostname"]
            for task in tasks(airflow, DAG_ID, run_id)
            if task["task_id"] == "post_branch_report" and [(task["map_index"],)] == sending
        ]
        return next((machine for machine in machines if machine.host in hosts), None)

    return wait_until(found)
