"""``make install TARGET=…``: copy what belongs into an Airflow, and touch nothing of the user's.

Needs Python alone, because what the package needs may not be installed yet. A record of what was
copied, with hashes, stays in the target, so that the next install knows which files are as it left
them and which somebody has changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("dags", "plugins", "include")
NOT_INSTALLED = ("include/demo/",)
RECORD = "include/.sancrm_installed.json"
CHANGED = ("ask", "keep", "replace")


@dataclass
class Plan:
    """What an install would do, as paths below the target.

    ``changed`` are files that would have to be replaced, though somebody has changed or made them;
    ``left`` are no part of the package any more, and changed.
    """

    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy and print what was done; 1 where a person must say first what may be replaced."""
    parser = argparse.ArgumentParser(prog="make install", description=__doc__)
    parser.add_argument("target", help="the folder that has, or gets, dags, plugins and include")
    parser.add_argument("--changed", choices=CHANGED, default="ask", help="what becomes of yours")
    options = parser.parse_args(arguments)
    if not options.target or not Path(options.target).is_dir():
        print(f"✗ TARGET={options.target} is no folder. Name AIRFLOW_HOME, or a bundle's root.")
        return 1
    try:
        return install(CHECKOUT, Path(options.target), options.changed)
    except OSError as error:
        print(f"✗ {error}. Mend that, and repeat: it goes on where it stopped.")
        return 1


def install(source: Path, target: Path, changed: str = "ask") -> int:
    """Bring the target up to date with the source; see ``main``."""
    files = {path: _hash(source / path) or "" for path in belonging(source)}
    installed = _record(target)
    plan = planned(files, installed, target)
    if plan.changed and changed == "ask":
        print("✗ Nothing was copied. These are not as an install left them, so they are yours:")
        print(*(f"    {path}" for path in plan.changed), sep="\n")
        print("  CHANGED=keep     leave them, and put ours beside them as NAME.new")
        print("  CHANGED=replace  replace them")
        return 1
    for path in (*plan.new, *plan.updated, *plan.changed):
        name = f"{path}.new" if path in plan.changed and changed == "keep" else path
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        # With the time of now: by it make doctor knows what was started before.
        shutil.copyfile(source / path, target / name)
    for path in plan.removed:
        (target / path).unlink()
    (target / RECORD).write_text(json.dumps(files, indent=1), "utf-8")
    _tell(plan, changed)
    return 0


def planned(files: Mapping[str, str], installed: Mapping[str, str], target: Path) -> Plan:
    """Compare the package's files, as hashes by path, with those of the last install, and there."""
    plan = Plan()
    for path, ours in files.items():
        there, before = _hash(target / path), installed.get(path)
        if there is None:
            plan.new.append(path)
        elif there == ours or ours == before:  # or changed by its owner alone
            plan.same.append(path)
        elif there == before:
            plan.updated.append(path)
        else:
            plan.changed.append(path)
    for path in installed.keys() - files.keys():
        there = _hash(target / path)
        if there is not None:
            (plan.removed if there == installed[path] else plan.left).append(path)
    return plan


def belonging(source: Path) -> Iterator[str]:
    """Yield what is installed, as paths below the source."""
    for folder in FOLDERS:
        for file in sorted((source / folder).rglob("*")):
            path = file.relative_to(source).as_posix()
            is_made = "__pycache__" in file.parts or path == RECORD
            if file.is_file() and not is_made and not path.startswith(NOT_INSTALLED):
                yield path


def _hash(file: Path) -> str | None:
    """Return a file's SHA-256, None where nothing is; of anything but a file a text of its own."""
    if file.is_file():
        return hashlib.sha256(file.read_bytes()).hexdigest()
    return "not a file" if file.exists() or file.is_symlink() else None


def _record(target: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((target / RECORD).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _tell(plan: Plan, changed: str) -> None:
    print(f"✓ {len(plan.new)} new, {len(plan.same)} as before")
    told = {
        "replaced, as nobody had changed it": plan.updated,
        "left, with ours beside it as NAME.new" if changed == "keep" else "replaced": plan.changed,
        "removed, as it is no part of this any more": plan.removed,
        "no part of this any more, left because somebody changed it": plan.left,
    }
    for what, paths in told.items():
        for path in paths:
            print(f"  {path}: {what}")
    print("Restart Airflow's components, then ask what is missing: make doctor TARGET=…")


if __name__ == "__main__":
    sys.exit(main())
