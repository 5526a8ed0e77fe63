"""What may import what: the pure part runs and is tested without Airflow, network and database.

The wing for backups has all three layers under one roof; here stands which of its files are which.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
WING = "backups"
# Of the wing: what is pure, and what knows Airflow's context. All others are as the layer wire.
WING_PURE = {
    "drill/refusals",
    "drill/result",
    "dumps/contents",
    "dumps/faults",
    "dumps/names",
    "facts",
    "notifications",
    "redaction",
    "settings",
    "text",
    "verdicts",
}
WING_GLUE = {"alert_operator", "drill/operators", "sensor", "timetable", "trigger"}
OUTSIDE = ("airflow", "telegram", "psycopg", "psycopg2", "httpx", "sqlalchemy")


def modules_of(layer):
    folder = PLUGINS / "sancrm_reports" / layer
    return sorted(
        ".".join(("sancrm_reports", layer, *file.relative_to(folder).with_suffix("").parts))
        for file in folder.rglob("*.py")
        if file.stem[0] != "_"
    )


def layer_of(name):
    _, layer, *rest = name.split(".")
    if layer != WING:
        return layer
    path = "/".join(rest)
    return "pure" if path in WING_PURE else "glue" if path in WING_GLUE else "wire"


def imports_of(name):
    """What a module imports of this package, also inside a function."""
    tree = ast.parse((PLUGINS / f"{name.replace('.', '/')}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_pure_modules_import_nothing_that_talks_to_the_world():
    # Loaded in a fresh interpreter, all of them together bring in none of these libraries.
    names = [name for layer in ("pure", WING) for name in modules_of(layer)]
    code = (
        "import importlib, sys\n"
        f"for name in {[name for name in names if layer_of(name) == 'pure']!r}:\n"
        "    importlib.import_module(name)\n"
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


@pytest.mark.parametrize("layer", ["pure", "wire", WING])
def test_no_module_imports_a_layer_above_its_own(layer):
    # pure knows neither wire nor glue, wire knows no glue; also not inside a function.
    above = {"pure": ("wire", "glue"), "wire": ("glue",), "glue": ()}
    known = {name for folder in ("pure", "wire", "glue", WING) for name in modules_of(folder)}
    for name in modules_of(layer):
        targets = {target for target in imports_of(name) if target.startswith("sancrm_reports.")}
        targets |= {target.rpartition(".")[0] for target in targets}
        wrong = [target for target in targets & known if layer_of(target) in above[layer_of(name)]]
        assert not wrong, f"{name} imports {wrong}"


def test_nothing_but_settings_and_plugin_knows_the_wing():
    # It can be read, and left, as a whole.
    inside = "sancrm_reports.backups"
    others = [name for layer in ("pure", "wire", "glue") for name in modules_of(layer)]
    knowing = [name for name in others if any(t.startswith(inside) for t in imports_of(name))]
    assert knowing == []


def test_what_stands_of_the_wing_is_there():
    # A file that was renamed would be taken for one of another layer.
    there = {name.removeprefix(f"sancrm_reports.{WING}.") for name in modules_of(WING)}
    assert {name.replace("/", ".") for name in WING_PURE | WING_GLUE} <= there
