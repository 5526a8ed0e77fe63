"""What the page of reports in Airflow's UI asks for: its files and words, the grid, one cell.

Mounted into Airflow's API server, below ``/sancrm``. A plugin's app is open to anyone unless it
says otherwise: every endpoint here needs a user, and what is of a DAG needs the right to read that
DAG. Nothing is written: the page starts backfills and runs by Airflow's own REST, which asks for
the right to do so itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from airflow.models.dag import DagModel
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse

from sancrm_reports.glue.page_language import our_language, remember_language
from sancrm_reports.glue.page_trace import figures_shown, trace_of
from sancrm_reports.glue.telegram_operator import ledger_of
from sancrm_reports.glue.timetable import timetable_of
from sancrm_reports.pure.audit import status_of
from sancrm_reports.pure.decisions import message_name
from sancrm_reports.pure.entry import MessageKey, State
from sancrm_reports.pure.grid import EVERY, LETTERS, Slot, by_subject, summed_up
from sancrm_reports.pure.kinds import REPORT_KINDS, ReportKind
from sancrm_reports.pure.language import Language
from sancrm_reports.pure.ops import RunPurpose
from sancrm_reports.pure.period import Period
from sancrm_reports.settings import settings
from sancrm_reports.wire.chats import message_url
from sancrm_reports.wire.ledger.database import NoLedgerError
from sancrm_reports.wire.ledger.history import Delivered, History
from sancrm_reports.wire.ledger.ledger import Ledger

FILES = Path(__file__).parents[1] / "page"
LONGEST = 400  # columns: a year of days


@dataclass(frozen=True)
class MessageKind:
    """A kind of message: where it stands in the ledger, and what the page calls it.

    ``report`` is None of what comes by the day and is summed up in one row, because it has no
    branches, or names people.
    """

    id: str
    name: str
    report: ReportKind | None = None

    @property
    def columns(self) -> ReportKind:
        """Whose periods the columns are."""
        return self.report or REPORT_KINDS["daily"]


def kinds_shown() -> dict[str, MessageKind]:
    """Return the kinds of messages that there are, by the DAG: reports have one if scheduled."""
    reports = [
        MessageKind(kind.dag_id, our_language().word(f"reports.{kind.id}").capitalize(), kind)
        for kind in settings().scheduled_reports
    ]
    others = [
        MessageKind(id_, our_language().word(f"page.{id_}"))
        for id_ in ("missed_calls", "backup_watch")
    ]
    return {kind.id: kind for kind in (*reports, *others)}


def not_kept(response: Response) -> None:
    """Tell browsers and proxies to keep nothing of it: who may see what can change."""
    response.headers["Cache-Control"] = "no-store"


app = FastAPI(
    title="SanCRM reports",
    dependencies=[Depends(get_user), Depends(remember_language)],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)
NOT_KEPT = Depends(not_kept)
READS_RUNS = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
READS_XCOM = Depends(requires_access_dag("GET", DagAccessEntity.XCOM))  # figures, as the texts are


def open_ledger() -> Iterator[Ledger]:
    """Open the ledger for one request."""
    try:
        with ledger_of(None) as ledger:
            yield ledger
    except NoLedgerError as error:
        raise HTTPException(503, str(error)) from None


LedgerDep = Annotated[Ledger, Depends(open_ledger)]


@app.exception_handler(RequestValidationError)
async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
    """Say in the reader's words that an address makes no sense; FastAPI's own are for programs."""
    await remember_language(request.query_params.get("language", ""))
    return JSONResponse({"detail": our_language().word("page.bad_address")}, 422)


@app.get("/page/{name}")
def page_file(name: str) -> FileResponse:
    """Return a file of the page; a browser asks each time whether it has changed."""
    if name not in {file.name for file in FILES.iterdir()}:
        raise HTTPException(404, f"The page has no file {name}.")
    return FileResponse(FILES / name, headers={"Cache-Control": "no-cache"})


@app.get("/words", dependencies=[NOT_KEPT])
def words() -> dict[str, Any]:
    """Return every word that the page shows, by its code, and the language, for numbers."""
    language = our_language()
    shown = {
        code: text for code, text in language.words.items() if code.startswith(("page.", "link."))
    }
    statuses = {letter: language.word(f"status.{status}") for status, letter in LETTERS.items()}
    return {"language": language.folder.name, "words": shown, "statuses": statuses}


@app.get("/kinds", dependencies=[NOT_KEPT])
def kinds(user: GetUserDep) -> list[dict[str, Any]]:
    """Return the kinds of messages that this user may see; ``newest`` is the last day shown.

    A report is of a day that is over; everything else is wanted on its day.
    """
    today = datetime.now(ZoneInfo(settings().account.timezone)).date()
    return [
        {
            "id": kind.id,
            "name": kind.name,
            "is_report": kind.report is not None,
            "spans": [
                [months, our_language().formats.months(months)] for months in kind.columns.spans
            ],
            "newest": today - timedelta(days=1) if kind.report else today,
        }
        for kind in kinds_shown().values()
        if _may(user, kind.id, "GET", DagAccessEntity.RUN)
    ]


@app.get("/kinds/{dag_id}/grid", dependencies=[READS_RUNS, NOT_KEPT])
def grid(dag_id: str, first: date, last: date, ledger: LedgerDep) -> dict[str, Any]:
    """Return the columns, from the first day's period to the last day's, and the rows."""
    kind = _kind(dag_id)
    periods = _periods(kind, first, last)
    history, since = History(ledger.database), ledger.since(dag_id)
    slots = [_slot(kind, period, since) for period in periods]
    span = dag_id, periods[0].key, periods[-1].after.key
    sent = history.sent(*span)
    rows = (
        by_subject(
            slots,
            history.expected(*span),
            sent,
            network=our_language().word("network").capitalize(),
        )
        if kind.report
        else summed_up(slots, kind.name, sent)
    )
    return {
        "columns": [_column(period) for period in periods],
        "rows": [asdict(row) for row in rows],
        "is_new": since is None and not history.has_any(dag_id),
    }


@app.get("/kinds/{dag_id}/cell", dependencies=[READS_XCOM, NOT_KEPT])
def cell(
    dag_id: str,
    day: date,
    subject: Annotated[str, Query(max_length=100)],
    user: GetUserDep,
    ledger: LedgerDep,
    session: SessionDep,
) -> dict[str, Any]:
    """Return the messages of one cell, its figures, and how its backfill is asked for."""
    kind = _kind(dag_id)
    period = _period(kind, day)
    is_of_all = kind.report is None and subject == EVERY
    found = History(ledger.database).of(
        dag_id, period.key, period.after.key, None if is_of_all else subject
    )
    titles = ledger.titles_of_chats()
    titles[settings().email.conn_id] = our_language().word("page.by_email")
    return {
        "dag_id": dag_id,
        "messages": [
            _shown(delivered, titles) | {"decisions": _decisions(kind, period, delivered)}
            for delivered in found
        ],
        "figures": figures_shown() if kind.report else [],
        "backfill": _backfill(kind, period),
        "may_backfill": _may(user, dag_id, "POST", DagAccessEntity.RUN),
        "is_paused": dag_id in DagModel.get_paused_dag_ids([dag_id], session=session),
    }


@app.get("/kinds/{dag_id}/trace", dependencies=[READS_XCOM, NOT_KEPT])
def trace(
    dag_id: str,
    day: date,
    subject: Annotated[str, Query(max_length=100)],
    figure: Annotated[str, Query(max_length=50)],
) -> dict[str, Any]:
    """Return the rows of the CRM that a figure of one report is made of."""
    kind = _kind(dag_id)
    if kind.report is None:
        raise HTTPException(404, our_language().word("page.no_kind", kind=dag_id))
    return trace_of(_period(kind, day), subject, figure)


def _may(user: Any, dag_id: str, method: ResourceMethod, what: DagAccessEntity) -> bool:
    """Whether Airflow lets a user do so with what belongs to a DAG."""
    return get_auth_manager().is_authorized_dag(
        method=method,
        access_entity=what,
        details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
        user=user,
    )


def _kind(dag_id: str) -> MessageKind:
    kind = kinds_shown().get(dag_id)
    if kind is None:
        raise HTTPException(404, our_language().word("page.no_kind", kind=dag_id))
    return kind


def _period(kind: MessageKind, day: date) -> Period:
    if not date(2000, 1, 1) <= day < date(2200, 1, 1):
        raise HTTPException(422, our_language().word("page.too_far", day=day))
    return Period.containing(day, kind=kind.columns.period, timezone=settings().account.timezone)


def _periods(kind: MessageKind, first: date, last: date) -> list[Period]:
    _period(kind, last)
    periods = [_period(kind, first)]
    if not timedelta(0) <= last - first <= timedelta(days=31 * LONGEST):
        raise HTTPException(422, our_language().word("page.no_range", first=first, last=last))
    while periods[-1].end <= last:
        periods.append(periods[-1].after)
    if len(periods) > LONGEST:
        raise HTTPException(422, our_language().word("page.no_range", first=first, last=last))
    return periods


def _slot(kind: MessageKind, period: Period, since: date | None) -> Slot:
    if kind.report is None:
        return Slot(period.key, is_scheduled=False, is_overdue=False)
    due, is_scheduled = _due(kind.report.id, period)
    over = due + timedelta(minutes=settings().delivery.deadline_minutes)
    is_in_use = since is not None and since <= period.start
    return Slot(period.key, is_scheduled and is_in_use, is_overdue=over <= datetime.now(UTC))


def _column(period: Period) -> dict[str, str]:
    return _column_in(our_language(), period)


@lru_cache(maxsize=4 * LONGEST)
def _column_in(language: Language, period: Period) -> dict[str, str]:
    return {"day": period.start.isoformat(), **language.formats.column(period)}


@lru_cache(maxsize=4 * LONGEST)
def _due(report: str, period: Period) -> tuple[datetime, bool]:
    """Return when a report is due, and whether the schedule then wants that of this period."""
    timetable = timetable_of(report, settings())
    due = timetable.due_at(period)
    return due, timetable.reported_at(due) == period


def _backfill(kind: MessageKind, period: Period) -> dict[str, Any] | None:
    """Return what Airflow's REST is to be asked for; None where the schedule has no such run.

    The window means reported days (decision 0011). A run that is there, but left this message
    out, is repeated: what it posted stays as it is.
    """
    if kind.report is None or not _due(kind.report.id, period)[1]:
        return None
    return {
        "dag_id": kind.id,
        "from_date": period.starts_at,
        "to_date": period.starts_at,
        "reprocess_behavior": "completed",
        "dag_run_conf": {"backfill_mode": "full"},
    }


def _decisions(
    kind: MessageKind, period: Period, delivered: Delivered
) -> dict[str, dict[str, Any]] | None:
    """Return the params of the runs by which a person decides of a message; None of any other.

    Alerts are not decided of: they are sent again by themselves.
    """
    if delivered.entry.state not in (State.UNKNOWN, State.SENDING) or kind.id == "backup_watch":
        return None
    if kind.report:
        purpose = RunPurpose.of_report(kind.id, period)
    else:
        purpose = RunPurpose.of_day(kind.id, kind.id, period.start, names_day=True)
    key = MessageKey(kind.id, period.key, delivered.subject, delivered.name)
    name = message_name(key, delivered.part)
    return {word: purpose.decision(word, name) for word in ("resend", "arrived")}


def _shown(delivered: Delivered, titles: Mapping[str, str]) -> dict[str, Any]:
    """Return what may be seen of a message: of one that names people, neither text nor error."""
    entry = delivered.entry
    is_private = delivered.html is None
    return {
        "status": LETTERS[status_of(entry, is_owed=True)],
        "chat": entry.chat,
        "chat_title": titles.get(entry.chat, ""),
        "html": delivered.html,
        "note": entry.footer,
        "error": None if is_private else entry.error,
        "sent_at": _instant(entry.sent_at) if entry.sent_at else None,
        "updated_at": _instant(entry.updated_at),
        "corrections": [
            {"at": _instant(made.at), "change": made.change}
            for made in ([] if is_private else entry.corrections)
        ],
        "url": message_url(entry.chat, entry.message_id) if entry.message_id else "",
        "run": {
            "dag_id": delivered.dag_id,
            "run_id": delivered.run_id,
            "task_id": delivered.task_id,
            "map_index": delivered.map_index,
        },
    }


def _instant(moment: datetime) -> str:
    return our_language().formats.instant(moment, ZoneInfo(settings().account.timezone))
