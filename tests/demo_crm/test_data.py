"""What the demo promises to show, on every day that it may be looked at."""

from __future__ import annotations

import re
from datetime import timedelta

FREE_CODES = {907, *range(942, 949), 957, *range(972, 977)}


def test_every_reference_leads_somewhere(demo):
    # The rows are loaded without checking each; here each is checked.
    keys = demo.rows(
        "select conrelid::regclass::text, attname, confrelid::regclass::text"
        " from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]"
        " where contype = 'f'"
    )
    assert len(keys) == 17
    for table, column, target in keys:
        orphans = f"select count(*) from {table} t where {column} is not null and not exists ("  # noqa: S608
        orphans += f"select from {target} where id = t.{column})"
        assert demo.value(orphans) == 0, (table, column)


def test_closed_at_is_the_latest_change_into_a_final_status(demo):
    # And null for every repair that is not in one, also for one that was closed before.
    assert not demo.rows(
        """
        select r.id from repairs r join repair_statuses s on s.id = r.status_id
        left join final_changes f on f.repair_id = r.id
        where r.closed_at is distinct from case when s.is_final then f.latest end
            or (s.is_final and f.latest is null)
        """
    )


def test_the_history_begins_with_the_acceptance_and_ends_with_the_status(demo):
    # No change lies outside, none is of the same time as another, none is in the future.
    assert not demo.rows(
        """
        select r.id from repairs r join repair_status_changes c on c.repair_id = r.id
        group by r.id
        having min(c.changed_at) <> r.accepted_at
            or (array_agg(c.status_id order by c.changed_at desc))[1] <> r.status_id
            or count(*) <> count(distinct c.changed_at)
            or max(c.changed_at) > %(today)s::timestamptz + interval '12 hours'
        """
    )
    assert (
        demo.value(
            "select count(*) from repairs r"
            " where not exists (select from repair_status_changes c where c.repair_id = r.id)"
        )
        == 0
    )


def test_a_tool_is_never_out_twice(demo):
    # Rentals of one tool follow each other, and only one that is out has no end.
    assert not demo.rows(
        """
        select id from (
            select id, started_at, lag(coalesce(ended_at, 'infinity')) over (
                partition by tool_id order by started_at) as before from rentals
        ) r where before >= started_at
        """
    )
    assert not demo.rows(
        "select id from rentals where (status = 'returned') <> (ended_at is not null)"
        " or ended_at <= started_at or (total is not null and ended_at is null)"
    )


def test_no_line_is_negative(demo):
    # A discount never exceeds the line.
    assert demo.value("select min(revenue) from lines") >= 0
    assert demo.value("select count(*) from repair_parts where quantity <= 0") == 0


def test_the_sizes_are_those_of_a_real_network(demo):
    # Some 12,000 repairs in fourteen months, and a busy day in season.
    sizes = demo.rows(
        "select (select count(*) from repairs), (select count(*) from rentals),"
        " (select count(*) from lines)"
    )[0]
    assert 10_000 < sizes[0] < 14_000
    assert 3_300 < sizes[1] < 5_000
    assert 25_000 < sizes[2] < 35_000
    in_season = demo.value(
        "select sum(repairs)::float / count(distinct day) from movements"
        " where extract(month from day) between 4 and 10"
    )
    assert 25 < in_season < 40


def test_fourteen_months_have_movements_and_so_has_this_morning(demo):
    # The first full month is fourteen months back; today's data is partial, not absent.
    first = demo.value("select min(day) from movements")
    months = (demo.today.year - first.year) * 12 + demo.today.month - first.month
    assert months == 14
    assert demo.value("select count(*) from movements where day = %(today)s") > 0
    assert demo.value("select count(*) from movements where day > %(today)s") == 0


def test_branches_differ_in_size_and_one_opened_and_one_closed(demo):
    # In the middle of months that the monthly reports show.
    branches = demo.rows("select is_active, opened_on, closed_on from branches order by id")
    assert len(branches) == 7
    recent = demo.today - timedelta(days=200)
    opened = [opened for _, opened, _ in branches if opened and opened > recent]
    closed = [(active, closed) for active, _, closed in branches if closed]
    assert len(opened) == len(closed) == 1
    assert not closed[0][0]
    assert 10 < opened[0].day < 20
    assert 10 < closed[0][1].day < 20
    outside = demo.value(
        "select count(*) from movements m join branches b on b.id = m.branch_id"
        " where m.day < b.opened_on or m.day > b.closed_on"
    )
    assert outside == 0
    assert (
        demo.value(
            "select count(*) from movements m join branches b on b.id = m.branch_id"
            " where not b.is_active and m.day >= b.closed_on - 30"
        )
        > 20
    )
    share = demo.rows("select sum(repairs) from movements group by branch_id order by 1 desc")
    assert share[0][0] > 4 * share[-2][0]


