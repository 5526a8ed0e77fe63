"""From a report that is not there to its message, as the page asks for it."""

from scheduler.conftest import DAG_ID, wait_until

DAY = "2026-11-06"


def cell(airflow, subject):
    answer = airflow.api.get(
        f"{airflow.url}/sancrm/kinds/{DAG_ID}/cell", params={"day": DAY, "subject": subject}
    )
    return answer.raise_for_status().json()


def test_what_the_page_asks_for_sends_the_report_and_is_then_on_the_page(airflow, telegram):
    # Airflow's own REST, once no other backfill goes on; then the text, and the task that sent it.
    before = len(telegram.accepted)
    empty = cell(airflow, "network")
    assert empty["messages"] == []
    wait_until(lambda: airflow.api.post("/backfills", json=empty["backfill"]).status_code == 200)
    airflow.wait_for_run(DAG_ID)
    assert len(telegram.accepted) - before == 3  # two branches and the network, of this day alone
    [network] = cell(airflow, "network")["messages"]
    assert "6 ноября 2026" in network["html"]
    assert network["status"] == "l"
    assert network["run"]["task_id"] == "post_network_report"
    [branch] = cell(airflow, "branch-2")["messages"]
    link = "/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/{map_index}"
    task = airflow.api.get(link.format(**branch["run"])).raise_for_status().json()
    assert (task["state"], task["rendered_map_index"]) == ("success", "Сервис <Юг> & {{ 7*7 }}")
