"""What a data engineer sets without touching Python: ``include/settings.toml``, checked when read.

The file lies beside the SQL files and templates in ``include``, which is next to ``plugins``, or
where the environment variable ``SANCRM_INCLUDE`` says.
"""

from __future__ import annotations

import os
import tomllib
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import BaseModel, Field, HttpUrl, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariableError

from sancrm_reports.backups.settings import WatchedBackup
from sancrm_reports.chat_settings import ChatsSettings
from sancrm_reports.errors import PermanentError
from sancrm_reports.pure.freezing import Frozen
from sancrm_reports.pure.kinds import REPORT_KINDS, ReportKind
from sancrm_reports.pure.templates import Templates
from sancrm_reports.setting_types import (
    BoundText,
    BranchId,
    CardUrl,
    ChatName,
    Cron,
    CronOrNone,
    EmailAddress,
    ReportId,
    Section,
    TimeOfDay,
    Zone,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

INCLUDE = Path(os.environ.get("SANCRM_INCLUDE", Path(__file__).parents[2] / "include"))
FILE = INCLUDE / "settings.toml"
TEMPLATES = INCLUDE / "templates"
# The file as it was when it last had no mistake; a name for each place of the file.
KEPT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / (
    f"sancrm_settings.{sha256(str(INCLUDE).encode()).hexdigest()[:8]}.toml"
)


class SettingsError(PermanentError):
    """A setting is missing, unknown or wrong; the text says which, where and what is allowed."""

    code = "settings"


class AccountSettings(Section):
    """The CRM account: its zone decides when days begin, its language is what people read."""

    timezone: Zone
    country: str = Field(default="RU", pattern="^[A-Z]{2}$")
    currency: str = Field(default="RUB", pattern="^[A-Z]{3}$")
    language: str = "ru"
    crm_url: HttpUrl | None = None
    has_rentals: bool = True

    @field_validator("country")
    @classmethod
    def _is_a_country(cls, code: str) -> str:
        if code != "RU":  # the usual one costs no import
            from babel.core import get_global

            if code not in get_global("territory_currencies"):
                raise ValueError("there is no such country; give its code of ISO 3166, as KZ")
        return code

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, code: str) -> str:
        if code != "RUB":
            from babel.numbers import list_currencies

            if code not in list_currencies():
                raise ValueError("there is no such currency; give its code of ISO 4217, as KZT")
        return code

    @field_validator("language")
    @classmethod
    def _is_there(cls, code: str) -> str:
        languages = sorted(words.parent.name for words in TEMPLATES.glob("*/words.po"))
        if code not in languages:
            raise ValueError(f"there is no folder include/templates/{code}; there are {languages}")
        return code


class DatabaseSettings(Section):
    """The CRM's database: an Airflow connection, and settings of each session in it."""

    conn_id: str = "sancrm_db"
    session: dict[str, str] = Field(default_factory=dict)


class SourcesSettings(Section):
    """What may be so in the CRM's rows, though docs/sources.md asks for something else."""

    allowed: list[Annotated[str, Field(pattern=r"^[a-z_]+\.sql: .")]] = Field(default_factory=list)
    totals_tolerance: int = Field(default=0, ge=0)


class FreshnessSettings(Section):
    """What becomes of a report whose period the CRM's data do not cover yet."""

    when_stale: Literal["hold", "mark", "ignore"] = "hold"
    check_seconds: float = Field(default=60, gt=0, le=90)
    longest_hours: float = Field(default=12, gt=0, le=72)


class LedgerSettings(Section):
    """Where it is kept what was sent, and for how many days: texts, and everything else."""

    conn_id: str = "sancrm_ledger"
    keep_days: int = Field(default=800, ge=90)
    keep_text_days: int = Field(default=400, ge=31)


