"""Which files are at work: a hash of ``include/`` and the package, to compare machines by.

Two workers with different SQL would give different figures, both in green.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from sancrm_reports.settings import INCLUDE

PACKAGE = Path(__file__).parent
SUFFIXES = (".j2", ".po", ".py", ".sql", ".toml")  # what figures, words and settings are made of
TAG = "files "  # before the version, in the tag of a DAG


@cache
def files_version() -> str:
    """Return the version of the files that this process works with."""
    return version_of(PACKAGE, INCLUDE)


def version_tag() -> str:
    """Return the tag that shows in Airflow with which files a DAG was parsed."""
    return f"{TAG}{files_version()}"


def version_of(package: Path, include: Path) -> str:
    """Return twelve hexadecimal digits that any change of the files changes."""
    digest = hashlib.sha256()
    for folder in (package, include):
        for path, file in sorted(_files(folder)):
            digest.update(f"{folder.name}/{path}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def version_beside(dag_file: Path) -> str | None:
    """Return the version of the files that came with a DAG's file, None where none did.

    A bundle of the whole repository brings a package and an ``include/`` that Airflow does not use:
    those of the image, or of ``AIRFLOW_HOME``, are at work.
    """
    root = dag_file.parents[1]
    package, include = root / "plugins" / PACKAGE.name, root / "include"
    if "SANCRM_INCLUDE" in os.environ or not (include / "settings.toml").is_file():
        include = INCLUDE
    if not package.is_dir():
        package = PACKAGE
    if (package, include) == (PACKAGE, INCLUDE):
        return None
    return version_of(package, include)


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Return the files that matter, by their path below the folder; the demo's do not."""
    found = [(file.relative_to(folder), file) for file in folder.rglob("*")]
    return [
        (path.as_posix(), file)
        for path, file in found
        if path.suffix in SUFFIXES
        and path.parts[0] != "demo"
        and not any(part.startswith(".") for part in path.parts)  # an editor's, or a ConfigMap's
        and file.is_file()
    ]
