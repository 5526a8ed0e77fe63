"""Every command of the runbook, in its order, against a real Airflow."""

import re
import shlex
from pathlib import Path

from scheduler.conftest import DAG_ID, backfills_over, unpause, wait_until
from stage import in_chat

DAG_IDS = (DAG_ID, "profitability_weekly")
RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text("utf-8")


def commands():
    blocks = re.findall(r"^```bash\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("airflow ")]


def made_by_hand(airflow):
    """The states of the runs that no schedule made, by their ids."""
    return {
        run["dag_run_id"]: run["state"]
        for dag_id in DAG_IDS
        for run in airflow.runs(dag_id)
        if run["run_type"] in ("manual", "backfill")
    }


def test_every_command_of_the_runbook_does_what_it_says(airflow, telegram):
    # Each is accepted, and the runs that they make are green in the end.
    unpause(airflow, "profitability_weekly")
    wanted = ("connections", "add", "telegram_default", "--conn-type", "telegram")
    airflow.command(*wanted)  # as an installation has it; here the environment has the real one
    found = [list(command) for command in dict.fromkeys(map(tuple, commands()))]
    assert len(found) > 12
    before = made_by_hand(airflow)
    for command in found:
        if command[1] == "backfill":
            wait_until(lambda: backfills_over(airflow))
        airflow.command(*command[1:])
    for dag_id in DAG_IDS:
        airflow.wait_for_run(dag_id)
    made = {
        run_id: state for run_id, state in made_by_hand(airflow).items() if run_id not in before
    }
    assert set(made.values()) == {"success"}, made
    said = [message.text.splitlines()[0] for message in in_chat(telegram)]
    for day in ("12 ноября", "13 ноября", "14 ноября", "17 ноября"):
        assert len([line for line in said if day in line and "Вся сеть" in line]) == 1, day
    assert [line for line in said if "Пропущенные отчёты" in line]
