"""Airflow's migrated metadata, made once for all servers of a test run: it takes half a minute."""

import atexit
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psycopg

from demo.local_airflow import TEMPLATE
from demo.postgres import find_bin_dir

# The processes of pytest-xdist share it; a new run makes it anew.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
KEPT = Path(tempfile.gettempdir()) / f"sancrm-metadata-{RUN}.dump"


@contextmanager
def migrated_metadata(postgres):
    """Give a server the template that ``LocalAirflow`` copies, or keep the one that it makes."""
    if KEPT.exists() and not has_template(postgres):
        postgres.create_database(TEMPLATE)
        program("pg_restore", "--dbname", postgres.dsn(TEMPLATE), str(KEPT))
    yield
    if not KEPT.exists():
        new = KEPT.with_suffix(f".{os.getpid()}")
        program("pg_dump", "--format=custom", "--file", str(new), postgres.dsn(TEMPLATE))
        new.replace(KEPT)
        atexit.register(KEPT.unlink, missing_ok=True)


def has_template(postgres):
    with psycopg.connect(postgres.dsn()) as connection:
        found = connection.execute("select 1 from pg_database where datname = %s", (TEMPLATE,))
        return found.fetchone() is not None


def program(name, *words):
    subprocess.run([find_bin_dir() / name, *words], check=True, capture_output=True)