class TelegramSettings(Section):
    """The bots, and the pools of the tasks that post reports, and that alert.

    ``ops_conn_id`` and ``backup_conn_id`` may name connections that do not exist: then the common
    one, ``conn_id``, serves.
    """

    conn_id: str = "telegram_default"
    ops_conn_id: str = "telegram_ops"
    backup_conn_id: str = "telegram_backup"
    pool: str = "telegram"
    alerts_pool: str = "telegram_alerts"


class EmailSettings(Section):
    """The second way out: alerts by e-mail if Telegram does not take them; off without ``to``."""

    conn_id: str = "ops_email"
    to: list[EmailAddress] = Field(default_factory=list)
    after_minutes: float = Field(default=5, ge=0, le=60)


class BoundsSettings(Section):
    """What the owner wants to be told of; ``branch`` holds bounds by the branch's id.

    ``chat`` is a chat where it is told as well. ``silence_weeks`` is for how many weeks a branch
    must have had movements on a weekday for a day without any to be told; 0 is never.
    """

    network: list[BoundText] = Field(default_factory=list)
    branches: list[BoundText] = Field(default_factory=list)
    branch: dict[BranchId, list[BoundText]] = Field(default_factory=dict)
    chat: ChatName = ""
    silence_weeks: int = Field(default=8, ge=0, le=52)

    def of(self, branch_id: int | str | None) -> list[BoundText]:
        """Return the bounds of a branch, or of the network."""
        if branch_id is None:
            return self.network
        return self.branch.get(str(branch_id), self.branches)


class PlansSettings(Section):
    """Where plans come from: ``sources/plans.sql``, ``include/plans.csv``, or nowhere.

    ``days`` are those that a month's plan is spread over: all, or the country's working days.
    ``pace`` is whether it is told where the month ends if it goes on like this.
    """

    source: Literal["", "sql", "csv"] = ""
    days: Literal["calendar", "working"] = "calendar"
    pace: bool = True


class DeliverySettings(Section):
    """How messages are sent."""

    late_after_hours: float = Field(default=12, gt=0)
    deadline_minutes: float = Field(default=20, gt=0, lt=180)
    group_messages_per_minute: int = Field(default=20, ge=0)
    picture_theme: Literal["light", "dark"] = "light"
    kopecks: bool = False


class RetriesSettings(Section):
    """How often a task tries again what may pass, and how long it waits before each try."""

    count: int = Field(default=5, ge=0)
    delay_seconds: float = Field(default=60, gt=0)


class WorkdaysSettings(Section):
    """Days off that the calendar of the account's country does not have, or has otherwise.

    ``country`` is that of another calendar; empty: the account's.
    """

    country: str = Field(default="", pattern="^([A-Z]{2})?$")
    days_off: list[date] = Field(default_factory=list)
    working_days: list[date] = Field(default_factory=list)


class MissedCallsSettings(Section):
    """Customers to call back: when, which, and how the messages look and live on."""

    time: TimeOfDay = "10:00"
    deadline_minutes: float = Field(default=60, gt=0, lt=180)
    statuses: list[str] = Field(min_length=1)
    card_url: CardUrl | None = None
    close_called_back: bool = True
    mark_superseded: bool = True
    show_waiting: bool = True
    mask_phone: bool = False
    protect_content: bool = False
    sound_from: TimeOfDay = "08:00"
    sound_until: TimeOfDay = "20:00"

    def is_silent(self, moment: datetime) -> bool:
        """Whether messages make no sound at a moment, which is in the account's zone."""
        return not self.sound_from <= f"{moment:%H:%M}" < self.sound_until


class ReportSettings(Section):
    """One of the reports: when it is posted; without a schedule it has no DAG.

    And what goes below its texts: a picture below the network's, one below each branch's, and a
    workbook for the summary's chat and the branches' own chats.
    """

    schedule: CronOrNone
    picture: bool = False
    branch_pictures: bool = False
    workbook: bool = False


