"""Shows a mistake in the settings among Airflow's import errors; makes no DAG.

The other files go on with the last settings that had no mistake.
"""

from __future__ import annotations

from sancrm_reports.settings import settings_error

if error := settings_error():
    raise error
