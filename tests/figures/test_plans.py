"""Plans as they are read: from a real database, and from files as people save them."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sancrm_reports.pure.plans import PlansError
from sancrm_reports.wire.plans import read_plans

INCLUDE = Path(__file__).parents[2] / "include"
NOVEMBER = date(2026, 11, 1)
PLANS = {
    (NOVEMBER, None, "profit"): Decimal("1200000.50"),
    (NOVEMBER, "3", "revenue"): Decimal(400000),
}


def test_plans_come_from_the_table_of_the_crm(connection):
    # By the shipped source; nothing is read where the settings want none.
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute(
            "insert into branches (id, name, code_prefix, is_active) values (3, 'Юг', 'U', true)"
        )
        cursor.execute(
            "insert into plans values (1, '2026-11-01', null, 'profit', 1200000.50),"
            " (2, '2026-11-01', 3, 'revenue', 400000)"
        )
        assert read_plans(cursor, INCLUDE, "sql") == PLANS
        assert read_plans(cursor, INCLUDE, "") == {}


@pytest.mark.parametrize(
    "text",
    [
        "month,branch_id,figure,amount\n2026-11,,profit,1200000.50\n2026-11,3,revenue,400000\n",
        "\ufeffmonth;branch_id;figure;amount\r\n2026-11;;profit;1 200 000,50\r\n\r\n"
        "2026-11-01;3;revenue;400000\r\n",  # as a Russian Excel saves it
        'figure,month,amount,branch_id\nprofit,2026-11,"1200000,5",\nrevenue,2026-11,400000,3',
    ],
)
def test_plans_come_from_a_file_as_a_spreadsheet_saves_it(tmp_path, text):
    # Any order of columns, empty lines, a byte order mark.
    (tmp_path / "plans.csv").write_text(text, "utf-8", newline="")
    assert read_plans(None, tmp_path, "csv") == PLANS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "plans.csv is missing"),
        (b"month,branch_id,figure,amount\n2026-11,,profit,1200000,50", "line 2 has more cells"),
        (b"month,branch,figure,amount\n2026-11,,profit,1", "line 2 has no column branch_id"),
        (b"month,branch_id,figure,amount\n2026-11,,profit,\n", "line 2: amount is ''"),
        ("month,branch_id,figure,amount\n2026-11,,прибыль,1".encode(), "profit or revenue"),
        ("month,прибыль".encode("cp1251"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_line(tmp_path, data, words):
    # And nothing of it is used.
    if data is not None:
        (tmp_path / "plans.csv").write_bytes(data)
    with pytest.raises(PlansError, match=words):
        read_plans(None, tmp_path, "csv")
