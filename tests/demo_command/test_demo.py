"""``make demo`` as a person runs it, and interrupts it."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

COMMAND = [sys.executable, "-m", "demo", "report"]
UP = [sys.executable, "-m", "demo", "up"]


@pytest.fixture
def environment(tmp_path):
    """The environment of a person's shell, with a state folder of the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**kept, "PYTHONPATH": "include:plugins", "SANCRM_DEMO_STATE": str(tmp_path)}


def left_over(folder):
    """The commands that know of the folder: Airflow's by its home, PostgreSQL's by its data."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it has just ended
            if knows(process, folder):
                found.append(" ".join(process.cmdline()))
    return found


def knows(process, folder):
    try:
        told = f"{' '.join(process.cmdline())} {process.environ().get('AIRFLOW_HOME', '')}"
    except psutil.Error:
        return False
    return str(folder) in told and process.pid != os.getpid()


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_demo_posts_everything_and_writes_the_page(environment, tmp_path):
    # Real runs of all DAGs; the chat in the terminal and as one file; nothing is left behind.
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=900)
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


def started(environment, folder, command):
    """Start the demo, and return it while Airflow starts, when the most is under way."""
    demo = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    for line in demo.stdout:
        if "Starting Airflow" in line:
            break
    wait_until(lambda: any("airflow scheduler" in command for command in left_over(folder)))
    return demo


def wait_until(is_so, seconds=300):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def address(demo):
    """The line of ``make up`` with the address of Airflow's UI, once that answers."""
    return next(line for line in demo.stdout if "http://" in line)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A state folder that these tests share: making one takes half a minute."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def begun(environment, home):
    demos = []

    def start(command=COMMAND):
        demos.append(started({**environment, "SANCRM_DEMO_STATE": str(home)}, home, command))
        return demos[-1]

    yield start
    for demo in demos:  # of a test that failed: its guard ends the rest
        demo.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_stops_what_it_started(begun, home, number):
    # Ctrl-C, a polite end, a closed terminal; and what follows while it stops.
    demo = begun()
    demo.send_signal(number)
    demo.send_signal(signal.SIGINT)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=180) == 130
    assert left_over(home) == []


def test_a_killed_demo_leaves_nothing_behind(begun, home):
    # It cannot clean up; its guard does, so that a real bot posts nothing more.
    begun().kill()
    wait_until(lambda: not left_over(home))


def test_the_next_demo_ends_what_is_left_of_one_that_was_killed_with_its_guard(begun, home):
    # As by a full memory: the old scheduler and API server do not go on beside the new ones, and
    # Airflow's UI has the same address again.
    demo = begun(UP)
    before = address(demo)
    old = psutil.Process(demo.pid).children(recursive=True)
    for child in old:
        if "guard.py" in " ".join(child.cmdline()):
            child.kill()
    demo.kill()
    demo.wait()
    again = begun(UP)
    after = address(again)
    assert after == before or ":8080 " not in before  # somebody else has that port here
    wait_until(lambda: not any(is_alive(process) for process in old))
    again.terminate()
    assert again.wait(timeout=180) == 0
    assert left_over(home) == []
