"""Operators that post a picture or a workbook below a report's text, once that is in its chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, ClassVar

from sancrm_reports.glue.messages import compared, compared_parts, comparison
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.post import TelegramReportOperator
from sancrm_reports.glue.telegram import posting
from sancrm_reports.pure.figures import (
    NETWORK,
    AttachmentKind,
    Figures,
    attached_subject,
    branch_of,
    text_subject,
)
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.settings import INCLUDE, settings, templates
from sancrm_reports.wire.crm import read_profitability, snapshot, sql_text

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.messages import Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.pure.picture import Point
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery

SQL = INCLUDE / "sql"
LABEL = "{{ task.figures['branch_name'][:200] }}"  # of a mapped task; Airflow takes 250


def attachment_tasks(report: str, figures: Any, branches: Any) -> list[Any]:
    """Return the tasks that post what a report's settings want below its texts.

    ``figures`` is what ``compute_profitability`` returns, ``branches`` what ``list_branches`` does.
    """
    configured = settings()
    wanted = configured.reports[report]
    # What cannot be made, or is refused, must not keep the others away.
    options = {"report": report, "trigger_rule": "all_done", **posting()}
    tasks: list[Any] = []
    if wanted.picture:
        tasks.append(PostPictureOperator(task_id="post_picture", figures=figures, **options))
    if wanted.workbook:
        tasks.append(PostWorkbookOperator(task_id="post_workbook", figures=figures, **options))
    of_branches = [
        (PostPictureOperator, "post_branch_picture", wanted.branch_pictures),
        (
            PostWorkbookOperator,
            "post_branch_workbook",
            wanted.workbook and any(map(configured.chats.own_of_branch, configured.chats.branches)),
        ),
    ]
    for operator, task_id, is_wanted in of_branches:
        if is_wanted:
            mapped = operator.partial(task_id=task_id, map_index_template=LABEL, **options)
            tasks.append(mapped.expand(figures=branches))
    return tasks


class PostAttachmentOperator(TelegramReportOperator):
    """Post what belongs to a text, as an answer to it; without the text it is not posted.

    :param report: ``daily``, …: the id of a ``ReportKind``.
    :param figures: one mapping of what ``compute_profitability`` returned, for a branch, or all.
    """

    template_fields: Sequence[str] = ("figures",)
    kind: ClassVar[AttachmentKind]

    def __init__(self, *, figures: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.figures = figures
        self.run_id = ""

    def subject(self) -> str:
        """Return the text's subject, and what is attached to it."""
        return attached_subject(self.whose(), self.kind)

    def whose(self) -> str:
        """Return the subject of the text."""
        return NETWORK if self.is_network else Figures.from_row(self.figures).name

    @property
    def is_network(self) -> bool:
        """Whether it is the network's, and not a branch's."""
        return not isinstance(self.figures, Mapping)

    @property
    def branch_name(self) -> str:
        """The branch's name, empty for the network."""
        return "" if self.is_network else str(self.figures["branch_name"])

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Make it and bring it to the chats of its text, where the run posts texts."""
        if params_of(context).backfill_mode != "full":
            self.log.info("Nothing is attached to what is not a report's message.")
            return []
        if not self.chats():
            self.log.info("%s has no chat of its own.", self.whose())
            return []
        self.run_id = context["run_id"]
        return super().execute(context)

    def rehearse(self, message: Message) -> None:
        """Write the file, so that somebody can look at it."""
        super().rehearse(message)
        if message.attachment:
            file = Path(mkdtemp(prefix="sancrm-")) / message.attachment.name
            file.write_bytes(message.attachment.data)
            self.log.info("The file is %s", file)

    def bring(
        self, delivery: Delivery, period: Period, to: Address, message: Message, **options: Any
    ) -> list[Any]:
        """Answer the text, if that is in the chat."""
        from sancrm_reports.pure.entry import State

        key = delivery.ledger.key(
            REPORT_KINDS[self.report].dag_id, period.key, text_subject(self.subject()), to
        )
        text = delivery.ledger.messages.get(key)
        if text is None or text.state is not State.SENT:
            self.log.warning("The text is not in chat %s, so nothing is attached to it.", to)
            return []
        return super().bring(delivery, period, to, message, **options, reply_to=key)

    def _message(self, data: bytes, period: Period, fingerprint: str = "") -> Message:
        from sancrm_reports.pure.attachments import attachment_message

        branch = "" if self.is_network else f"-{self.whose()}"
        return attachment_message(
            self.kind,
            data,
            compared=comparison(self.figures[-1] if self.is_network else self.figures),
            file=f"{REPORT_KINDS[self.report].dag_id}-{period.key}{branch}",
            period=period,
            templates=templates(),
            fingerprint=fingerprint,
        )


class PostPictureOperator(PostAttachmentOperator):
    """Post the profit over the last periods, and that of the branches, as a picture."""

    kind = "picture"

    def message(self, period: Period) -> Message:
        """Draw it."""
        from sancrm_reports.pure.language import language_of
        from sancrm_reports.pure.picture import picture

        branches = [
            (row["branch_name"], Figures.from_row(row).profit)
            for row in (self.figures if self.is_network else ())
            if row["subject"] == "branch"
        ]
        png = picture(
            self.branch_name or language_of(templates()).word("network").capitalize(),
            self._history(period),
            branches,
            templates=templates(),
            theme=settings().delivery.picture_theme,
        )
        return self._message(png, period)

    def _history(self, period: Period) -> list[Point]:
        """Return the profit of the last periods; those before the first movement are left out."""
        from sancrm_reports.pure.picture import Point

        whose = self.figures[-1] if self.is_network else self.figures
        reported = Figures.from_row(whose)
        earlier: list[Point] = []
        with snapshot(settings().database) as cursor:
            for back in range(REPORT_KINDS[self.report].drawn_periods - 1, 0, -1):
                before = period.before(back)
                rows = read_profitability(cursor, sql_text(SQL), before)
                found = next((row for row in rows if row.key == reported.key), None)
                if earlier or (found and found.has_movements):
                    earlier.append(Point(before, found.profit if found else None))
        return [*earlier, Point(period, reported.profit)]


class PostWorkbookOperator(PostAttachmentOperator):
    """Post the report as a workbook, with the lines that its figures are made of.

    A branch's goes to chats that are its own: in the others there is the network's.
    """

    kind = "workbook"

    def chats(self) -> list[str]:
        """Return the summary's chat; of a branch only those where nothing else is posted."""
        if self.is_network:
            return super().chats()
        return settings().chats.own_of_branch(self.figures["branch_id"])

    def message(self, period: Period) -> Message:
        """Write it; differences between lines and figures are logged: rows changed meanwhile."""
        from sancrm_reports.pure.trace import FAMILIES
        from sancrm_reports.pure.workbook import About, workbook
        from sancrm_reports.wire.trace import read_rows, sql_version

        branch = None if self.is_network else branch_of(self.whose())
        parts = compared_parts(self.figures) if self.is_network else [compared(self.figures)]
        with snapshot(settings().database) as cursor:
            book = workbook(
                parts,
                {family: read_rows(cursor, SQL, family, period, branch) for family in FAMILIES},
                period,
                About(self.run_id, sql_version(SQL), datetime.now(UTC)),
                templates=templates(),
                network=compared(self.figures[-1]) if self.is_network else None,
                has_rentals=settings().account.has_rentals,
            )
        if book.differences:
            self.log.warning("The lines differ from the message: %s", dict(book.differences))
        return self._message(book.data, period, book.figures_hash)


OPERATORS = {operator.kind: operator for operator in (PostPictureOperator, PostWorkbookOperator)}
