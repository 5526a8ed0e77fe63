"""That the documents are complete and true, as far as a machine can tell."""

import json
import os
import re
import runpy
import shlex
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_origin

import psycopg
import pytest
from airflow.cli.cli_parser import get_parser
from psycopg.rows import dict_row
from pydantic import BaseModel

from dags.test_dags import DAG_IDS
from demo.crm.load import create_schema
from demo.postgres import EmbeddedPostgres
from sancrm_reports.backups.drill.result import Trouble
from sancrm_reports.backups.settings import WatchedBackup
from sancrm_reports.pure.entry import State
from sancrm_reports.pure.figures import FIGURES
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.settings import Settings, load_settings
from sancrm_reports.wire.crm import read_missed_calls, read_profitability, sql_text
from sancrm_reports.wire.telegram_connection import Extra

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SQL = ROOT / "include" / "sql"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
TEXTS = {page: page.read_text("utf-8") for page in PAGES}
README = TEXTS[ROOT / "README.md"]
SETTINGS = TEXTS[DOCS / "settings.md"]
METRICS = TEXTS[DOCS / "metrics.md"]
SOURCES = TEXTS[DOCS / "sources.md"]
INSTALLATION = TEXTS[DOCS / "installation.md"]
RUNS = TEXTS[DOCS / "runs.md"]
DEVELOPMENT = TEXTS[DOCS / "development.md"]
EVERYTHING = "\n".join(TEXTS.values())
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


def blocks(text, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text, program):
    """The commands of a program in a page's shell blocks, a line each, without comments."""
    lines = "".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.split()[:1] == [program]]


def rows(text):
    """The tables' rows by what their first cell names."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in found}


def setting_keys(model=Settings, prefix=""):
    """Every setting by its dotted name, with its field; a table of a list has no name."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        *_, inner = (kind, *get_args(kind))  # of a table of sections, the section
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_keys(kind, f"{prefix}{name}.")
        elif isinstance(inner, type) and issubclass(inner, BaseModel) and not field.discriminator:
            within = name if get_origin(kind) is list else f"{name}.NAME"
            yield from setting_keys(inner, f"{prefix}{within}.")
        else:
            yield f"{prefix}{name}", field


def probe_keys():
    """Every key of every kind of probe, with its field."""
    for kind in get_args(WatchedBackup.model_fields["probe"].annotation):
        yield from kind.model_fields.items()


def squeezed(sql):
    """SQL without comments, and every gap as one space."""
    return " ".join(re.sub(r"--.*", "", sql).split())


# What runs


@pytest.fixture(scope="module")
def dag_file():
    return runpy.run_path(str(ROOT / "dags" / "profitability.py"))


@pytest.fixture(scope="module")
def params():
    """The params of all DAG files: name and param."""
    files = [runpy.run_path(str(file)) for file in ROOT.glob("dags/*.py")]
    return [param for file in files for param in file.get("PARAMS", {}).items()]


def test_the_readme_is_short():
    # It says what this is and where to read on; whatever takes longer has a page of its own.
    assert len(README.splitlines()) <= 150


def test_every_dag_is_in_the_readme():
    # The set that tests/dags holds Airflow to.
    assert rows(README).keys() >= DAG_IDS


def test_every_kind_of_report_is_in_the_docs():
    # Those that are off, too: in the settings as delivered, and what each is compared with.
    shipped = tomllib.loads((ROOT / "include" / "settings.toml").read_text("utf-8"))
    assert list(shipped["reports"]) == list(REPORT_KINDS)
    compared = METRICS.split("## Compared with")[1].split("\n## ")[0]
    for kind in REPORT_KINDS.values():
        assert f"`{kind.dag_id}`" in README
        assert f"`{kind.id}`" in SETTINGS
        assert f"| {kind.id} |" in compared


def test_every_task_is_in_the_readme(dag_file):
    # The graph that the README draws has the tasks that there are.
    assert all(task in README for task in dag_file["compute"].dag.task_ids)


def test_every_param_of_the_dags_is_in_the_docs_with_its_default(params):
    # In the table of the runs by hand; each value that is allowed is named, too.
    table = rows(RUNS)
    for name, param in params:
        default, meaning = table[name]
        shown = {"None": "empty", "[]": "empty", "False": "false"}.get(
            str(param.value), f"`{param.value}`"
        )
        assert default == shown, name
        assert all(f"`{value}`" in meaning for value in param.schema.get("enum", ())), name


