"""What goes wrong with a real CRM: the right kind of error, what to do next, and no password."""

import socket
import struct
import threading
import traceback
from datetime import date

import psycopg
import pytest

from demo.crm.load import create_reader, create_schema
from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.figures import FiguresError, check_reportable
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import DatabaseSettings
from sancrm_reports.wire.crm import read_profitability, snapshot
from sancrm_reports.wire.crm_errors import CrmError, CrmUnreachableError

PASSWORD = "cor-rect/horse@battery"
READER = "sancrm_reader"
DAY = Period(PeriodKind.DAY, date(2026, 11, 17), "Europe/Moscow")
ONE_REPAIR = """
insert into branches (id, name, code_prefix, is_active) values (1, 'Ленина', 'R', true);
insert into repair_statuses values (1, 'closed', 'Закрыт', 'closed_success', true);
insert into categories values (1, 'Электроинструмент');
insert into customers values (1, 'Иван', '+79120000000', null);
insert into repairs values
(1, 1, 1, 1, 1, null, null, 1, false, 0, '2026-11-16 12:00+03', '2026-11-17 12:00+03');
insert into repair_services values (1, 1, 'Ремонт', 1000, 1, 0);
insert into repair_parts values (1, 1, 'Щётка', 1, 300, 500, 0, true);
insert into fixed_costs values (1, 1, 'Аренда', 3000, '2026-01-01', null);
"""


@pytest.fixture(scope="module")
def template(server):
    """A small CRM and its read-only account, to be copied and broken."""
    with psycopg.connect(server.create_database("sound_crm"), autocommit=True) as connection:
        create_schema(connection)
        connection.execute(ONE_REPAIR)
        create_reader(connection, PASSWORD)
    return "sound_crm"


class Crm:
    """One CRM that may be broken, reached as the product reaches it."""

    def __init__(self, server, template, monkeypatch, sql):
        self.server, self.monkeypatch, self.sql = server, monkeypatch, sql
        self.admin_dsn = server.create_database("broken_crm", template)
        self.connect(server.dsn("broken_crm", user=READER, password=PASSWORD))

    def connect(self, dsn):
        self.monkeypatch.setenv("AIRFLOW_CONN_SANCRM_DB", dsn)

    def change(self, statements):
        with psycopg.connect(self.admin_dsn, autocommit=True) as connection:
            connection.execute(statements)

    def sql_with(self, old, new):
        """The formulas as somebody spoiled them, in one place."""
        assert old in self.sql
        return self.sql.replace(old, new, 1)

    def report(self, sql=None, **session):
        with snapshot(DatabaseSettings(session=session)) as cursor:
            rows = read_profitability(cursor, sql or self.sql, DAY)
        check_reportable(rows)
        return rows

    def error(self, sql=None, **session):
        """Return the error of a report that cannot be made."""
        with pytest.raises(ReportError) as caught:
            self.report(sql, **session)
        told = "".join(traceback.format_exception(caught.value))
        assert PASSWORD not in told
        assert "horse" not in told
        return caught.value


@pytest.fixture
def crm(server, template, monkeypatch, profitability_sql):
    return Crm(server, template, monkeypatch, profitability_sql)


def assert_says(error, *words):
    missing = [word for word in words if word not in str(error)]
    assert not missing, str(error)


def test_a_sound_crm_is_read(crm):
    # The tests below break something that works: 1000 + 500 - 300 - 3000 / 30.
    assert crm.report(statement_timeout="5s")[0].profit == 1100


def test_no_connection_says_where_to_create_it(crm):
    # The first thing that a new installation meets.
    crm.monkeypatch.delenv("AIRFLOW_CONN_SANCRM_DB")
    error = crm.error()
    assert isinstance(error, CrmError)
    assert_says(error, "sancrm_db", "Admin > Connections", "read-only", "docs/installation.md")


@pytest.mark.parametrize(
    ("login", "database", "words"),
    [
        ((READER, "horse-wrong"), "broken_crm", "password authentication failed"),
        (("nobody", PASSWORD), "broken_crm", "nobody"),
        ((READER, PASSWORD), "no_such_crm", "no_such_crm"),
    ],
    ids=["password", "login", "database"],
)
def test_a_refused_login_is_permanent(crm, login, database, words):
    # A retry cannot fix a wrong password, login or database name.
    user, password = login
    crm.connect(crm.server.dsn(database, user=user, password=password))
    error = crm.error()
    assert isinstance(error, CrmError)
    assert_says(error, "sancrm_db", words, "Admin > Connections")