def test_names_contain_what_breaks_messages(demo):
    # Markup, ampersands, quotes and emoji, in a branch and in customers who wait for a call.
    names = " ".join(name for (name,) in demo.rows("select name from branches"))
    waiting = " ".join(
        name
        for (name,) in demo.rows(
            "select c.name from repairs r join customers c on c.id = r.customer_id"
            " join repair_statuses s on s.id = r.status_id"
            " where needs_callback and s.code in ('ready', 'selection')"
        )
    )
    for text in ("<", "&", '"'):
        assert text in names
        assert text in waiting
    assert "🌲" in names
    assert "🔧" in waiting


def test_exactly_one_active_branch_had_no_movements_yesterday(demo):
    # A small one, which was busy on the day that yesterday is compared with.
    idle = demo.rows(
        "select id, name from branches b where is_active and not exists ("
        "select from movements m where m.branch_id = b.id and m.day = %(yesterday)s)"
    )
    assert [name for _, name in idle] == ["Филиал в Конаково 🌲"]
    week_before = demo.yesterday - timedelta(days=7)
    query = "select count(*) from movements where branch_id = %(id)s and day = %(day)s"
    assert demo.value(query, id=idle[0][0], day=week_before) > 0


def test_the_big_branches_had_a_full_day_yesterday(demo):
    # Repairs and rentals, whatever weekday or holiday it was.
    rows = demo.rows(
        "select branch_id, sum(repairs), sum(rentals) from movements"
        " where day = %(yesterday)s and branch_id <= 3 group by 1"
    )
    assert len(rows) == 3
    assert all(repairs >= 5 and rentals >= 2 for _, repairs, rentals in rows)


def test_small_branches_have_an_idle_day_in_nearly_every_week(demo):
    # So "no movements" is an ordinary sight, not an accident.
    weeks = demo.rows(
        """
        select b.id, date_trunc('week', d), count(distinct m.day)
        from branches b
        cross join generate_series(%(today)s::date - 119, %(today)s::date - 8, '1 day') d
        left join movements m on m.branch_id = b.id and m.day = d::date
        where b.name like '%%вокзала%%' or b.name like '%%Конаково%%'
        group by 1, 2 having count(distinct d) = 7
        """
    )
    assert weeks
    assert all(days < 7 for *_, days in weeks)


def test_weekdays_and_seasons_have_their_pattern(demo):
    # Sundays are weaker than Mondays, summer is stronger than January.
    by_weekday = dict(
        demo.rows("select extract(isodow from day)::int, sum(repairs) from movements group by 1")
    )
    assert by_weekday[7] < 0.75 * by_weekday[1]
    by_month = dict(
        demo.rows(
            "select extract(month from day)::int, sum(repairs)::float / count(distinct day)"
            " from movements where branch_id = 1 group by 1"
        )
    )
    assert by_month[6] > 1.4 * by_month[1]


def test_one_branch_lost_money_yesterday_on_a_warranty_case(demo):
    # The part cost more than the branch took in all day, fixed costs included.
    losses = demo.rows(
        """
        select name from branches b
        join (
            select branch_id, sum(revenue - costs) as profit from movements
            where day = %(yesterday)s group by 1
        ) m on m.branch_id = b.id
        left join (
            select branch_id, sum(amount) as amount from fixed_costs_by_day
            where day = %(yesterday)s group by 1
        ) f on f.branch_id = b.id
        where profit < coalesce(amount, 0)
        """
    )
    assert losses == [("Прокат и ремонт на Садовой",)]


def test_the_network_is_profitable(demo):
    # By a quarter to a half of its revenue over the last twelve whole months.
    margin = demo.value(
        """
        with bounds as (select date_trunc('month', %(today)s::date)::date as until),
        taken as (
            select sum(revenue) as revenue, sum(costs) as costs from movements, bounds
            where day < until and day >= until - interval '12 months'
        ),
        fixed as (
            select sum(amount) as amount from fixed_costs_by_day, bounds
            where day < until and day >= until - interval '12 months'
        )
        select (revenue - costs - amount) / revenue from taken, fixed
        """
    )
    assert 0.25 < margin < 0.45


def test_parts_without_a_cost_were_used_yesterday(demo):
    # The report must say that its costs are too low.
    unknown = demo.rows(
        "select distinct r.branch_id from repairs r join lines l on l.repair_id = r.id"
        " where l.unknown and r.closed_at::date = %(yesterday)s"
    )
    assert unknown
    rate = demo.value("select avg((purchase_price is null)::int) from repair_parts")
    assert 0.01 < rate < 0.04


