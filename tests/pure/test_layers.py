"""What may import what: the pure part runs and is tested without Airflow, network and database."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
OUTSIDE = ("airflow", "telegram", "psycopg", "psycopg2", "httpx", "sqlalchemy")


def modules_of(layer):
    folder = PLUGINS / "sancrm_reports" / layer
    return sorted(
        ".".join(("sancrm_reports", layer, *file.relative_to(folder).with_suffix("").parts))
        for file in folder.rglob("*.py")
        if file.stem[0] != "_"
    )


def test_pure_modules_import_nothing_that_talks_to_the_world():
    # Loaded in a fresh interpreter, all of them together bring in none of these libraries.
    code = (
        "import importlib, sys\n"
        f"for name in {modules_of('pure')!r}: importlib.import_module(name)\n"
        f"print(*({{name.partition('.')[0] for name in sys.modules}} & set({OUTSIDE!r})))\n"
        "print(*(name for name in sys.modules if name.startswith(('sancrm_reports.wire', "
        "'sancrm_reports.glue'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PLUGINS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("layer", ["pure", "wire"])
def test_no_module_imports_a_layer_above_its_own(layer):
    # pure knows neither wire nor glue, wire knows no glue; also not inside a function.
    above = {"pure": ("wire", "glue"), "wire": ("glue",)}[layer]
    for name in modules_of(layer):
        tree = ast.parse((PLUGINS / f"{name.replace('.', '/')}.py").read_text("utf-8"))
        imported = {
            f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        wrong = [
            target
            for target in imported
            if target.startswith(tuple(f"sancrm_reports.{other}" for other in above))
        ]
        assert not wrong, f"{name} imports {wrong}"
