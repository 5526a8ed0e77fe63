"""A drill that stands still in the middle, until somebody kills it or Airflow stops its task."""

import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

from sancrm_reports.backups.drill.operators import RestoreDumpOperator
from sancrm_reports.backups.drill.sandbox import find_sandbox
from sancrm_reports.backups.drill.scratch_database import scratch_database
from sancrm_reports.backups.drill.scratch_postgres import own_server
from sancrm_reports.backups.drill.workspace import workspace

SANDBOX = find_sandbox(offline=True, memory_bytes=2 << 30)


def main(place, programs):
    operator = RestoreDumpOperator(task_id="restore_newest_dump")
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())  # as Airflow's task runner does
    if programs:
        with workspace(Path(place)) as folder, own_server(folder, Path(programs), SANDBOX) as made:
            stand_still(made.owner)
    with scratch_database(place, dead_after=timedelta(hours=1), sandbox=SANDBOX) as made:
        stand_still(made.owner)


def stand_still(dsn):
    print(dsn, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