def test_a_device_was_scrapped_yesterday_with_parts_used_up(demo):
    # A cost without income, and beside it a part that was not used up.
    rows = demo.rows(
        "select s.name, p.is_written_off from repairs r"
        " join repair_statuses s on s.id = r.status_id join repair_parts p on p.repair_id = r.id"
        " where s.status_group = 'closed_failure' and r.closed_at::date = %(yesterday)s"
        " order by 2"
    )
    assert ("Утилизирован", True) in rows
    assert ("Утилизирован", False) in rows


def test_some_repairs_were_closed_twice_and_some_are_in_work_again(demo):
    # The second closing counts; a repair that came back does not count until then.
    twice, in_work = demo.rows(
        """
        select count(*) filter (where r.closed_at is not null and f.times = 2),
            count(*) filter (where r.closed_at is null)
        from repairs r join final_changes f on f.repair_id = r.id
        """
    )[0]
    assert twice > 50
    assert in_work == 2


def test_some_repairs_are_closed_soon_after_midnight(demo):
    # In UTC they belong to another day than in the account's zone.
    assert (
        demo.value(
            "select count(*) from repairs where closed_at::date"
            " <> (closed_at at time zone 'UTC')::date"
        )
        > 10
    )


def test_rentals_show_their_odd_cases(demo):
    # Over a New Year, without a total, still out, and overdue.
    odd = demo.rows(
        """
        select
            count(*) filter (where extract(year from ended_at) > extract(year from started_at)),
            count(*) filter (where status = 'returned' and total is null),
            count(*) filter (where status = 'rented'),
            count(*) filter (where status = 'rented' and expected_end_at < %(today)s)
        from rentals
        """
    )[0]
    assert odd[0] >= 5
    assert odd[1] >= 50
    assert odd[2] >= 15
    assert odd[3] >= 1


def test_twelve_customers_wait_for_a_call(demo):
    # In Готов and Подбор, some devices half known, one a company, one phone malformed.
    rows = demo.rows(
        "select s.name, r.brand_id, r.model, c.company_name, c.phone from repairs r"
        " join repair_statuses s on s.id = r.status_id join customers c on c.id = r.customer_id"
        " where needs_callback and s.name in ('Готов', 'Подбор')"
    )
    assert len(rows) == 12
    assert {name for name, *_ in rows} == {"Готов", "Подбор"}
    assert sum(brand is None for _, brand, *_ in rows) == 2
    assert sum(model is None for _, _, model, *_ in rows) == 2
    assert sum(company is not None for *_, company, _ in rows) == 1
    assert sum(not (len(phone) == 12 and phone[1:].isdigit()) for *_, phone in rows) == 1
    others = "select count(*) from repairs where needs_callback"
    assert demo.value(others) > 12


def test_phones_are_of_codes_that_belong_to_nobody(demo):
    # A tap in a demo must call no one. A few phones are what somebody typed in a hurry.
    phones = [phone for (phone,) in demo.rows("select phone from customers")]
    well_formed = [phone for phone in phones if re.fullmatch(r"\+79\d{9}", phone)]
    assert 2 <= len(phones) - len(well_formed) <= 10
    assert {int(phone[2:5]) for phone in well_formed} <= FREE_CODES


def test_fixed_costs_show_their_odd_cases(demo):
    # A branch without any, the network's own, and changes in the middle of a month.
    assert demo.rows(
        "select name from branches b"
        " where not exists (select from fixed_costs f where f.branch_id = b.id)"
    ) == [("Мастерская у вокзала",)]
    network = demo.rows("select distinct name from fixed_costs where branch_id is null")
    assert {name for (name,) in network} == {"Бухгалтерия", "Реклама", "Лицензия CRM"}
    assert demo.value("select count(*) from fixed_costs where extract(day from valid_to) > 1") >= 3
    # Also in the last month, so that its report is not a plain sum of amounts.
    assert (
        demo.value(
            "select count(*) from fixed_costs where extract(day from valid_from) > 1 and"
            " date_trunc('month', valid_from)"
            " = date_trunc('month', %(today)s::date) - interval '1 month'"
        )
        == 1
    )


def test_backups_run_every_night_and_one_failed_last_week(demo):
    # The last one succeeded, so that the watch is green until somebody breaks it.
    rows = demo.rows(
        "select started_at::date, status, size_bytes is null, error is null"
        " from backup_runs order by started_at"
    )
    assert rows[-1][:2] == (demo.today, "succeeded")
    failed = [row for row in rows if row[1] == "failed"]
    assert len(failed) == 1
    assert timedelta(days=1) < demo.today - failed[0][0] <= timedelta(days=7)
    assert failed[0][2:] == (True, False)
