"""Two Celery workers as two machines: own hostname, home and copies of the files, no shared disk.

They share the databases, a Redis, and the network.
"""

import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress

import psutil
import psycopg
import pytest

from demo.local_airflow import free_port
from demo.postgres import EmbeddedPostgres
from sancrm_reports.install import CHECKOUT, install
from scheduler.conftest import local_airflow, wait_until
from stage import CALLBACKS, make_crm, telegram_with_chats

HOSTS = ("one", "two")


class Machine:
    """A worker with a folder of its own; it can be killed and frozen as a machine is."""

    def __init__(self, host, home, airflow):
        self.host = host
        self.home = home
        self._airflow = airflow
        (home / "machine").mkdir(parents=True)
        (home / "machine" / "machine.py").write_text(f"def name():\n    return {host!r}\n")
        assert install(CHECKOUT, home) == 0

    def start(self):
        environment = self._airflow.environment | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.home / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.home / "plugins"),
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "machine.name",
            "PYTHONPATH": str(self.home / "machine"),
        }
        with (self.home / "worker.out").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "airflow", "celery", "worker", "--skip-serve-logs"),
                    *("--celery-hostname", f"{self.host}@machine", "--without-gossip"),
                ],
                env=environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        ready = f"{self.host}@machine ready"
        wait_until(lambda: ready in (self.home / "worker.out").read_text(errors="replace"))

    def kill(self):
        """End everything on it at once."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def freeze(self):
        """Stop its clock for everything on it."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def talks_to(self, port):
        """Whether one of its processes is connected to a port."""
        for process in self._processes():
            with suppress(psutil.Error):
                if any(c.raddr and c.raddr.port == port for c in process.net_connections("tcp")):
                    return True
        return False

    def is_at_work(self):
        """Whether a task runs on it: a child of one of its pool's processes."""
        pool = psutil.Process(self._process.pid).children()
        return any(process.children() for process in pool if process.is_running())

    def _processes(self):
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def _signal(self, number):
        for process in self._processes():
            with suppress(psutil.Error):
                process.send_signal(number)


@pytest.fixture(scope="module")
def redis():
    """The address of a Redis of our own."""
    program = shutil.which("redis-server") or pytest.skip("no redis-server is installed")
    pytest.importorskip("celery")
    port = free_port()
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    yield f"redis://127.0.0.1:{port}/0"
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def telegram():
    with telegram_with_chats() as server:
        yield server


@pytest.fixture(scope="module")
def airflow(redis, telegram, tmp_path_factory):
    """Airflow with the CeleryExecutor, which notices within seconds that a machine is gone."""
    environment = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": redis,
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
        "SANCRM__RETRIES__DELAY_SECONDS": "1",
        # A window that is over, whatever time it is: its scheduled run waits for nothing.
        "SANCRM__BACKUPS__SANCRM__SCHEDULE": "0 0 29 2 *",
    }
    with EmbeddedPostgres() as postgres:
        with psycopg.connect(make_crm(postgres), autocommit=True) as crm:
            crm.execute(CALLBACKS)
        home = tmp_path_factory.mktemp("scheduler")
        backend = f"db+{postgres.dsn('airflow').replace('postgresql://', 'postgresql+psycopg2://')}"
        environment["AIRFLOW__CELERY__RESULT_BACKEND"] = backend
        with local_airflow(postgres, telegram, home, environment) as running:
            yield running


@pytest.fixture(scope="module")
def machines(airflow, tmp_path_factory):
    """The two workers, started."""
    with ExitStack() as stack:
        made = [Machine(host, tmp_path_factory.mktemp(host), airflow) for host in HOSTS]
        for machine in made:
            machine.start()
            stack.callback(machine.kill)
        yield made