def test_connections_and_pools_are_in_the_installation():
    # By the names that the settings have where nobody changes them.
    configured = load_settings(ROOT / "include" / "settings.toml")
    for name in (configured.database.conn_id, configured.telegram.conn_id):
        assert f"**`{name}`**" in INSTALLATION
        assert f"airflow connections add {name} " in INSTALLATION
    for pool in (configured.telegram.pool, configured.telegram.alerts_pool):
        assert f"airflow pools set {pool} " in INSTALLATION
    assert f"**`{configured.ledger.conn_id}`**" in INSTALLATION
    assert f"airflow connections add {configured.ledger.conn_id} " in TEXTS[DOCS / "ledger.md"]


def test_the_extra_of_the_connection_is_in_the_installation_with_its_defaults():
    # Every key that the hook takes, and what it is without.
    table = rows(INSTALLATION)
    for name, field in Extra.model_fields.items():
        default = table[name][0].strip("`")
        assert default == ("none" if field.default is None else str(field.default)), name


def test_every_state_of_the_ledger_is_explained():
    # In the table that says what the next try does.
    assert {state.value for state in State} <= rows(TEXTS[DOCS / "delivery.md"]).keys()


def test_every_trouble_of_a_drill_is_explained():
    # In the table that says what to do.
    assert {trouble.value for trouble in Trouble} <= rows(TEXTS[DOCS / "restore-drill.md"]).keys()


# Settings and environment


def test_every_setting_is_in_the_docs_with_its_default():
    # One row a key, no row without its key.
    table = {key: cells for key, cells in rows(SETTINGS).items() if "." in key}
    assert {key for key in table if key in dict(setting_keys())} == dict(setting_keys()).keys()
    for key, field in setting_keys():
        default = field.get_default(call_default_factory=True)
        shown = table[key][1].strip("`")
        if field.is_required():
            assert shown == "must be set", key
        elif default is None:
            assert shown == "none", key
        else:
            as_written = default == "" or isinstance(default, bool | list | dict)
            text = json.dumps(default, ensure_ascii=False) if as_written else str(default)
            assert shown == text, key


def test_every_key_of_a_probe_is_in_the_docs():
    # Of each kind, with its default.
    table = rows(SETTINGS)
    for name, field in probe_keys():
        default = field.get_default(call_default_factory=True)
        shown = table[name][1].strip("`")
        if field.is_required():
            assert shown == "must be set", name
        else:
            assert shown == ("none" if default is None else str(default) or '""'), name


def test_no_setting_of_the_docs_is_gone():
    # A row whose key the code does not know any more.
    keys = [key for key in rows(SETTINGS) if re.fullmatch(r"[a-z_]+(\.[a-z_]+|\.NAME)+", key)]
    assert set(keys) == {key for key, _ in setting_keys()}


def test_every_key_of_the_file_comes_back_as_it_stands_there(monkeypatch):
    # include/settings.toml: nothing is renamed, dropped or changed by reading it.
    for name in [name for name in os.environ if name.startswith("SANCRM__")]:
        monkeypatch.delenv(name)
    file = ROOT / "include" / "settings.toml"

    def same(written, read, key=""):
        if isinstance(written, dict):
            for name, value in written.items():
                same(value, read[name], f"{key}.{name}")
        else:
            # An address gets its slash.
            assert read == written or read == f"{written}/", key

    same(tomllib.loads(file.read_text("utf-8")), load_settings(file).model_dump(mode="json"))


def test_the_example_of_the_docs_can_be_used(tmp_path):
    # Copied into a file, it is accepted, and it shows every section.
    [example] = blocks(SETTINGS, "toml")
    path = tmp_path / "settings.toml"
    path.write_text(example, "utf-8")
    configured = load_settings(path)
    assert set(tomllib.loads(example)) == set(Settings.model_fields)
    assert configured.chats.of_branch("3") == ["-1009876543210", "-1001234567890"]
    assert configured.chats.of_branch("7") == ["-1009876543210"]


def test_every_environment_variable_is_in_the_docs():
    # Those that our own code reads or sets.
    sources = [file for folder in ("dags", "plugins", "include") for file in python_of(folder)]
    names = {
        name
        for file in sources
        for name in re.findall(r'"((?:SANCRM|TELEGRAM)_[A-Z_]+[A-Z])"', file.read_text("utf-8"))
    }
    assert {"SANCRM_INCLUDE", "SANCRM_DEMO_DSN", "TELEGRAM_BOT_TOKEN"} <= names
    assert {name for name in names if name not in SETTINGS} <= overrides()