class AuditSettings(Section):
    """When it is looked whether everything was sent, and over how many days."""

    schedule: Cron = "30 10 * * *"
    days: int = Field(default=7, gt=0, le=62)


class RecheckSettings(Section):
    """What is computed anew each night, and which periods are closed for good.

    ``frozen_until`` is the last frozen day. ``freeze_after_days`` counts from a month's end; 0 is
    never. ``frozen_months`` is how many frozen monthly reports are still compared.
    """

    schedule: CronOrNone = ""
    reports: dict[ReportId, Annotated[int, Field(ge=0, le=62)]] = Field(
        default={"daily": 7, "weekly": 5, "monthly": 2, "quarterly": 1, "yearly": 1}
    )
    most_changes: int = Field(default=20, ge=0)
    frozen_until: date | None = None
    freeze_after_days: int = Field(default=0, ge=0)
    frozen_months: int = Field(default=12, ge=0, le=36)

    def frozen(self, today: date) -> Frozen:
        """Return which periods are frozen on a day of the account's zone."""
        return Frozen.on(today, until=self.frozen_until, after_days=self.freeze_after_days)


class RestoreDrillSettings(Section):
    """The weekly proof that the newest dump can be restored; off unless it is enabled."""

    enabled: bool = False
    schedule: Cron = "0 5 * * 0"
    dumps: str = ""
    quiet_seconds: float = Field(default=120, ge=0)
    server_conn_id: str = ""
    programs: str = ""
    scratch_folder: str = ""
    queue: str = ""
    time_limit_minutes: float = Field(default=60, gt=0)
    disk_limit_gb: float = Field(default=0, ge=0)
    memory_limit_mb: int = Field(default=2048, ge=512)
    extensions: list[str] = Field(default=["pg_stat_statements", "postgis"])
    tolerance_percent: int = Field(default=5, ge=0, le=100)
    newest_row_hours: float = Field(default=48, gt=0)

    @property
    def longest(self) -> timedelta:
        """What a whole drill may take: an hour more than restoring. Older is surely dead."""
        return timedelta(minutes=self.time_limit_minutes, hours=1)


class Settings(BaseSettings):
    """The whole file. The environment wins: ``SANCRM__REPORTS__DAILY__SCHEDULE`` and the like."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="SANCRM__", env_nested_delimiter="__"
    )

    account: AccountSettings
    database: DatabaseSettings = DatabaseSettings()
    sources: SourcesSettings = SourcesSettings()
    freshness: FreshnessSettings = FreshnessSettings()
    ledger: LedgerSettings = LedgerSettings()
    telegram: TelegramSettings = TelegramSettings()
    chats: ChatsSettings = ChatsSettings()
    email: EmailSettings = EmailSettings()
    bounds: BoundsSettings = BoundsSettings()
    plans: PlansSettings = PlansSettings()
    delivery: DeliverySettings = DeliverySettings()
    retries: RetriesSettings = RetriesSettings()
    workdays: WorkdaysSettings = WorkdaysSettings()
    missed_calls: MissedCallsSettings
    reports: dict[ReportId, ReportSettings]
    audit: AuditSettings = AuditSettings()
    recheck: RecheckSettings = RecheckSettings()
    restore_drill: RestoreDrillSettings = RestoreDrillSettings()
    backups: dict[Annotated[str, Field(pattern="^[a-z0-9_]+$")], WatchedBackup] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _every_report_is_read(self) -> Settings:
        for kind in self.scheduled_reports:
            ids = (None, "", *self.chats.named_branches)  # "" is any branch that is not named
            if not any(self.chats.readers_of(kind.id, id_, is_loss=True) for id_ in ids):
                raise ValueError(
                    f"chats: nobody reads the {kind.id} report; give it a reader, or no schedule: "
                    f'reports.{kind.id}.schedule = ""'
                )
        return self

    @property
    def scheduled_reports(self) -> list[ReportKind]:
        """The reports that have a schedule, the shortest period first."""
        return [kind for kind in REPORT_KINDS.values() if self.schedule(kind.id)]

    @property
    def dag_ids(self) -> set[str]:
        """The DAGs that these settings make."""
        return {
            *(kind.dag_id for kind in self.scheduled_reports),
            *(f"backup_watch_{name}" for name in self.backups),
            *(("recheck",) if self.recheck.schedule else ()),
            *("delivery_audit", "missed_calls", "restore_drill"),
        }

    def schedule(self, report: str) -> str:
        """Return the cron expression of a report (``daily``, …); empty where it has none."""
        return self.reports[report].schedule if report in self.reports else ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose values are given to the constructor."""
        return env_settings, init_settings


