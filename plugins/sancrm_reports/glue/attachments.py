"""Operators that post a picture or a workbook below a report's text, once that is in its chat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, ClassVar

from sancrm_reports.glue.attached_messages import own_row, picture_message, workbook_message
from sancrm_reports.glue.params import params_of
from sancrm_reports.glue.post import TelegramReportOperator
from sancrm_reports.glue.telegram_operator import common_hook, posting, readers_of
from sancrm_reports.pure.figures import (
    AttachmentKind,
    Figures,
    attached_subject,
    text_subject,
)
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sancrm_reports.pure.messages import Message
    from sancrm_reports.pure.period import Period
    from sancrm_reports.wire.chats import Address
    from sancrm_reports.wire.delivery import Delivery

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
            wanted.workbook and configured.chats.has_branch_workbooks(report),
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

    def whose(self) -> Figures:
        """Return those of the branch, or of the network."""
        return Figures.from_row(own_row(self.figures))

    def subject(self) -> str:
        """Return the text's subject, and what is attached to it."""
        return attached_subject(self.whose().name, self.kind)

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Make it and bring it to the chats of its text, where the run posts texts."""
        if params_of(context).backfill_mode != "full":
            self.log.info("Nothing is attached to what is not a report's message.")
            return []
        if not readers_of(self.report, self.subject(), common_hook(), is_loss=True):
            self.log.info("Nobody reads %s.", self.subject())
            return []
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


class PostPictureOperator(PostAttachmentOperator):
    """Post the profit over the last periods, and that of the branches, as a picture."""

    kind = "picture"

    def message(self, period: Period) -> Message:
        """Draw it."""
        return picture_message(self.figures, period)


class PostWorkbookOperator(PostAttachmentOperator):
    """Post the report as a workbook, with the lines that its figures are made of.

    A branch's goes to chats that don't read of the network: in the others there is the network's.
    """

    kind = "workbook"
    run_id = ""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Post it; it names its run."""
        self.run_id = context["run_id"]
        return super().execute(context)

    def message(self, period: Period) -> Message:
        """Write it."""
        return workbook_message(self.figures, period, self.run_id)
