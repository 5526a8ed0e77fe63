"""What ``make doctor`` asks Airflow itself: its folders, components, pools, DAGs, zone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.configuration import conf

from sancrm_reports.glue.doctor import Finding
from sancrm_reports.glue.pool_alert import pool_commands
from sancrm_reports.settings import settings
from sancrm_reports.version import PACKAGE, TAG, files_version

PLUGIN = "sancrm_reports"
PAGE = "sancrm/page/reports.js"
COMPONENTS = {
    "SchedulerJob": "airflow scheduler",
    "DagProcessorJob": "airflow dag-processor",
    "TriggererJob": "airflow triggerer",
}
INSTALL = "Install it: make install TARGET=… (docs/installation.md)."


def plugin() -> Iterator[Finding]:
    """Whether Airflow finds the plugin, this one, and executes no other file of the package."""
    from airflow.plugins_manager import get_import_errors, get_plugin_info

    folder = Path(conf.get("core", "plugins_folder"))
    what = f"plugin in {folder}"
    if not (folder / PACKAGE.name).is_dir():
        yield Finding(what, f"{folder} has no folder {PACKAGE.name}. {INSTALL}")
        return
    if (folder / PACKAGE.name).resolve() != PACKAGE.resolve():
        yield Finding(what, f"This doctor is of {PACKAGE.parent}: start the one in {folder}.")
        return
    names = [loaded["name"] for loaded in get_plugin_info()]
    broken = [text for file, text in get_import_errors().items() if "sancrm_plugin" in file]
    strays = [
        name
        for name, module in list(sys.modules.items())
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(PACKAGE)
        and name.partition(".")[0] not in (PLUGIN, "__main__")
    ]
    if PLUGIN not in names:
        reason = broken[0] if broken else "sancrm_plugin.py is missing, or an .airflowignore has it"
        yield Finding(what, f"Airflow doesn't load it: {reason}. {INSTALL}")
    elif strays:
        yield Finding(
            what,
            f"Airflow executes {len(strays)} files of the package as plugins of their own: "
            f"{PACKAGE / '.airflowignore'} is missing. {INSTALL}",
        )
    else:
        yield Finding(what)


def components() -> Iterator[Finding]:
    """Whether scheduler, DAG processor and triggerer live, and were started after the install."""
    from airflow.jobs.job import Job
    from airflow.utils.session import create_session
    from sqlalchemy import select

    installed_at = max(file.stat().st_mtime for file in PACKAGE.rglob("*.py"))
    with create_session() as session:
        for job_type, command in COMPONENTS.items():
            last = select(Job).where(Job.job_type == job_type).order_by(Job.id.desc()).limit(20)
            alive = [job for job in session.scalars(last) if job.is_alive()]
            name = command.partition(" ")[2]
            if not alive:
                yield Finding(name, f"None is running. Start it: {command}")
            elif any(job.start_date and job.start_date.timestamp() < installed_at for job in alive):
                yield Finding(name, "It was started before the package was installed: restart it.")
            else:
                yield Finding(name)


def api_server() -> Iterator[Finding]:
    """Whether the API server answers where tasks and the buttons of alerts look for it."""
    import httpx

    base = (conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")
    try:
        answer = httpx.get(f"{base}/{PAGE}", timeout=10, follow_redirects=False)
    except httpx.HTTPError as error:
        yield Finding(
            f"API server at {base}",
            f"It doesn't answer ({type(error).__name__}): start it, and set api.base_url to where "
            "people reach it. Alerts' buttons lead there.",
        )
        return
    is_without = answer.status_code == 404
    yield Finding(
        f"API server at {base}",
        "It has no page of reports: it was started before the install. Restart it."
        if is_without
        else "",
    )
    if "localhost" in base or "127.0.0.1" in base:
        text = "Set it to where people reach Airflow: alerts' buttons lead to this machine only."
        yield Finding(f"api.base_url = {base}", text, is_advice=True)


def pools() -> Iterator[Finding]:
    """Whether the pools are there and have room: without them tasks wait for ever, silently."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        slots = {pool.pool: pool.slots for pool in session.scalars(select(Pool))}
    for name, command in pool_commands().items():
        problem = "It is missing" if name not in slots else "" if slots[name] else "It has no slots"
        yield Finding(f"pool {name}", problem and f"{problem}: {command}")


def dags() -> Iterator[Finding]:
    """Whether Airflow knows every DAG that the settings make, and which of them are off."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = settings().dag_ids
    with create_session() as session:
        found = session.scalars(select(DagModel).where(DagModel.dag_id.in_(wanted)))
        known = {dag.dag_id: dag.is_paused for dag in found if not dag.is_stale}
    for dag_id in sorted(wanted - known.keys()):
        text = "Airflow doesn't know it: is dags/ there, and the DAG processor running?"
        yield Finding(f"DAG {dag_id}", text)
    drill_is_off = () if settings().restore_drill.enabled else ("restore_drill",)
    off = sorted(dag for dag, is_off in known.items() if is_off and dag not in drill_is_off)
    if off:
        text = f"Switch on what you want: airflow dags unpause --yes {off[0]}"
        yield Finding(f"switched off: {', '.join(off)}", text, is_advice=True)
    elif wanted <= known.keys():
        yield Finding(f"{len(wanted)} DAGs")


def files() -> Iterator[Finding]:
    """Whether the DAGs were parsed with the files that are here; workers can be compared by it."""
    from airflow.models.dag import DagModel, DagTag
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        tags = session.scalars(
            select(DagTag.name)
            .join(DagModel, DagModel.dag_id == DagTag.dag_id)
            .where(DagTag.name.startswith(TAG), ~DagModel.is_stale)
        ).all()
    parsed = {tag.removeprefix(TAG) for tag in tags} - {files_version()}
    yield Finding(
        f"files of version {files_version()}",
        f"DAGs were parsed with {', '.join(sorted(parsed))}: restart the DAG processor, or wait "
        "half a minute after an edit."
        if parsed
        else "",
    )
    executor = conf.get("core", "executor")
    if "LocalExecutor" not in executor:
        text = "Run this on a worker, too, and compare the version: it has files of its own."
        yield Finding(f"executor {executor}", text, is_advice=True)


def import_errors() -> Iterator[Finding]:
    """What Airflow could not import of ours."""
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        for error in session.scalars(select(ParseImportError)):
            text = error.stacktrace or ""
            if PLUGIN in text:
                yield Finding(f"{error.filename}", text.strip().splitlines()[-1])


def zone() -> Iterator[Finding]:
    """Whether days that are typed for a backfill are days of the account."""

    default = conf.get("core", "default_timezone", fallback="utc")
    name = "UTC" if default == "utc" else default
    if name == "system":
        return
    ours = ZoneInfo(settings().account.timezone)
    midnight = datetime(2026, 1, 15, tzinfo=ZoneInfo(name))
    if midnight.astimezone(ours).date() != midnight.date():
        yield Finding(
            f"core.default_timezone = {default}",
            f"A day that you type for a backfill is then read as the one before in {ours.key}: add "
            "an offset, as in docs/runs.md.",
            is_advice=True,
        )


LOOKS = (plugin, files, components, api_server, pools, dags, import_errors, zone)
