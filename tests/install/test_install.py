"""``make install`` into a folder that has files of its own, as a checkout does it: plain Python."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THEIRS = {
    "plugins/.airflowignore": "my_helpers/\n",
    "plugins/my_helpers/broken.py": "raise SystemExit\n",
    "plugins/my_plugin.py": "MINE = 1\n",
    "dags/my_dag.py": "MINE = 2\n",
    "include/mine.sql": "select 3\n",
}


@pytest.fixture
def checkout(tmp_path):
    """A copy of what is installed, to be changed as a new version would."""
    for folder in ("dags", "plugins", "include"):
        ignored = shutil.ignore_patterns("__pycache__", "crm")
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder, ignore=ignored)
    return tmp_path / "checkout"


@pytest.fixture
def home(tmp_path):
    """An Airflow's folder with files of its owner."""
    for path, text in THEIRS.items():
        file = tmp_path / "home" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "home"


def install(checkout, target, *options):
    """Run the command; what it says, and its code. No library is at hand."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, str(checkout), str(target), *options],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


RUN = (
    "import sys, runpy; checkout = sys.argv.pop(1); sys.path.insert(0, f'{checkout}/plugins');"
    "sys.dont_write_bytecode = True;"
    "runpy.run_module('sancrm_reports.install', run_name='__main__')"
)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_belongs_is_copied_and_nothing_of_theirs_is_touched(checkout, home):
    # All the package's files but the demo; the owner's own ignore file is as it was.
    code, said = install(checkout, home)
    assert code == 0, said
    after = files(home)
    assert {path: after[path] for path in THEIRS} == THEIRS
    ours = {path: text for path, text in files(checkout).items() if "include/demo/" not in path}
    assert {path: after[path] for path in ours} == ours
    assert after.keys() == THEIRS.keys() | ours.keys() | {"include/.sancrm_installed.json"}


def test_a_second_install_does_nothing(checkout, home):
    # Also with the settings edited, as everybody does: the package's are as they were.
    install(checkout, home)
    (home / "include" / "settings.toml").write_text("# mine\n")
    before = files(home)
    code, said = install(checkout, home)
    assert (code, files(home)) == (0, before), said


def test_a_file_of_the_same_name_stops_everything_until_somebody_says(checkout, home):
    # Nothing is copied, and the file is named; kept, ours lies beside it.
    (home / "dags" / "profitability.py").write_text("MINE = 4\n")
    before = files(home)
    code, said = install(checkout, home)
    assert (code, files(home)) == (1, before)
    assert "dags/profitability.py" in said
    code, said = install(checkout, home, "--changed", "keep")
    assert code == 0, said
    after = files(home)
    assert after["dags/profitability.py"] == "MINE = 4\n"
    assert after["dags/profitability.py.new"] == files(checkout)["dags/profitability.py"]
    assert install(checkout, home)[0] == 0  # was answered


def test_what_both_have_changed_is_theirs_to_decide(checkout, home):
    # Their settings, and a new version of ours: until they say, nothing happens.
    install(checkout, home)
    (home / "include" / "settings.toml").write_text("# mine\n")
    (checkout / "include" / "settings.toml").write_text("# new\n")
    code, said = install(checkout, home)
    assert code == 1
    assert "include/settings.toml" in said
    assert files(home)["include/settings.toml"] == "# mine\n"
    assert install(checkout, home, "--changed", "replace")[0] == 0
    assert files(home)["include/settings.toml"] == "# new\n"


def test_a_new_version_replaces_and_removes_what_nobody_has_changed(checkout, home):
    # A module that was renamed does not stay behind; one that they changed does, and is named.
    install(checkout, home)
    package = "plugins/sancrm_reports"
    (checkout / package / "errors.py").write_text("# new\n")
    (checkout / package / "pure" / "grid.py").unlink()
    (checkout / package / "pure" / "parts.py").unlink()
    (home / package / "pure" / "parts.py").write_text("# mine\n")
    code, said = install(checkout, home)
    assert code == 0
    after = files(home)
    assert after[f"{package}/errors.py"] == "# new\n"
    assert f"{package}/pure/grid.py" not in after
    assert after[f"{package}/pure/parts.py"] == "# mine\n"
    assert "parts.py: no part of this any more" in said


@pytest.mark.parametrize("target", ["", "/nowhere"])
def test_a_target_that_is_no_folder_is_refused(checkout, target):
    # As when the shell knows no AIRFLOW_HOME.
    code, said = install(checkout, target)
    assert code == 1
    assert "is no folder" in said


LOADED = """
import json, sys
from airflow.plugins_manager import get_import_errors, get_plugin_info
names = [plugin["name"] for plugin in get_plugin_info()]
home = sys.argv[1]
modules = [
    name for name, module in sys.modules.items()
    if (getattr(module, "__file__", None) or "").startswith(f"{home}/plugins/sancrm_reports/")
    and not name.startswith("sancrm_reports")
]
print(json.dumps([names, modules, get_import_errors()]))
"""


@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_airflow_loads_our_plugin_and_theirs_and_executes_no_module(checkout, home, syntax):
    # Airflow's real loader; the owner's ignore file still keeps it off what he ignores.
    install(checkout, home)
    mine = "from airflow.plugins_manager import AirflowPlugin\nclass P(AirflowPlugin): name='mine'"
    (home / "plugins" / "my_plugin.py").write_text(mine)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(home)],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
            "AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX": syntax,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    names, strays, errors = json.loads(done.stdout.splitlines()[-1])
    assert {"mine", "sancrm_reports"} <= set(names)
    assert strays == []
    assert errors == {}