def test_a_server_that_is_not_there_is_tried_again(crm):
    # It may be restarting.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: nobody else gets the port
        crm.connect(f"postgresql://{READER}:horse@127.0.0.1:{taken.getsockname()[1]}/crm")
        error = crm.error()
    assert isinstance(error, CrmUnreachableError)
    assert_says(error, "sancrm_db", "Connection refused", "Is the server up")


def test_a_host_whose_name_says_database_is_tried_again_too(crm):
    # Whether to retry follows from what happened, not from a word in the host's name.
    crm.connect(f"postgresql://{READER}:horse@database.invalid/crm")
    error = crm.error()
    assert isinstance(error, CrmUnreachableError)
    assert_says(error, "sancrm_db", "database.invalid")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("57P03", "the database system is starting up"),
        ("57P03", "the database system is shutting down"),
        ("53300", f'too many connections for role "{READER}"'),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute"),
    ],
)
def test_a_server_that_is_busy_or_restarting_is_tried_again(crm, code, reason):
    # PostgreSQL refuses for now, in words like those of a wrong login.
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": reason}
    body = b"".join(f"{key}{value}\0".encode() for key, value in fields.items()) + b"\0"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse():
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(b"E" + struct.pack("!i", len(body) + 4) + body)

        threading.Thread(target=refuse, daemon=True).start()
        port = listening.getsockname()[1]
        options = "sslmode=disable&gssencmode=disable"
        crm.connect(f"postgresql://{READER}:horse@127.0.0.1:{port}/crm?{options}")
        error = crm.error()
        listening.shutdown(socket.SHUT_RDWR)
    assert_says(error, "sancrm_db", reason)
    assert isinstance(error, CrmUnreachableError)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("drop table fixed_costs", "fixed_costs"),
        ("alter table repair_parts rename purchase_price to cost", "purchase_price"),
        ("alter table fixed_costs alter amount_per_month type float8", "round(double precision"),
    ],
    ids=["table", "column", "type"],
)
def test_another_schema_names_the_file_to_change(crm, change, words):
    # Every installation's CRM is a little different, and that is mended in one folder.
    crm.change(change)
    error = crm.error()
    assert isinstance(error, CrmError)
    assert_says(error, words, "include/sql/sources/")


def test_a_table_that_may_not_be_read_is_named(crm):
    # The DBA forgot one table.
    crm.change("revoke select on rentals from sancrm_reader")
    error = crm.error()
    assert isinstance(error, CrmError)
    assert_says(error, "sancrm_db", "rentals", "Grant it select")


def test_a_query_that_takes_too_long_is_stopped_and_tried_again(crm):
    # The limit of settings.toml is in force in the session.
    error = crm.error("select pg_sleep(10)", statement_timeout="50ms")
    assert isinstance(error, CrmUnreachableError)
    assert_says(error, "statement timeout", "include/settings.toml", "indexes.sql")


@pytest.mark.parametrize("then", ["select 1", None], ids=["in a query", "at the end"])
def test_a_session_that_is_ended_is_tried_again(crm, then):
    # An administrator's kill, or a restart of the server, in the middle of a report.
    def report():
        with snapshot(DatabaseSettings()) as cursor:
            process = cursor.execute("select pg_backend_pid() as id").fetchone()["id"]
            with psycopg.connect(crm.admin_dsn, autocommit=True) as admin:
                admin.execute("select pg_terminate_backend(%s, 5000)", [process])
            if then:
                cursor.execute(then)

    with pytest.raises(CrmUnreachableError, match="broke off"):
        report()


def test_a_division_by_zero_says_how_to_write_a_ratio(crm):
    # A formula that an engineer changed; a database without sales must not stop it.
    error = crm.error(crm.sql_with("profit / revenue", "profit / (revenue - revenue)"))
    assert isinstance(error, CrmError)
    assert_says(error, "nullif")


