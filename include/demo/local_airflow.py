"""A real Airflow on this machine: scheduler, DAG processor, triggerer and API server."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg
from airflow import __version__ as airflow_version
from cryptography.fernet import Fernet

from demo import guard
from demo.ledger import create_ledger, ledger_connection
from demo.postgres import EmbeddedPostgres

REPOSITORY = Path(__file__).parents[2]
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
TEMPLATE = f"airflow_{airflow_version.replace('.', '_')}"  # of a migrated metadata database
STOP_SECONDS = 3  # nothing here is worth a longer farewell


class LocalAirflowError(RuntimeError):
    """Airflow did not start, or a run did not end; the text says where to look."""


class LocalAirflow:
    """Airflow with this checkout's DAGs and plugins, and databases of its own: metadata, ledger.

    The metadata is a copy of a migrated template, so that every start is fresh and takes no
    migration. ``environment`` adds connections and settings. ``users`` gives roles (``viewer``,
    ``user``, ``op``, ``admin``) by names, which are the passwords too; without it everybody is
    admin. The client ``api`` acts as the first of them. ``port`` is taken if it is free.
    ``patience`` is how long to wait for anything, in seconds. Use it in a ``with``.
    """

    def __init__(
        self,
        postgres: EmbeddedPostgres,
        home: Path,
        *,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
        database: str = "airflow",
        components: Sequence[str] = COMPONENTS,
        users: Mapping[str, str] | None = None,
        patience: float = 600,
    ) -> None:
        self.home = home
        self._wanted_port = port
        self._postgres = postgres
        self._database = database
        self._ledger = f"{database}_ledger"
        self._extra = dict(environment or {})
        self._components = components
        self._users = dict(users or {})
        self._patience = patience
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def metadata_dsn(self) -> str:
        """The DSN of Airflow's own database."""
        return self._postgres.dsn(self._database)

    @property
    def ledger_dsn(self) -> str:
        """The DSN of the delivery ledger."""
        return self._postgres.dsn(self._ledger)

    @property
    def _metadata_url(self) -> str:
        """The metadata's DSN as SQLAlchemy writes it."""
        return self.metadata_dsn.replace("postgresql://", "postgresql+psycopg2://")

    @property
    def _passwords(self) -> Path:
        return self.home / "passwords.json"

    @property
    def environment(self) -> dict[str, str]:
        """What the processes of this Airflow, and commands given to it, have in common."""
        # A token in a variable of its own would not be masked in logs: a connection's is.
        own = {name: value for name, value in os.environ.items() if "TELEGRAM" not in name}
        return {
            **own,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": str(not self._users),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
                f"{name}:{role}" for name, role in self._users.items()
            ),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._metadata_url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,  # without it tasks look for port 8080
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": self._secret,
            # Without it each component makes one at its first start, and may read another's file
            # while that is written: its triggers then cannot be read, and it ends.
            "AIRFLOW__CORE__FERNET_KEY": self._fernet_key,
            # A busy machine is no reason to fail a task, or to try it again a minute later.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self._log_ports[0]),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._log_ports[1]),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "AIRFLOW_CONN_SANCRM_LEDGER": ledger_connection(self.ledger_dsn),
            "PYTHONWARNINGS": "ignore",
            # Its processes change their titles, and would overwrite what tells whose they are.
            "SPT_NOENV": "1",
            **self._extra,
        }

    def write_environment(self, file: Path) -> None:
        """Let a shell type commands to this Airflow: ``. env.sh``; only its owner may read it."""
        own = ("AIRFLOW", "SANCRM", "PYTHONWARNINGS")
        lines = [
            f"export {name}={shlex.quote(value)}"
            for name, value in self.environment.items()
            if name.startswith(own)
        ]
        programs = shlex.quote(str(Path(sys.executable).parent))
        file.touch(mode=0o600)
        file.write_text("\n".join([*lines, f"export PATH={programs}:$PATH", ""]), "utf-8")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``airflow …`` and return what it printed.

        Raises:
            LocalAirflowError: the command failed; with the end of what it printed.
        """
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LocalAirflowError(f"airflow {' '.join(arguments)} failed:\n{done.stdout[-3000:]}")
        return done

    def __enter__(self) -> Self:
        _end_earlier_run(self.home)  # which may have the port that is wanted
        self.port = free_port(self._wanted_port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = httpx.Client(base_url=f"{self.url}/api/v2", timeout=180)
        self._secret = secrets.token_hex(32)
        self._fernet_key = Fernet.generate_key().decode()
        self._log_ports = (free_port(), free_port())
        try:
            self.prepare()
            for name in self._components:
                self._start(name)
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def prepare(self) -> None:
        """Make the metadata database, from a template that is migrated once per version."""
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.home / "logs", ignore_errors=True)  # of runs that are forgotten
        self._passwords.write_text(json.dumps({name: name for name in self._users}))
        with psycopg.connect(self._postgres.dsn()) as connection:
            found = connection.execute(
                "select 1 from pg_database where datname = %s", (TEMPLATE,)
            ).fetchone()
        if not found:
            building = f"{TEMPLATE}_building"
            self._postgres.create_database(building)
            wanted, self._database = self._database, building
            try:
                self.command("db", "migrate")
                self.command("pools", "set", "telegram", "8", "Tasks that post reports")
                self.command("pools", "set", "telegram_alerts", "4", "Tasks that alert")
            finally:
                self._database = wanted
            with psycopg.connect(self._postgres.dsn(), autocommit=True) as connection:
                connection.execute(f'alter database "{building}" rename to "{TEMPLATE}"')
        self._postgres.create_database(self._database, TEMPLATE)
        create_ledger(self._postgres, self._ledger)

    def stop(self) -> None:
        """End every process of this Airflow, with their children. Harmless if repeated."""
        for process in self._processes.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)  # also children that outlived their parent
            process.wait()
            guard.forget(process)
        self._processes.clear()
        self.api.close()

    def token(self, user: str) -> str:
        """Return a token for REST; without users of any name."""
        url = f"{self.url}/auth/token"
        answer = (
            httpx.post(url, json={"username": user, "password": user})
            if self._users
            else httpx.get(url)
        )
        return str(answer.raise_for_status().json()["access_token"])

    def kill(self, component: str) -> None:
        """End a component with all its children at once, as a crash of its machine does."""
        _signal_group(self._processes[component], signal.SIGKILL)
        self._processes[component].wait()
        guard.forget(self._processes[component])

    def start(self, component: str) -> None:
        """Start a component that was killed."""
        self._start(component)

    def pid(self, component: str) -> int:
        """Return the process of a component, for tests that break something."""
        return self._processes[component].pid

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Run a DAG by hand, once Airflow has read its file; return the run's id.

        Raises:
            LocalAirflowError: Airflow does not know the DAG in time.
        """
        for _ in _every(0.2, self._patience):
            answer = self.api.post(
                f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}
            )
            if answer.is_success:
                return str(answer.json()["dag_run_id"])
        raise LocalAirflowError(f"Airflow did not run {dag_id}: {answer.text}")

    def unpause(self, dag_id: str) -> None:
        """Switch a DAG on."""
        self.api.patch(f"/dags/{dag_id}", json={"is_paused": False}).raise_for_status()

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return a DAG's runs, oldest period first."""
        answer = self.api.get(f"/dags/{dag_id}/dagRuns", params={"order_by": "run_after"})
        return list(answer.json().get("dag_runs", []))

    def wait_for_run(self, dag_id: str) -> dict[str, Any]:
        """Wait until the DAG has a run, and all its runs are over; return the newest.

        Raises:
            LocalAirflowError: they are not over in time.
        """
        for _ in _every(0.5, self._patience):
            runs = self.runs(dag_id)
            if runs and all(run["state"] in ("success", "failed") for run in runs):
                return runs[-1]
        raise LocalAirflowError(
            f"{dag_id} was not over after {self._patience:.0f} s; "
            f"Airflow's output is in {self.home}/*.out"
            f"\n{self._unfinished(dag_id)}"
        )

    def _unfinished(self, dag_id: str) -> str:
        """Say which components have ended, and what the tasks of a DAG's runs wait for."""
        ended = [name for name, process in self._processes.items() if process.poll() is not None]
        answer = self.api.get(f"/dags/{dag_id}/dagRuns/~/taskInstances")
        waiting = [
            f"{task['task_id']}: {task['state']}, try {task['try_number']}"
            for task in answer.json().get("task_instances", [])
            if task["state"] != "success"
        ]
        return "\n".join([*(f"{name} has ended" for name in ended), *waiting])

    def failures(self, dag_id: str, run_id: str) -> list[str]:
        """Return the tasks of a run that failed, each with the place of its log."""
        answer = self.api.get(
            f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"state": "failed"}
        )
        logs = self.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
        return [
            f"{task['task_id']}: {logs / ('task_id=' + task['task_id'])}"
            for task in answer.json().get("task_instances", [])
        ]

    def _start(self, name: str) -> None:
        with (self.home / f"{name}.out").open("wb") as output, guard.undisturbed():
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", name],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is ours to pass on, in order
            )
            guard.watch(self._processes[name])

    def _wait_until_healthy(self) -> None:
        for _ in _every(0.2, self._patience):
            for name, process in self._processes.items():
                if process.poll() is not None:
                    tail = (self.home / f"{name}.out").read_text(errors="replace")[-2000:]
                    raise LocalAirflowError(f"Airflow's {name} ended at its start:\n{tail}")
            if self._is_healthy():
                token = self.token(next(iter(self._users), ""))
                self.api.headers["Authorization"] = f"Bearer {token}"
                return
        raise LocalAirflowError(
            f"Airflow did not start in {self._patience:.0f} s; see {self.home}/*.out"
        )

    def _is_healthy(self) -> bool:
        try:
            health = self.api.get("/monitor/health").json()
        except (httpx.HTTPError, ValueError):
            return False
        parts = ["metadatabase"] + [
            name.replace("-", "_")
            for name in ("scheduler", "dag-processor")
            if name in self._components
        ]
        return all(health.get(part, {}).get("status") == "healthy" for part in parts)


def free_port(wanted: int = 0) -> int:
    """Return the wanted loopback port if nobody listens there, else a free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does: what was started is stopped.

    Ctrl-C itself too: a shell starts background jobs with it ignored. Whatever comes while things
    are being stopped is ignored, so that a second Ctrl-C leaves nothing running.
    """
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # of nohup
        numbers.append(signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_earlier_run(home: Path) -> None:
    """End what is left of an Airflow of this folder: its maker and their guard were killed.

    What has a terminal is a command that somebody types. The caller has the folder for itself.
    """
    for _ in _every(0.1, STOP_SECONDS):
        left = [*_without_terminal(home)]
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        if not left:  # a scheduler may have made another worker while it was ended
            return


def _without_terminal(home: Path) -> Iterator[psutil.Process]:
    """The living processes of an Airflow's folder that nobody types in, but for this one."""
    here = psutil.Process()
    for process in {*psutil.process_iter()} - {here, *here.parents()}:
        with suppress(psutil.Error):  # it has just ended, or is somebody else's
            if process.environ().get("AIRFLOW_HOME") == str(home) and not process.terminal():
                yield process


def _every(pause: float, seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
