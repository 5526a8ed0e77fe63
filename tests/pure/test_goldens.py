"""Every message in every language, to the letter: tests/goldens is the sheet to read them on.

After a change of wording, make them anew and read them before committing:
``UPDATE_GOLDENS=1 python -m pytest tests/pure/test_goldens.py``
"""

import os
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.telegram.markup import format_message
from pure.samples import earning, network, unallocated
from pure.test_backups import DAY as BACKUP_DAY
from pure.test_backups import HOUR, OPENS, WINDOW, verdict
from pure.test_backups import done as done_backup
from pure.test_backups import failed as failed_backup
from pure.test_drill import SAMPLES as DRILLS
from pure.test_drill import drill
from sancrm_reports.backups.drill.result import Trouble, drill_message, problems_of
from sancrm_reports.backups.facts import Window
from sancrm_reports.backups.probes.errors import CommandError
from sancrm_reports.backups.text import Subject, alert, recovered
from sancrm_reports.backups.verdicts import Verdict
from sancrm_reports.errors import Undecided
from sancrm_reports.pure.audit import DeliveryStatus, Finding, PeriodAudit
from sancrm_reports.pure.audit_text import note, nothing_missing, reports_missing
from sancrm_reports.pure.bounds import bounds_message, crossed
from sancrm_reports.pure.corrections import decorated, what_changed
from sancrm_reports.pure.entry import Correction, Entry, MessageKey, State
from sancrm_reports.pure.figures import Figures
from sancrm_reports.pure.freshness import Freshness, waits_for_data
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import (
    Comparison,
    Message,
    branch_report,
    digest,
    digest_line,
    group_moved,
    lateness,
    network_report,
)
from sancrm_reports.pure.missed_calls import MissedCall, Wording
from sancrm_reports.pure.ops import (
    Failure,
    RunPurpose,
    failed_otherwise,
    pool_missing,
    pool_there,
    report_late,
    run_failed,
    settings_right,
    settings_wrong,
    solved,
)
from sancrm_reports.pure.parts import TELEGRAM, parts_of
from sancrm_reports.pure.period import Period, PeriodKind
from sancrm_reports.pure.plans import days_of, months_of, progress
from sancrm_reports.pure.reasons import added, reasons
from sancrm_reports.pure.rechecking import (
    Change,
    few_enough,
    frozen_differs,
    frozen_same,
    too_many,
)
from sancrm_reports.pure.templates import Templates

ROOT = Path(__file__).parents[2]
LANGUAGES = [
    Templates(words.parent) for words in sorted((ROOT / "include" / "templates").glob("*/words.po"))
]
GOLDENS = ROOT / "tests" / "goldens"
ZONE = "Europe/Moscow"
AIRFLOW = "https://airflow.example.com/dags/x"
NINE = datetime(2026, 11, 18, 6, tzinfo=UTC)

DAY = Period(PeriodKind.DAY, date(2026, 11, 17), ZONE)
WEEK = Period.containing(date(2026, 12, 1), kind=PeriodKind.WEEK, timezone=ZONE)
MONTH = Period(PeriodKind.MONTH, date(2026, 10, 1), ZONE)
QUARTER = Period(PeriodKind.QUARTER, date(2026, 7, 1), ZONE)
YEAR = Period(PeriodKind.YEAR, date(2025, 1, 1), ZONE)

# An ordinary day, a week with a loss, an idle month, a network of the three.
LENINA = earning(
    "48650.00",
    rental_revenue="9600.00",
    variable_costs="14180.50",
    fixed_costs="4333.34",
    repair_count=11,
    rental_count=6,
)
LENINA_BEFORE = earning(
    "41200.00",
    rental_revenue="7200.00",
    variable_costs="12904.00",
    fixed_costs="4333.33",
    repair_count=9,
    rental_count=6,
)
MIRA = earning(
    "9150.00",
    rental_revenue="1200.00",
    variable_costs="8420.00",
    fixed_costs="7580.65",
    parts_without_cost=2,
    repair_count=4,
    rental_count=1,
    branch_id=2,
    branch_name="Проспект Мира",
)
MIRA_BEFORE = earning(
    "31700.00",
    variable_costs="9300.00",
    fixed_costs="7500.00",
    repair_count=12,
    rental_count=0,
    branch_id=2,
    branch_name="Проспект Мира",
)
IDLE = earning(
    0,
    fixed_costs="2500.00",
    repair_count=0,
    rental_count=0,
    branch_id=3,
    branch_name="Пункт проката «Юг»",
)
UNKNOWN_COSTS = replace(LENINA, fixed_costs=None, profit=LENINA.profit + Decimal("4333.34"))
REST, REST_BEFORE = unallocated(Decimal("1500.00")), unallocated(fixed_costs=None)