def load_settings(path: Path) -> Settings:
    """Read and check a settings file.

    Raises:
        SettingsError: the file is missing, is not TOML, or has a wrong key or value.
    """
    try:
        return Settings(**tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SettingsError(
            f"{path} is missing. Copy include/ beside plugins/, or set SANCRM_INCLUDE to its place."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8: save it in that encoding.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    except UnreadableVariableError as error:
        raise SettingsError(
            f"{path} is overridden by an environment variable SANCRM__… that cannot be read: "
            f"{error}. Name a single value, as SANCRM__ACCOUNT__TIMEZONE=Europe/Moscow."
        ) from None
    except ValidationError as error:
        problems = "\n".join(f"  {_explain(problem)}" for problem in error.errors())
        raise SettingsError(f"{path} has wrong settings:\n{problems}") from None


@cache
def settings() -> Settings:
    """Return the settings of this installation, read once in a process.

    While the file has a mistake, it is as it was before: otherwise every DAG would be gone, those
    that watch over the others as well.

    Raises:
        SettingsError: the file has a mistake, and was never seen without one on this machine.
    """
    try:
        found = load_settings(FILE)
    except SettingsError as error:
        try:
            return load_settings(KEPT)
        except SettingsError:
            raise error from None
    _keep(FILE.read_text("utf-8"))
    return found


def settings_error() -> SettingsError | None:
    """Return what is wrong with the file as it is now, whatever settings are in force."""
    try:
        load_settings(FILE)
    except SettingsError as error:
        return error
    return None


def _keep(text: str) -> None:
    """Keep the file for when it has a mistake; where nothing can be written, nothing is kept."""
    with suppress(OSError):
        if not KEPT.exists() or KEPT.read_text("utf-8") != text:
            new = KEPT.with_suffix(f".{os.getpid()}")  # processes do this at the same time
            new.write_text(text, "utf-8")
            new.replace(KEPT)


def templates() -> Templates:
    """Return the language that this installation's people read."""
    ours = settings()
    return Templates(
        TEMPLATES / ours.account.language, ours.account.currency, ours.delivery.kopecks
    )


def _explain(problem: ErrorDetails) -> str:
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")  # of a table
    match problem["type"]:
        case "extra_forbidden":
            return f"{key}: there is no such setting; allowed here: {_siblings(problem['loc'])}"
        case "missing":
            return f"{key}: must be set"
        case _:
            reason = problem["msg"].removeprefix("Value error, ")
            return f"{key} = {problem['input']!r}: {reason}" if key else reason


def _siblings(location: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = Settings
    kinds: list[type[BaseModel]] = []
    for part in location[:-1]:  # a key, the name of a backup, or the kind of its probe
        if field := model.model_fields.get(str(part)):
            kinds = _sections(field.annotation)
        chosen = [kind for kind in kinds if len(kinds) == 1 or part in _kinds_of(kind)]
        model = chosen[0] if chosen else model
    return ", ".join(model.model_fields)


def _sections(annotation: object) -> list[type[BaseModel]]:
    """Return the sections that a setting may hold: one, one per name, or one of several kinds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]


def _kinds_of(section: type[BaseModel]) -> tuple[object, ...]:
    return get_args(section.model_fields["kind"].annotation)