def overrides():
    """The names by which the environment changes a setting: explained once, for all of them."""
    # NAME stands for that of a backup; the demo and the shipped file have one called sancrm.
    keys = [
        key.replace("reports.NAME.", f"reports.{kind}.").replace(".NAME.", ".sancrm.")
        for key, _ in setting_keys()
        for kind in REPORT_KINDS
    ]
    return {f"SANCRM__{key.upper().replace('.', '__')}" for key in keys}


def python_of(folder):
    return (ROOT / folder).rglob("*.py")


def test_every_override_in_the_docs_is_a_setting():
    # SANCRM__… names that are shown lead to a key that exists.
    shown = set(re.findall(r"SANCRM__[A-Z]+__[A-Z_]+", EVERYTHING)) - {"SANCRM__SECTION__KEY"}
    assert shown
    assert shown <= overrides()


# SQL


def test_every_sql_file_is_in_the_docs():
    # A new question, or a new source, with no word about it.
    for file in SQL.rglob("*.sql"):
        page = SOURCES if file.parent.name == "sources" else EVERYTHING
        assert file.name in page, file.name


def test_what_metrics_quotes_stands_in_the_sql():
    # Block by block, gaps and comments aside: a formula cannot change without its page.
    formulas = [squeezed(file.read_text("utf-8")) for file in SQL.rglob("*.sql")]
    quoted = [squeezed(block) for block in blocks(METRICS, "sql")]
    assert len(quoted) > 10
    for block in quoted:
        assert any(block in formula for formula in formulas), block


def test_every_figure_has_its_row_and_its_unit():
    # In the first table of metrics.md; only margin and fixed costs may be unknown.
    table = rows(METRICS)
    assert set(FIGURES) <= table.keys()
    nullable = {name for name in FIGURES if table[name][1].startswith("yes")}
    assert nullable == {"fixed_costs", "margin"}


@pytest.mark.parametrize("file", sorted((SQL / "sources").glob("*.sql")), ids=lambda f: f.stem)
def test_the_columns_of_a_source_are_those_of_the_docs(file):
    # In its own section, no more and no fewer.
    sql = re.sub(r"--.*", "", file.read_text("utf-8"))
    selected = re.search(r"select\s(.*?)\sfrom\s", sql, re.DOTALL)[1].split(",")
    columns = {re.split(r"[.\s]", column.strip())[-1] for column in selected}
    section = SOURCES.split(f"## `{file.name}`")[1].split("\n## ")[0]
    assert set(rows(section)) == columns


def test_the_account_of_the_installation_is_enough_for_a_report():
    # The SQL for the DBA, run as it stands: the account then reads everything and writes nothing.
    [account] = blocks(INSTALLATION, "sql")
    settings = load_settings(ROOT / "include" / "settings.toml")
    day = Period.last_whole_before(NOON, kind=PeriodKind.DAY, timezone="Europe/Moscow")
    with EmbeddedPostgres() as postgres:
        dsn = postgres.create_database("crm")
        with psycopg.connect(dsn, autocommit=True) as dba:
            create_schema(dba)
            dba.execute(account)
            try:
                login = {"user": "sancrm_reports", "password": "choose-one"}
                with psycopg.connect(dsn, row_factory=dict_row, **login) as reader:
                    figures = read_profitability(reader.cursor(), sql_text(SQL), day)
                    backup_runs = sql_text(SQL, "backup_runs.sql")
                    assert reader.execute(backup_runs, {"database": "crm"}).fetchall() == []
                    calls = sql_text(SQL, "missed_calls.sql")
                    read_missed_calls(reader.cursor(), calls, settings.missed_calls.statuses)
                    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                        reader.execute("delete from branches")
            finally:
                dba.execute("drop owned by sancrm_reports; drop role sancrm_reports")
    assert [row.subject for row in figures] == ["unallocated", "network"]


def test_the_account_of_the_installation_with_one_more_grant_is_enough_for_a_drill():
    # What docs/restore-drill.md has the DBA add; it counts every table of the drill.
    [account] = blocks(INSTALLATION, "sql")
    [grant] = re.findall(r"^ *(grant .*;)$", TEXTS[DOCS / "restore-drill.md"], re.MULTILINE)
    statements = (SQL / "restore_drill.sql").read_text("utf-8").split(";")
    with EmbeddedPostgres() as postgres:
        dsn = postgres.create_database("crm")
        with psycopg.connect(dsn, autocommit=True) as dba:
            create_schema(dba)
            dba.execute(account)
            dba.execute(grant)
            try:
                login = {"user": "sancrm_reports", "password": "choose-one"}
                with psycopg.connect(dsn, **login) as reader:
                    counts = [
                        reader.execute(text).fetchone()[1] for text in statements if text.strip()
                    ]
            finally:
                dba.execute("drop owned by sancrm_reports; drop role sancrm_reports")
    assert counts == [0] * 7