def test_wrong_sql_is_permanent_and_shows_the_place(crm):
    # A formula that an engineer mistyped.
    error = crm.error(crm.sql_with("sum(", "summ("))
    assert isinstance(error, CrmError)
    assert_says(error, "summ")
    error = crm.error(
        crm.sql_with("group by grouping sets ((branch_id)", "group grouping sets ((branch_id)")
    )
    assert isinstance(error, CrmError)
    assert_says(error, "syntax error", "grouping")


def test_an_unknown_session_setting_names_the_file_that_holds_it(crm):
    # A typing mistake in [database.session].
    error = crm.error(statment_timeout="60s")
    assert isinstance(error, CrmError)
    assert_says(error, "statment_timeout", "include/settings.toml")


def test_an_empty_database_is_no_report(crm):
    # Zeros for a whole network would look like a bad day.
    crm.change("truncate branches cascade")
    error = crm.error()
    assert isinstance(error, FiguresError)
    assert_says(error, "no active branch", "sancrm_db")


@pytest.mark.parametrize("name", ["", "  "])
def test_a_branch_without_a_name_is_named_by_its_id(crm, name):
    # A message that begins with a blank would be nobody's.
    crm.change(f"update branches set name = '{name}' where id = 1")  # noqa: S608
    error = crm.error()
    assert isinstance(error, FiguresError)
    assert_says(error, "Branch 1", "Give it one in the CRM")


@pytest.mark.parametrize(
    ("column", "figure"),
    [
        ("repair_services alter price", "repair_revenue"),
        ("repair_parts alter purchase_price", "variable_costs"),
        ("rentals alter total", "rental_revenue"),
    ],
)
def test_a_binary_float_is_refused(crm, column, figure):
    # A CRM may keep money as floats; kopecks must not be lost silently.
    crm.change(f"alter table {column} type float8")
    error = crm.error()
    assert isinstance(error, FiguresError)
    assert_says(error, figure, "float", "numeric")


def test_a_null_amount_is_refused_not_shown_as_a_blank(crm):
    # A formula without its coalesce, on a day without repairs.
    crm.change("truncate repairs cascade")
    sql = crm.sql_with(
        "coalesce(service_totals.repair_revenue, 0)", "service_totals.repair_revenue"
    )
    error = crm.error(sql)
    assert isinstance(error, FiguresError)
    assert_says(error, "null for repair_revenue", "coalesce(sum(…), 0)")


def test_a_lost_column_is_named(crm):
    # Somebody edited the last select.
    error = crm.error(crm.sql_with("    rental_count\nfrom results", "    1 as x\nfrom results"))
    assert isinstance(error, FiguresError)
    assert_says(error, "no column rental_count", "docs/metrics.md")


def test_a_doubled_branch_is_refused(crm):
    # The list of branches was joined with something that multiplies it.
    sql = crm.sql_with(
        "branches.opened_on\nfrom branches",
        "branches.opened_on\nfrom branches\ncross join generate_series(1, 2)",
    )
    error = crm.error(sql)
    assert isinstance(error, FiguresError)
    assert_says(error, "branch-1", "Aggregate to one row per branch")


def test_every_permanent_error_is_known_as_one():
    # Airflow's retries hang on this class alone.
    assert issubclass(CrmError, PermanentError)
    assert issubclass(FiguresError, PermanentError)
    assert not issubclass(CrmUnreachableError, PermanentError)


def test_the_session_cannot_write(crm):
    # Not even with an account that could: the connection may be a careless one.
    crm.connect(crm.server.dsn("broken_crm"))
    with pytest.raises(CrmError, match="read-only"), snapshot(DatabaseSettings()) as cursor:
        cursor.execute("delete from repair_services")


def test_the_session_sees_one_unchanging_state(crm):
    # The sums are compared between several queries, while the shops go on working.
    with snapshot(DatabaseSettings()) as cursor:
        before = read_profitability(cursor, crm.sql, DAY)
        crm.change("insert into repair_services values (2, 1, 'Ремонт', 5000, 1, 0)")
        assert read_profitability(cursor, crm.sql, DAY) == before
    assert crm.report()[0].revenue == before[0].revenue + 5000


def test_a_report_leaves_no_session_behind(crm):
    # The account may have few connections.
    crm.report()
    crm.error("select 1 / 0")
    with psycopg.connect(crm.admin_dsn) as admin:
        query = "select count(*) from pg_stat_activity where datname = 'broken_crm'"
        assert admin.execute(query).fetchone() == (1,)