CALL = MissedCall(
    repair_id=301,
    number=11508,
    code="R-11508",
    status="Готов",
    since=datetime(2026, 11, 10, 7, tzinfo=UTC),
    category="Электроинструмент",
    brand="Makita",
    model="HR2470",
    customer="Соколов Андрей",
    phone="8 (912) 345-67-89",
    company="ООО «Кровля & Фасад»",
)
REPORT = RunPurpose.of_report("profitability_daily", DAY)
MISTAKE = (
    "include/settings.toml has wrong settings:\n"
    "  account.timezone = 'Europe/Moskow': 'Europe/Moskow' is not a time zone; give an IANA name"
)
SUBJECT = Subject("sancrm", "pgbackrest", ZONE, WINDOW, "sancrm")
NEXT = Window(OPENS + BACKUP_DAY, OPENS + BACKUP_DAY + 3 * HOUR, OPENS + 2 * BACKUP_DAY)
CALLS = RunPurpose.of_day("missed_calls", "missed_calls", DAY.start)


def branch(now, before, period, templates):
    return branch_report(Comparison(now, before), period, templates=templates)


def summary(branches, before, period, templates, rest=REST, pairs=()):
    return network_report(
        Comparison(network([*branches, rest]), before),
        changed_by=added(reasons(*pair) for pair in pairs),
        unallocated=rest,
        branches=branches,
        period=period,
        templates=templates,
        crm_url="https://crm.example.com/",
    )


def sized(count, *, losing=0):
    """So many branches with figures that vary, the last of them at a loss."""
    streets = ("Ленина", "Садовая", "Проспект Мира", "Конаково", "Южная", "Вокзал", "Заречье")
    return [
        earning(
            Decimal(9000 + 731 * (n * 37 % 101)),
            rental_revenue="1200.00",
            variable_costs=Decimal(4000 + 97 * (n * 53 % 89)) + Decimal("0.37") * n,
            fixed_costs=Decimal(95000 if n > count - losing else 2500),
            repair_count=3 + n % 9,
            rental_count=n % 4,
            branch_id=n,
            branch_name=f"{streets[n % 7]} {n}",
        )
        for n in range(1, count + 1)
    ]


