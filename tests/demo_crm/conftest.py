"""One server for all these tests, and one loaded demo for each day that is looked at."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from demo.crm import load_demo
from demo.postgres import EmbeddedPostgres

MONDAY = date(2026, 11, 23)
DAYS = (
    MONDAY,  # yesterday is a Sunday
    date(2026, 3, 1),  # last month ended yesterday, and had 28 days
    date(2026, 1, 2),  # yesterday is New Year's Day
    date(2028, 2, 29),  # a day that most years do not have
)


@dataclass(frozen=True)
class Demo:
    """A loaded demo and its day."""

    today: date
    dsn: str
    connection: psycopg.Connection[Any]

    @property
    def name(self) -> str:
        return self.connection.info.dbname

    @property
    def yesterday(self) -> date:
        return self.today - timedelta(days=1)

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        values |= {"today": self.today, "yesterday": self.yesterday}
        return self.connection.execute(query.encode(), values).fetchall()

    def value(self, query: str, **values: object) -> Any:
        return self.rows(query, **values)[0][0]


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as running:
        yield running


# For tests only: the figures of each branch and day, by the definitions of the reports.
FIGURES = """
create temporary view lines as
select repair_id, price * quantity - discount as revenue, 0 as cost, 0 as used_up, false as unknown
from repair_services
union all
select repair_id, sale_price * quantity - discount, coalesce(purchase_price, 0) * quantity,
    case when is_written_off then coalesce(purchase_price, 0) * quantity else 0 end,
    purchase_price is null
from repair_parts;

create temporary view movements as
select r.branch_id, (r.closed_at at time zone 'Europe/Moscow')::date as day, 1 as repairs,
    0 as rentals, coalesce(sum(l.revenue), 0) as revenue, coalesce(sum(l.cost), 0) as costs
from repairs r join repair_statuses s on s.id = r.status_id left join lines l on l.repair_id = r.id
where s.status_group = 'closed_success' group by r.id
union all
select r.branch_id, (r.closed_at at time zone 'Europe/Moscow')::date, 0, 0, 0, sum(l.used_up)
from repairs r join repair_statuses s on s.id = r.status_id join lines l on l.repair_id = r.id
where s.status_group = 'closed_failure' group by r.id
union all
select branch_id, (ended_at at time zone 'Europe/Moscow')::date, 0, 1,
    coalesce(total, price_per_day * greatest(
        1, ceil(extract(epoch from ended_at - started_at) / 86400))), 0
from rentals where status = 'returned';

create temporary view final_changes as
select c.repair_id, count(*) as times, max(c.changed_at) as latest
from repair_status_changes c join repair_statuses s on s.id = c.status_id
where s.is_final group by c.repair_id;

create temporary view fixed_costs_by_day as
select branch_id, day::date, amount_per_month / extract(
    day from date_trunc('month', day) + interval '1 month - 1 day') as amount
from fixed_costs, generate_series(valid_from, coalesce(valid_to, '2030-01-01') - 1, '1 day') day;
"""


@pytest.fixture(scope="session")
def load_day(server: EmbeddedPostgres) -> Iterator[Callable[[date], Demo]]:
    """Return a function that loads the demo of a day, once however often it is asked for."""
    with ExitStack() as connections:

        @functools.cache
        def load(day: date) -> Demo:
            dsn = server.create_database(f"demo_{day:%Y%m%d}")
            load_demo(dsn, today=day)
            connection = psycopg.connect(dsn, options="-c timezone=Europe/Moscow")
            connection.autocommit = True
            connections.enter_context(connection).execute(FIGURES.encode())
            return Demo(day, dsn, connection)

        yield load


@pytest.fixture(scope="session", params=DAYS, ids=str)
def demo(request: pytest.FixtureRequest, load_day: Callable[[date], Demo]) -> Demo:
    return load_day(request.param)


@pytest.fixture(scope="session")
def monday(load_day: Callable[[date], Demo]) -> Demo:
    return load_day(MONDAY)
