"""``make demo`` as a person runs it, and interrupts it."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

COMMAND = [sys.executable, "-m", "demo", "report"]


@pytest.fixture
def environment(tmp_path):
    """The environment of a person's shell, with a state folder of the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**kept, "PYTHONPATH": "include:plugins", "SANCRM_DEMO_STATE": str(tmp_path)}


def left_over(folder):
    """The commands that know of the folder: Airflow's by its home, PostgreSQL's by its data."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            knows = f"{command} {process.environ().get('AIRFLOW_HOME', '')}"
        except psutil.Error:  # it has just ended
            continue
        if str(folder) in knows and process.pid != os.getpid():
            found.append(command)
    return found


def test_the_demo_posts_everything_and_writes_the_page(environment, tmp_path):
    # Real runs of all DAGs; the chat in the terminal and as one file; nothing is left behind.
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for report in ("daily", "weekly", "monthly"):
        assert f"profitability_{report}: success" in done.stdout
    assert "missed_calls: success" in done.stdout
    assert done.stdout.count("Вся сеть") == 3
    assert "backup_watch_sancrm: success, failed, success, success" in done.stdout
    assert done.stdout.count("Резервные копии sancrm снова в порядке") >= 2  # the edit, the answer
    assert done.stdout.count("Перезвонить: ") == 12
    page = (tmp_path / "chat.html").read_text(encoding="utf-8")
    assert page.count("Вся сеть") >= 3
    assert "Открыть в CRM" in page
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_what_it_started(environment, tmp_path, number):
    # While Airflow starts, when the most is under way.
    demo = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True)
    for line in demo.stdout:
        if "Starting Airflow" in line:
            break
    deadline = time.monotonic() + 120
    while not any("airflow" in command for command in left_over(tmp_path)):
        assert time.monotonic() < deadline
    demo.send_signal(number)
    assert demo.wait(timeout=60) == 130
    assert left_over(tmp_path) == []