def size_of_network(count, *, losing=0):
    """The summary of a week of so many branches, one of a dozen without movements."""
    branches = sized(count, losing=losing)
    idle = [
        replace(IDLE, branch_id=900 + n, branch_name=f"Прокат {n + 1}") for n in range(count // 12)
    ]
    before = network([*sized(count + 1, losing=losing)[1:], *idle, REST_BEFORE])
    return lambda templates: summary([*branches, *idle], before, WEEK, templates)


def nothing_moved(templates):
    """The summary of a day on which no branch had movements, nor any costs."""
    branches = [Figures.none_of(branch) for branch in sized(7)]
    rest = unallocated(fixed_costs=None)
    return summary(branches, network(sized(7)), DAY, templates, rest=rest)


def missed_weeks(templates):
    """The digest of three weeks that were missed."""
    lines = [
        digest_line(figures, WEEK.before(weeks), templates=templates)
        for weeks, figures in ((3, LENINA), (2, MIRA), (1, IDLE))
    ]
    return digest("weekly", lines, templates=templates)


def planned(period, so_far, plan, *, is_network=True, pace=True):
    """What is told of a plan of the profit, and of a pace of both figures."""
    days = [day for month in months_of(period) for day in days_of(month)]
    whose = replace(so_far, branch_id=None if is_network else so_far.branch_id)
    key = (months_of(period)[0], None if is_network else str(so_far.branch_id), "profit")
    plans = {} if plan is None else {key: Decimal(plan)}
    return progress(period, whose, plans, days, has_pace=pace)


def with_plan(period, plan, *, so_far=LENINA, differing=()):
    """The network's summary with its plan and its pace."""
    return lambda templates: network_report(
        Comparison(network([LENINA, REST]), network([LENINA_BEFORE, REST_BEFORE])),
        unallocated=REST,
        branches=[LENINA],
        period=period,
        templates=templates,
        crm_url=None,
        progress=planned(period, so_far, plan),
        plans_differ=differing,
    )


def in_currency(currency, write):
    """The message of an account with another currency."""
    return lambda templates: write(replace(templates, currency=currency))


def corrected(templates):
    """A late report whose profit was corrected since, as the chat has it."""
    before = branch(LENINA, LENINA_BEFORE, DAY, templates)
    now = branch(replace(LENINA, profit=Decimal(30000)), LENINA_BEFORE, DAY, templates)
    what = what_changed(before.facts, now.facts, templates)
    change = Correction(NINE + timedelta(hours=3, minutes=4), what)
    footer = lateness(timedelta(days=3), after=timedelta(hours=12), templates=templates)
    entry = Entry(State.SENT, NINE, footer=footer, corrections=[change])
    return decorated(now, entry, ZoneInfo(ZONE), templates, TELEGRAM)


def text_corrected(templates):
    change = what_changed({}, {}, templates)
    entry = Entry(State.SENT, NINE, corrections=[Correction(NINE, change)])
    return decorated(Message("…"), entry, ZoneInfo(ZONE), templates, TELEGRAM)


def call(templates, method, *args):
    wording = Wording(templates, ZONE, "RU", "https://crm.example.com/repairs/{id}")
    return getattr(wording, method)(*args)


def failed(*failures, purpose=REPORT):
    return lambda templates: run_failed(purpose, failures, log_url=AIRFLOW, templates=templates)


def late(purpose, *, is_failed):
    due = datetime(2026, 11, 18, 9, 20, tzinfo=ZoneInfo(ZONE))
    return lambda templates: report_late(
        purpose, due=due, is_failed=is_failed, run_url=AIRFLOW, templates=templates
    )


def audit(period, *statuses, report="profitability_daily", **known):
    names = ["", "Филиал на Ленина", "Проспект Мира", "Юг", "Север", "Запад", "Восток"]
    findings = [
        Finding(report, period, names[place], "-1001", status)
        for place, status in enumerate(statuses)
    ]
    return PeriodAudit(report, period, findings, **known)


AUDITS = [
    audit(MONTH, DeliveryStatus.UNKNOWN, DeliveryStatus.SENT, report="profitability_monthly"),
    audit(DAY.before(2), DeliveryStatus.MISSING, DeliveryStatus.MISSING, reason="paused"),
    audit(DAY.before(1), DeliveryStatus.SENT, *[DeliveryStatus.FAILED] * 6, reason="failed"),
    audit(DAY, DeliveryStatus.SENT, DeliveryStatus.CORRECTED, DeliveryStatus.LATE),
    audit(DAY.before(-1), DeliveryStatus.MISSING, reason="going_on", is_going_on=True),
]


def backup(bad, templates, **options):
    """An alert of a verdict, as its tool and its facts make it."""
    size = {"usual_size": 3 * 10**9} if bad is Verdict.TOO_SMALL else {}
    broken = bad in (Verdict.PROBE_BROKEN, Verdict.UNVERIFIED)
    error = CommandError("pgbackrest failed with exit code 99: no route", quote="no route")
    detail = {
        Verdict.FAILED: "disk full",
        Verdict.DAMAGED: "disk full",
        Verdict.BAD_PAGES: "page checksum errors",
        Verdict.OLDER_DAMAGED: "20261111-023000F",
        Verdict.REPOSITORY_GONE: "repo2: other (code 99)",
        Verdict.WAL_STALLED: "repo2: 000000010000000000000008 < 00000001000000000000000A",
    }.get(bad, "")
    judged = replace(
        verdict(failed_backup()), verdict=bad, detail=detail, repository="repo2", **size
    )
    judged = judged.because(error) if broken else judged
    return alert(judged, SUBJECT, templates=templates, log_url=AIRFLOW, **options)


def recovery(part):
    """What the alert becomes at the good end, and the answer to it."""
    good = verdict(done_backup(-1), window=NEXT, at=26 * HOUR)
    return lambda templates: recovered(
        verdict(failed_backup()), good, SUBJECT, templates=templates, log_url=AIRFLOW
    )[part]


def drilled(sample, found=()):
    return lambda templates: drill_message(sample, found, timezone=ZONE, templates=templates)


def change(now, before, period=DAY, report="profitability_daily", subject="branch-1"):
    """A message that was posted, and says another thing by now."""
    return lambda templates: Change(
        MessageKey(report, period.key, subject, "-1001"),
        period,
        "" if subject == "network" else now.branch_name,
        branch(before, LENINA_BEFORE, period, templates).facts,
        branch(now, LENINA_BEFORE, period, templates),
    )


REOPENED = replace(LENINA, repair_count=8, profit=Decimal(28000))
CHANGES = [
    change(REOPENED, LENINA, subject="network"),
    change(REOPENED, LENINA),
    change(
        replace(MIRA, variable_costs=Decimal(9000), profit=MIRA.profit - 580),
        MIRA,
        MONTH,
        "profitability_monthly",
        "branch-2",
    ),
]
BOUNDS = [
    ("", ["margin < 20 %", "weekly: profit < 500 000"]),
    ("Проспект Мира", ["margin < 20 %", "profit < 0", "repair_count < 5", "revenue > 9 000,50"]),
]


def crossed_bounds(templates):
    return [(name, crossed(bounds, MIRA, "weekly", templates=templates)) for name, bounds in BOUNDS]


MESSAGES = {
    "recheck_asks": lambda t: too_many([one(t) for one in CHANGES], most=2, templates=t),
    "recheck_settled": lambda t: few_enough(templates=t),
    "frozen_differs": lambda t: frozen_differs([one(t) for one in CHANGES[:2]], templates=t),
    "frozen_same": lambda t: frozen_same("profitability_monthly", MONTH, templates=t),
    "bounds": lambda t: bounds_message(crossed_bounds(t), WEEK, templates=t),
    "bounds_kept": lambda t: bounds_message([("", [])], WEEK, templates=t),
    "branch_out_of_bounds": lambda t: branch_report(
        Comparison(MIRA, MIRA_BEFORE), WEEK, templates=t, crossed=crossed_bounds(t)[1][1]
    ),
    "network_silent_branches": lambda t: network_report(
        Comparison(network([LENINA, IDLE, REST]), network([LENINA_BEFORE, REST_BEFORE])),
        unallocated=REST,
        branches=[LENINA, IDLE],
        period=DAY,
        templates=t,
        crm_url=None,
        silent=["Пункт проката «Юг»", "Мастерская <у вокзала>"],
        weeks=8,
    ),
    **{f"backup_{bad}": lambda t, bad=bad: backup(bad, t) for bad in Verdict if bad.is_bad},
    "backup_failed_second_day": lambda t: backup(Verdict.FAILED, t, day=2),
    "backup_rehearsal": lambda t: backup(Verdict.MISSING, t, is_rehearsal=True),
    "backup_recovered": recovery(0),
    "backup_recovered_answer": recovery(1),
    "drill_sound": drilled(DRILLS["sound"]),
    "drill_wrong": drilled(
        DRILLS["wrong"], problems_of(DRILLS["wrong"], tolerance_percent=5, newest_row_hours=1)
    ),
    "drill_damaged": drilled(DRILLS["damaged"]),
    "drill_reaches_out": drilled(
        drill(trouble=Trouble.REACHES_OUT, what=("tried.program", ""), seconds=None)
    ),
    "branch_daily": lambda t: branch(LENINA, LENINA_BEFORE, DAY, t),
    "branch_weekly_loss": lambda t: branch(MIRA, MIRA_BEFORE, WEEK, t),
    "branch_monthly_idle": lambda t: branch(IDLE, Figures.none_of(IDLE), MONTH, t),
    "branch_quarterly_unknown_costs": lambda t: branch(UNKNOWN_COSTS, LENINA_BEFORE, QUARTER, t),
    "branch_corrected": corrected,
    **{f"network_of_{count}": size_of_network(count, losing=count // 7) for count in (1, 7, 30)},
    "network_of_100": size_of_network(100, losing=14),
    "network_all_losing": size_of_network(30, losing=30),
    "network_no_data": nothing_moved,
    **{
        f"{kind}_in_{currency.lower()}": in_currency(currency, write)
        for currency in ("KZT", "BYN")
        for kind, write in {
            "branch": lambda t: branch(MIRA, MIRA_BEFORE, WEEK, t),
            "network": size_of_network(30, losing=4),
            "bounds": lambda t: bounds_message(crossed_bounds(t), WEEK, templates=t),
            "digest": missed_weeks,
        }.items()
    },
    "plan_of_a_month": with_plan(MONTH, "1200000", so_far=earning("1131600")),
    "plan_before_the_tenth": with_plan(
        Period(PeriodKind.DAY, date(2026, 11, 9), ZONE), "1200000", so_far=earning("380000")
    ),
    "plan_and_pace": with_plan(DAY, "1200000", so_far=earning("743333.50", variable_costs="1000")),
    "plan_at_a_loss": with_plan(DAY, "1200000", so_far=earning("1000", variable_costs="250000.50")),
    "plan_none": with_plan(DAY, None, so_far=earning("743333.50")),
    "plans_differ": with_plan(
        MONTH, "1200000", differing=[("profit", Decimal(1150000), Decimal(1200000))]
    ),
    "plan_of_a_branch": lambda t: branch_report(
        Comparison(LENINA, LENINA_BEFORE),
        WEEK,
        templates=t,
        progress=planned(WEEK, LENINA, "180000", is_network=False, pace=False),
    ),
    "network_daily": lambda t: summary(
        [IDLE, MIRA, LENINA], network([LENINA_BEFORE, MIRA_BEFORE, REST_BEFORE]), DAY, t
    ),
    "network_monthly": lambda t: summary(
        [MIRA, LENINA],
        network([LENINA_BEFORE, MIRA_BEFORE, REST_BEFORE]),
        MONTH,
        t,
        pairs=[(LENINA, LENINA_BEFORE), (MIRA, MIRA_BEFORE), (REST, REST_BEFORE)],
    ),
    "network_yearly": lambda t: summary([LENINA], network([LENINA]), YEAR, t, rest=REST_BEFORE),
    "digest": missed_weeks,
    "text_corrected": text_corrected,
    "part_not_needed": lambda t: Message(language_of(t).word("part_not_needed")),
    "without_ledger": lambda t: Message(language_of(t).render("without_ledger.html.j2")),
    "group_moved": lambda t: group_moved(
        "-100", "-100123", "telegram_default", title="Отчёты", templates=t
    ),
    "missed_call": lambda t: call(t, "to_call", CALL, date(2026, 11, 18)),
    "missed_call_called_back": lambda t: call(t, "called_back", CALL.code),
    "missed_call_told_again": lambda t: call(t, "told_again", CALL.code),
    "run_failed": failed(
        Failure("compute_profitability", code="crm_right", quote="permission denied for rentals"),
        Failure(
            "post_branch_report",
            "Юг",
            "chat_not_found",
            quote="Bad Request: chat not found",
            values={"chat": "-1009"},
        ),
        Failure("post_branch_report", "Север", "lost"),
        Failure("post_network_report", "", "unexpected", values={"kind": "KeyError"}),
        Failure("conclude_run", "", "already_alerted"),
    ),
    "run_failed_unknown_outcome": failed(
        Failure(
            "post_branch_report",
            "Юг",
            "unknown_outcome",
            undecided=[asdict(Undecided("branch-2@-1001234567890", chat="Отчёты"))],
        ),
        Failure(
            "post_network_report",
            "",
            "unknown_outcome",
            undecided=[asdict(Undecided("network@-1001234567890#2"))],
        ),
    ),
    "run_failed_remains": failed(
        Failure(
            "post_missed_calls",
            "R-303",
            "remains",
            undecided=[asdict(Undecided("repair-303@-1001234567890", "R-303", ("removed",)))],
        ),
    ),
    "run_refused": failed(
        Failure("compute_profitability", "", "period_date", quote="17.11.2026"),
        purpose=RunPurpose("profitability_daily", "manual__1", conf={"period": "2026-11-17"}),
    ),
    "run_late": late(REPORT, is_failed=False),
    "run_late_and_failed": late(REPORT, is_failed=True),
    "run_late_missed_calls": late(CALLS, is_failed=False),
    "waits_for_data": lambda t: waits_for_data(
        REPORT, Freshness(False, NINE - timedelta(hours=15)), DAY, deadline=NINE, templates=t
    ),
    "waits_for_data_unknown": lambda t: waits_for_data(
        REPORT, Freshness(False), DAY, deadline=NINE, templates=t
    ),
    "branch_incomplete_without_rentals": lambda t: branch_report(
        Comparison(LENINA, LENINA_BEFORE),
        DAY,
        templates=t,
        complete_until="2026-11-17T15:00:00+00:00",
        has_rentals=False,
    ),
    "run_failed_otherwise": lambda t: failed_otherwise(REPORT, templates=t),
    "run_solved_failure": lambda t: solved(REPORT, "failure", at=NINE, zone=ZONE, templates=t),
    "run_solved_late": lambda t: solved(CALLS, "late", at=NINE, zone=ZONE, templates=t),
    "reports_missing": lambda t: reports_missing(AUDITS, templates=t),
    "settings_wrong": lambda t: settings_wrong(MISTAKE, are_kept=True, templates=t),
    "settings_wrong_at_start": lambda t: settings_wrong(MISTAKE, are_kept=False, templates=t),
    "pool_missing": lambda t: pool_missing(
        "telegram_alerts", 'airflow pools set telegram_alerts 4 "Tasks that alert"', templates=t
    ),
    "pool_there": lambda t: pool_there("telegram_alerts", templates=t),
    "settings_right": lambda t: settings_right(templates=t),
    "reports_complete": lambda t: nothing_missing(templates=t),
}
TEXTS = {
    "drill_troubles": lambda t: "\n".join(
        drill_message(
            drill(trouble=one, dump=None, seconds=None), (), timezone=ZONE, templates=t
        ).html
        for one in Trouble
    ),
    "audit_note": lambda t: note(AUDITS, templates=t),
    "audit_note_all_well": lambda t: note(AUDITS[3:4], templates=t),
    # One line a code: what ops read of each class of error.
    "errors": lambda t: "\n".join(
        f"{code}: {' 👉 '.join(filter(None, (words[code], words[code + '.first'])))}"
        for words in [language_of(t).words]
        for code in words
        if code.startswith("error.") and not code.endswith(".first")
    ),
    "runs": lambda t: "\n".join(
        RunPurpose.of_day(code, code, DAY.start, about="sancrm").title(language_of(t))
        for code in ("missed_calls", "delivery_audit", "recheck", "backup_watch", "restore_drill")
    ),
    "reports": lambda t: "\n".join(
        RunPurpose.of_report("x", period).title(language_of(t))
        for period in (*(DAY.before(-n) for n in range(7)), WEEK, MONTH, QUARTER, YEAR)
    ),
}


@pytest.mark.parametrize("templates", LANGUAGES, ids=lambda language: language.folder.name)
@pytest.mark.parametrize("name", [*MESSAGES, *TEXTS])
def test_a_message_is_its_golden_text(name, templates):
    # With its markup and no-break spaces; a button is the last line.
    if name in TEXTS:
        text = TEXTS[name](templates)
    else:
        message = MESSAGES[name](templates)
        button = f"\n[{message.button.text}]({message.button.url})" if message.button else ""
        text = message.html + button
        assert format_message(message.html, "HTML")
        assert len(list(parts_of(message, limits=TELEGRAM, templates=templates))) == 1
    file = GOLDENS / templates.folder.name / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == file.read_text(encoding="utf-8")


def test_every_golden_file_is_in_use():
    # A message that is gone takes its files with it; each language has them all.
    for templates in LANGUAGES:
        names = {file.stem for file in (GOLDENS / templates.folder.name).iterdir()}
        assert names == {*MESSAGES, *TEXTS}
