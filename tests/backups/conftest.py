"""Real backups: pg_dump's files of a small database, and a stanza of pgBackRest."""

import shutil
import subprocess

import psycopg
import pytest

from demo.postgres import EmbeddedPostgres, find_bin_dir

ROWS = "create table repairs as select i, md5(i::text) as a from generate_series(1, 20000) as i"


def stanza_of(make, home):
    """Make a stanza of pgBackRest of a new cluster; skipped where the program can't."""
    if shutil.which("pgbackrest") is None:
        pytest.skip("pgbackrest is not installed")
    with EmbeddedPostgres(home):
        pass  # makes a cluster and stops it
    [cluster] = home.glob("postgres-*")
    try:
        return make(home, cluster)
    except subprocess.CalledProcessError as error:
        if error.returncode == 46:  # pgBackRest's word for it
            pytest.skip(f"this pgbackrest does not know {cluster.name}")
        raise


@pytest.fixture(scope="session")
def postgres():
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture(scope="session")
def dumps(postgres, tmp_path_factory):
    """One dump of each format, all whole."""
    folder = tmp_path_factory.mktemp("dumps")
    dsn = postgres.create_database("dumped")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(ROWS)
    program = str(find_bin_dir() / "pg_dump")

    def dump(name, *options):
        subprocess.run([program, *options, f"--file={folder / name}", dsn], check=True)

    dump("custom.dump", "-Fc")
    dump("uncompressed.dump", "-Fc", "-Z0")
    dump("folder", "-Fd")
    dump("archive.tar", "-Ft")
    dump("plain.sql")
    for name in ("plain.sql", "custom.dump", "archive.tar"):
        subprocess.run(["gzip", "--keep", folder / name], check=True)
    return folder


@pytest.fixture(autouse=True)
def _programs(monkeypatch):
    """pg_restore of the same version as the server that is dumped."""
    import os

    monkeypatch.setenv("PATH", f"{find_bin_dir()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def copy_of(dumps, tmp_path):
    """Copy a whole dump, to be damaged."""

    def copy(name, to="copy"):
        target = tmp_path / to
        if (dumps / name).is_dir():
            return shutil.copytree(dumps / name, target)
        return shutil.copyfile(dumps / name, target)

    return copy


@pytest.fixture(params=[None, "aws_backups"], ids=["no connection", "connection"])
def listing(request):
    """A bucket of a storage that keeps its listings, as S3's does, and its connection."""
    import fsspec
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.io import attach
    from fsspec.implementations.memory import MemoryFileSystem

    class Listing(MemoryFileSystem):
        protocol = "listing"

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.removeprefix("listing:/"))

        def ls(self, path, detail=True, **options):
            kept = self.dircache
            if path not in kept:
                kept[path] = super().ls(path, detail=True, **options)
            return kept[path] if detail else [entry["name"] for entry in kept[path]]

        def info(self, path, **options):
            path = self._strip_protocol(path)
            entries = self.dircache.get(self._parent(path), [])
            kept = [entry for entry in entries if entry["name"] == path]
            return kept[0] if kept else super().info(path, **options)

        def invalidate_cache(self, path=None):
            self.dircache.clear()

    fsspec.register_implementation("listing", Listing, clobber=True)
    attach("listing", request.param, fs=Listing(request.param))
    bucket = ObjectStoragePath("listing://bucket", conn_id=request.param)
    yield bucket
    bucket.fs.rm("/bucket", recursive=True)
