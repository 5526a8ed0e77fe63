"""Refuses to compute by other files than those that Airflow's DAG processor has read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sancrm_reports.errors import ReportError
from sancrm_reports.settings import INCLUDE
from sancrm_reports.version import PACKAGE, TAG, files_version, version_beside


class OtherFilesError(ReportError):
    """This machine has other files; that passes once it is updated, or the DAG is read again."""

    code = "other_files"


def refuse_other_files(context: Any) -> None:
    """Make sure that this machine works with the files with which the run's DAG was parsed.

    Raises:
        OtherFilesError: it has others, or the DAG's bundle brings others that are not at work.
    """
    here, dag = files_version(), context["dag"]
    tags = context["ti"].get_dag(dag.dag_id).tags
    parsed = next((tag.removeprefix(TAG) for tag in tags if tag.startswith(TAG)), here)
    if parsed != here:
        raise OtherFilesError(
            f"The DAG was parsed with files of version {parsed}, this machine has {here} in "
            f"{INCLUDE} and {PACKAGE}. Give all machines the same include/ and plugins/, and "
            "restart Airflow there. After an edit the DAG processor needs half a minute.",
            quote=f"{parsed} ≠ {here}",
        )
    beside = version_beside(Path(dag.fileloc))
    if beside not in (None, here):
        raise OtherFilesError(
            f"The bundle of {dag.fileloc} brings include/ and plugins/ of version {beside}, but "
            f"{INCLUDE} and {PACKAGE} are at work, of version {here}: update these.",
            quote=f"{beside} ≠ {here}",
        )
