"""That two machines with different files are told apart, and what a bundle of everything brings."""

import shutil
from pathlib import Path

import pytest
from airflow._shared.module_loading import find_path_from_directory

from sancrm_reports import version
from sancrm_reports.settings import INCLUDE

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    """A bundle of the whole repository: the same files in another place."""
    for path in ("include/sql", "include/templates", "plugins/sancrm_reports", "dags"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / path, tmp_path / path, ignore=ignored)
    shutil.copy(ROOT / "include" / "settings.toml", tmp_path / "include")
    return tmp_path


def version_of(root):
    return version.version_of(root / "plugins" / "sancrm_reports", root / "include")


def test_a_copy_has_the_same_version(copy):
    # Wherever it lies, without the demo, whatever an editor or a ConfigMap leaves beside it.
    (copy / "include" / ".#settings.toml").write_text("x")
    (copy / "include" / "settings.toml~").write_text("x")
    (copy / "include" / "..2026_11_26").mkdir()
    (copy / "include" / "..2026_11_26" / "settings.toml").write_text("x")
    assert version_of(copy) == version.version_of(version.PACKAGE, INCLUDE)


@pytest.mark.parametrize(
    "path",
    [
        "include/sql/profitability.sql",
        "include/sql/sources/branches.sql",
        "include/settings.toml",
        "include/templates/ru/words.po",
        "include/templates/en/branch_report.html.j2",
        "plugins/sancrm_reports/pure/figures.py",
    ],
)
def test_any_change_of_a_file_is_another_version(copy, path):
    # What figures, words and settings are made of; a new file as well.
    before = version_of(copy)
    with (copy / path).open("a") as file:
        file.write("\n")
    assert version_of(copy) != before


def test_a_bundle_that_brings_its_own_files_is_compared(copy, monkeypatch):
    # The plugins folder and include/ that are at work are others: those that were installed.
    file = copy / "dags" / "profitability.py"
    here = version.version_of(version.PACKAGE, INCLUDE)
    assert version.version_beside(file) == here
    (copy / "include" / "sql" / "profitability.sql").write_text("select 1")
    assert version.version_beside(file) != here
    monkeypatch.setenv("SANCRM_INCLUDE", str(INCLUDE))  # said so on purpose
    assert version.version_beside(file) == here


def test_dags_that_came_alone_are_compared_with_nothing(copy):
    # A user's own include/ beside them says nothing of ours.
    shutil.rmtree(copy / "plugins")
    (copy / "include" / "settings.toml").unlink()
    assert version.version_beside(copy / "dags" / "profitability.py") is None
    assert version.version_beside(ROOT / "dags" / "profitability.py") is None


@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_a_bundle_of_the_whole_repository_gives_the_dag_files_only(syntax):
    # Nothing of tests/, include/demo/ and the rest is imported as a DAG.
    found = {
        Path(file).relative_to(ROOT)
        for file in find_path_from_directory(ROOT, ".airflowignore", syntax)
    }
    dags = {file.relative_to(ROOT) for file in (ROOT / "dags").glob("*.py")}
    assert {file for file in found if file.suffix == ".py"} == dags
