"""What of a dump is left out, and what a refusal of the server means."""

from time import process_time

import pytest

from sancrm_reports.backups.drill.refusals import meaning_of
from sancrm_reports.backups.drill.result import Trouble
from sancrm_reports.backups.dumps.contents import (
    AmbiguousListError,
    Extension,
    Mentions,
    TocEntry,
    left_out,
    mention_of,
    read_list,
    worth_telling,
)

LIST = """
; Archive created at 2026-11-25 22:20:45 UTC
;     TOC Entries: 9
2; 3079 16385 EXTENSION - postgres_fdw
3; 3079 16386 EXTENSION - hstore
4; 2615 2200 SCHEMA - public crm
5; 1417 16400 SERVER - prod crm
;	depends on: 2
6; 1259 16401 FOREIGN TABLE public far crm
;	depends on: 5
7; 1259 16402 MATERIALIZED VIEW public copied crm
;	depends on: 6
8; 0 16402 MATERIALIZED VIEW DATA public copied crm
;	depends on: 7 99
9; 1259 16403 TABLE public near crm
;	depends on: 5
10; 0 16403 TABLE DATA public near crm
;	depends on: 9
11; 0 0 COMMENT - EXTENSION hstore
;	depends on: 3
"""
HSTORE = Extension("hstore")


def test_what_needs_what_is_left_out_goes_too_but_never_a_table():
    # A table that is not made would be missing in the copy; it is tried, and its error told.
    entries = read_list(LIST.splitlines())
    out = left_out(entries, [HSTORE])
    assert [entry.id for entry in out] == [2, 3, 4, 5, 6, 7, 8, 11]
    assert worth_telling(out, [HSTORE]) == [
        "EXTENSION postgres_fdw",
        "SERVER prod",
        "FOREIGN TABLE public far",
        "MATERIALIZED VIEW public copied",
        "MATERIALIZED VIEW DATA public copied",
    ]


def test_a_hostile_text_keeps_no_pattern_busy():
    # A chain of a hundred thousand views, and lines that a careless pattern reads again and again.
    begun = process_time()
    chain = [TocEntry(0, "SERVER", "- s crm")]
    chain += [
        TocEntry(i, "VIEW", f"public v{i} crm", frozenset({i - 1})) for i in range(1, 100_000)
    ]
    assert len(left_out(chain, [])) == len(chain)
    found = Mentions()
    for line in ("GRANT " + "TO a WITH " * 100_000, "ALTER " + "OWNER TO " * 100_000):
        found.read(line)
    assert process_time() - begun < 10
    assert found.roles == set()


def test_the_schema_of_an_extension_that_was_made_is_there():
    # Making it a second time would be an error.
    entries = read_list(["1; 2615 1 SCHEMA - ext crm", "2; 2615 2 SCHEMA - extra crm"])
    assert [entry.id for entry in left_out(entries, [Extension("hstore", "ext")])] == [1]


def test_a_list_with_one_number_twice_is_none_of_pg_dumps():
    # A name with a new line could bring back what is left out.
    with pytest.raises(AmbiguousListError):
        read_list(["7; 0 0 EVENT TRIGGER - e crm", "7; 0 0 TABLE public t crm"])


def test_extensions_and_roles_are_read_from_sql():
    # Quoted or not, as pg_dump writes them; everybody and oneself are no roles to be made.
    found = Mentions()
    for line in (
        'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA ext;',
        "CREATE EXTENSION IF NOT EXISTS hstore;",
        'ALTER TABLE public.t OWNER TO "Старший ""М""";',
        "GRANT SELECT ON TABLE public.t TO reader WITH GRANT OPTION;",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;",
        "ALTER DEFAULT PRIVILEGES FOR ROLE crm IN SCHEMA public GRANT SELECT ON TABLES TO other;",
        'CREATE POLICY p ON public.t FOR SELECT TO one, "two, too" USING ((x > 1));',
        "INSERT INTO t VALUES ('GRANT x TO nobody;');",
    ):
        found.read(line)
    assert found.extensions == {"uuid-ossp": Extension("uuid-ossp", "ext"), "hstore": HSTORE}
    assert found.roles == {'Старший "М"', "reader", "crm", "one", "two, too"}


@pytest.mark.parametrize(
    ("sql", "is_named"),
    [
        ("FROM public.far;", True),
        ('FROM "public".far)', True),
        ("FROM public.farther", False),
        ("FROM other.far", False),
        ("FROM notpublic.far", False),
    ],
)
def test_a_name_is_found_with_its_schema(sql, is_named):
    # pg_dump always writes both.
    assert bool(mention_of("public", "far").search(sql)) is is_named


@pytest.mark.parametrize(
    ("line", "trouble", "words"),
    [  # of PostgreSQL 15, and of 16 to 18
        (
            "must be superuser or have privileges of the pg_execute_server_program role to COPY "
            "to or from an external program",
            Trouble.REACHES_OUT,
            "tried.program",
        ),
        (
            "permission denied to COPY to or from an external program",
            Trouble.REACHES_OUT,
            "tried.program",
        ),
        ("permission denied to COPY from a file", Trouble.REACHES_OUT, "tried.files"),
        ("must be superuser to create subscriptions", Trouble.REACHES_OUT, "tried.server"),
        ("permission denied to create subscription", Trouble.REACHES_OUT, "tried.server"),
        ("must be superuser to create superusers", Trouble.REACHES_OUT, "tried.roles"),
        ("permission denied to alter role", Trouble.REACHES_OUT, "tried.roles"),
        (
            'permission denied to set parameter "log_statement"',
            Trouble.REACHES_OUT,
            "tried.settings",
        ),
        (r"error: \unrestrict: wrong key", Trouble.REACHES_OUT, "tried.psql"),
        ("must be superuser to create an operator class", Trouble.NEEDS_RIGHTS, ""),
        ("only superuser can define a leakproof function", Trouble.NEEDS_RIGHTS, ""),
        ('role "manager" does not exist', Trouble.REFUSED, "lacks.role manager"),
        ('extension "postgis" is not available', Trouble.REFUSED, "lacks.extension postgis"),
        ('tablespace "fast" does not exist', Trouble.REFUSED, ""),
        ("out of memory", Trouble.TOO_LARGE, ""),
        ("duplicate key value violates unique constraint", Trouble.REFUSED, ""),
    ],
)
def test_a_refusal_is_told_by_what_was_tried_or_is_missing(line, trouble, words):
    # What only a superuser may do is not by itself an attack.
    found, told = meaning_of(line)
    assert found is trouble
    assert " ".join(told or ()).strip() == words
