"""The embedded server: where it comes from, whom it lets in, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from demo import postgres
from demo.postgres import EmbeddedPostgres, EmbeddedPostgresError

SOURCES = {
    "system": next(iter(postgres.system_bin_dirs()), None),
    "wheel": postgres.wheel_bin_dir(),
}
INCLUDE = Path(postgres.__file__).parents[1]

# A program that starts a server and waits, as the demo does; with Ctrl-C as in a terminal, also
# where the tests run in the background.
PROGRAM = """
import signal, sys, time
from pathlib import Path
from demo.postgres import EmbeddedPostgres
signal.signal(signal.SIGINT, signal.default_int_handler)
with EmbeddedPostgres(Path(sys.argv[1]) if len(sys.argv) > 1 else None) as server:
    print(server.dsn(), server._process.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=SOURCES)
def bin_dir(request):
    if SOURCES[request.param] is None:
        pytest.skip(f"no PostgreSQL of the {request.param} here")
    return SOURCES[request.param]


@pytest.fixture(autouse=True)
def _without_a_dsn_in_the_environment(monkeypatch):
    monkeypatch.delenv(postgres.DSN_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A data folder that is initialised once and started often."""
    return tmp_path_factory.mktemp("home")


def can_connect(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def start_program(*arguments: str) -> tuple[subprocess.Popen[str], str, int]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{INCLUDE}:{INCLUDE.parent / 'plugins'}"},
    )
    assert process.stdout is not None
    dsn, pid = process.stdout.readline().split()
    return process, dsn, int(pid)


def test_each_source_serves_keeps_its_data_and_refuses_a_wrong_password(bin_dir, tmp_path):
    # One life of a data folder: made, used, refused to strangers, stopped, started again.
    with EmbeddedPostgres(tmp_path / "data", bin_dir=bin_dir) as server:
        with psycopg.connect(server.create_database("shop")) as connection:
            connection.execute("create table kept as select 'Ключ на 17' as name")
        for password in ("wrong", ""):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(server.dsn(user=server.superuser, password=password))
        first = server.dsn()
    assert not can_connect(first)

    with EmbeddedPostgres(tmp_path / "data", bin_dir=bin_dir) as server:
        copy = server.create_database("copy", template="shop")
        with psycopg.connect(copy) as connection:
            assert connection.execute("select name from kept").fetchone() == ("Ключ на 17",)


def test_only_loopback_is_listened_on_and_no_socket_file(home):
    # Nobody on the network, and nobody without a password on this machine, gets in.
    with EmbeddedPostgres(home) as server, psycopg.connect(server.dsn()) as connection:
        query = "select name, setting from pg_settings where name = any(%s)"
        names = ["listen_addresses", "unix_socket_directories"]
        settings = dict(connection.execute(query, [names]).fetchall())
        methods = connection.execute("select distinct auth_method from pg_hba_file_rules")
        assert settings == {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        assert methods.fetchall() == [("scram-sha-256",)]


def test_a_database_is_made_anew_also_while_somebody_uses_the_old_one(server):
    # A test can always begin with an empty database.
    dsn = server.create_database("again")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table leftover ()")
        server.create_database("again")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select to_regclass('leftover')").fetchone() == (None,)


def test_a_given_port_is_used_and_a_taken_one_is_named(home):
    # Two servers cannot share a port, and the error says which one it was.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedPostgresError, match=str(port)):
            EmbeddedPostgres(home, port).start()
    with EmbeddedPostgres(home, port) as server:
        assert f":{port}/" in server.dsn()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_program_leaves_no_server_behind(signal_number):
    # Ctrl-C and SIGTERM end the program through `finally`.
    process, dsn, pid = start_program()
    assert can_connect(dsn)
    process.send_signal(signal_number)
    assert process.wait(20) != 0
    assert not can_connect(dsn)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_server_does_not_get_the_terminals_ctrl_c():
    # It has a session of its own, so that it is stopped once and in order.
    process, _, pid = start_program()
    try:
        assert os.getsid(pid) == pid != os.getsid(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def test_what_a_killed_program_left_is_recovered(home):
    # A server that outlived its program is ended, by the program's guard or by the next start, and
    # the data folder is used again.
    process, dsn, _ = start_program(str(home))
    assert can_connect(dsn)
    process.kill()
    process.wait()
    with EmbeddedPostgres(home) as server:
        assert can_connect(server.dsn())
        assert not can_connect(dsn)


def test_a_stale_pid_file_that_names_somebody_else_is_removed(home):
    # After a crash the number may belong to another process, which must survive.
    with EmbeddedPostgres(home):
        pass
    cluster = next(home.glob("postgres-*/PG_VERSION")).parent
    lines = f"{os.getpid()}\n{cluster}\n{int(time.time())}\n5432\n\n127.0.0.1\n\n"
    (cluster / "postmaster.pid").write_text(lines)
    with EmbeddedPostgres(home) as server:
        assert can_connect(server.dsn())


def test_a_folder_in_use_is_refused(home):
    # A second program must not take the first one's server for a leftover.
    with (
        EmbeddedPostgres(home),
        pytest.raises(EmbeddedPostgresError, match="in use by another running process"),
    ):
        EmbeddedPostgres(home).start()


def test_a_temporary_server_removes_its_folder(tmp_path, monkeypatch):
    # Nothing is left in the temporary folder.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with EmbeddedPostgres():
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_a_dsn_from_the_environment_is_used_and_nothing_is_started(server, monkeypatch):
    # CI and developers can bring a server of their own.
    monkeypatch.setenv(postgres.DSN_VARIABLE, server.dsn() + "?application_name=theirs")
    with EmbeddedPostgres() as external:
        assert external._process is None
        assert (external.host, external.port) == (server.host, server.port)
        with psycopg.connect(external.create_database("theirs")) as connection:
            query = "select current_database(), current_setting('application_name')"
            assert connection.execute(query).fetchone() == ("theirs", "theirs")
    assert can_connect(server.dsn())


def test_a_dsn_of_a_socket_folder_stays_one(monkeypatch):
    # A DSN without a TCP host is valid, too.
    monkeypatch.setenv(postgres.DSN_VARIABLE, "host=/run/postgresql user=o'k password='a/b c'")
    with EmbeddedPostgres() as external:
        facts = psycopg.conninfo.conninfo_to_dict(external.dsn("crm"))
    assert facts["host"] == "/run/postgresql"
    assert (facts["user"], facts["password"], facts["dbname"]) == ("o'k", "a/b c", "crm")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_without_a_user_namespace_root_becomes_nobody(tmp_path_factory, monkeypatch):
    # Containers often forbid namespaces.
    if SOURCES["system"] is None:
        pytest.skip("nobody may not be able to reach the wheel")
    _, nobody = postgres._identities_for_root()
    monkeypatch.setattr(postgres, "_identities_for_root", lambda: iter([nobody]))
    with EmbeddedPostgres(bin_dir=SOURCES["system"]) as server:
        assert can_connect(server.dsn())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_when_neither_way_works_the_error_names_both(tmp_path, monkeypatch):
    # The reader learns what was tried, and what to do instead.
    namespace, nobody = postgres._identities_for_root()
    broken = postgres._Identity(namespace.label, ("false",))
    monkeypatch.setattr(postgres, "_identities_for_root", lambda: iter([broken, nobody]))
    (tmp_path / "closed").mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError) as caught:
        EmbeddedPostgres(tmp_path / "closed" / "data").start()
    for words in ("user namespace", "the user nobody", postgres.DSN_VARIABLE):
        assert words in str(caught.value)


def test_without_any_postgresql_the_error_says_what_to_install(monkeypatch):
    # The first thing that a newcomer may meet.
    monkeypatch.setattr(postgres, "system_bin_dirs", list)
    monkeypatch.setattr(postgres, "wheel_bin_dir", lambda: None)
    with pytest.raises(EmbeddedPostgresError, match=r"requirements-dev\.txt"):
        EmbeddedPostgres().start()
