"""One PostgreSQL for all tests of the figures, and the product's SQL as Airflow renders it."""

from pathlib import Path

import psycopg
import pytest
from jinja2 import Environment, FileSystemLoader
from psycopg.rows import dict_row

from demo.crm.load import create_schema
from demo.postgres import EmbeddedPostgres

SQL = Path(__file__).parents[2] / "include" / "sql"


@pytest.fixture(scope="session")
def server():
    with EmbeddedPostgres() as running:
        yield running


@pytest.fixture(scope="session")
def connection(server):
    """A database with the empty tables; every test leaves it empty."""
    dsn = server.create_database("figures")
    with psycopg.connect(dsn, row_factory=dict_row) as opened:
        create_schema(opened)
        opened.commit()
        yield opened
        opened.rollback()


@pytest.fixture(scope="session")
def profitability_sql():
    return Environment(loader=FileSystemLoader(SQL)).get_template("profitability.sql").render()
