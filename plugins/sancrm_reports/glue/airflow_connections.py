"""For commands that a person runs beside Airflow, not in a task."""

from __future__ import annotations

import os

from sancrm_reports.glue.airflow_private import PROCESS_CONTEXT


def see_airflows_connections() -> None:
    """Let connections that are kept in Airflow's own database be found.

    Outside of a task Airflow looks for them in the environment only, unless the process says that
    it is one of the server's. Airflow has no public word for that; its own commands do the same.
    """
    os.environ.setdefault(PROCESS_CONTEXT, "server")