# Commands


@pytest.mark.parametrize(
    "command", [line for text in TEXTS.values() for line in commands(text, "airflow")]
)
def test_airflow_understands_a_command(command):
    # Each command of the docs goes through Airflow's own parser; what it is given as JSON is JSON.
    _, *arguments = shlex.split(command)
    parsed = vars(get_parser().parse_args(arguments))
    for name in ("conf", "dag_run_conf", "conn_extra"):
        if parsed.get(name):
            json.loads(parsed[name])


def test_the_runbook_leaves_runs_to_the_scheduler():
    # Beside one, `airflow dags test` shares the run with it: decision 0040.
    runbook = commands(TEXTS[DOCS / "runbook.md"], "airflow")
    assert runbook
    assert not [line for line in runbook if line.startswith("airflow dags test")]


def test_the_installation_shows_airflow_commands():
    # So that the test above does not pass for want of commands.
    assert len(commands(INSTALLATION, "airflow")) >= 8


def test_the_params_in_commands_are_params(params):
    # --conf '{"perod": …}' would be taken without a word and change nothing.
    given = re.findall(r"--(?:dag-run-)?conf '(\{.*?\})'", EVERYTHING)
    assert given
    assert {name for text in given for name in json.loads(text)} <= dict(params).keys()


def test_make_commands_in_the_docs_exist_and_all_are_told():
    # A target that is gone, or one that nobody hears of.
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))
    told = set(re.findall(r"\bmake (?:[A-Z]+=\S+ )?([a-z][a-z-]*)`", EVERYTHING))
    told |= {word for text in TEXTS.values() for word in make_targets(text)}
    assert told <= targets
    assert targets <= {name.split()[1] for name in rows(DEVELOPMENT) if name.startswith("make ")}


def make_targets(text):
    words = [word for line in commands(text, "make") for word in shlex.split(line, comments=True)]
    return {word for word in words if "=" not in word} - {"make"}


def test_every_dependency_has_its_reason():
    # One row each, in the table of its own file; none that is not required any more.
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text("utf-8").splitlines()
        required = {re.split(r"[<>=\[;]", line)[0] for line in lines if not line.startswith("-")}
        section = DEVELOPMENT.split(f"| In `{name}` |")[1].split("\n\n")[0]
        assert required == rows(section).keys(), name


# Links


def links(text):
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(text):
    """The headings as the hosts of repositories name them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    # To a file, a folder or a picture, and to a heading that is there.
    for link in links(TEXTS[page]):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert ROOT in [target, *target.parents], link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


def test_every_decision_is_in_their_list_with_its_title():
    # Each number once, each named as its own first line does, with its date and its own status.
    folder = DOCS / "decisions"
    line = r"^- \[(.*?)\]\((.*?)\) · \d{4}-\d\d-\d\d · (accepted|(?:partly )?superseded by \d{4})$"
    listed = re.findall(line, TEXTS[folder / "README.md"], re.MULTILINE)
    records = sorted(folder.glob("[0-9]*.md"))
    assert sorted(name for _, name, _ in listed) == [record.name for record in records]
    numbers = [record.name[:4] for record in records]
    assert len(set(numbers)) == len(numbers)
    for title, name, status in listed:
        record = TEXTS[folder / name]
        assert record.startswith(f"# {title}\n")
        replaced = re.search(r"^\*\*((?:Partly s|S)uperseded by (\d{4}))\*\*", record, re.MULTILINE)
        assert status == (replaced[1].lower() if replaced else "accepted"), name
        assert not replaced or replaced[2] in numbers, name


def test_every_page_that_the_code_refers_to_exists():
    # "docs/metrics.md" in a docstring, an error's text or the SQL.
    for folder in ("dags", "plugins", "include", "tests"):
        for file in (ROOT / folder).rglob("*.*"):
            if file.suffix in (".py", ".sql", ".toml") and file != Path(__file__):
                found = re.findall(r"docs/[a-z0-9/_.-]+\.(?:md|webp)", file.read_text("utf-8"))
                assert all((ROOT / name).exists() for name in found), (file, found)


def test_every_picture_is_shown_and_small():
    # None that nobody looks at, none that is slow to load.
    shown = {Path(link).name for text in TEXTS.values() for link in links(text)}
    pictures = list((DOCS / "pictures").iterdir())
    assert {picture.name for picture in pictures} <= shown
    assert all(picture.stat().st_size < 200_000 for picture in pictures)
