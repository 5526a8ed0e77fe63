"""The settings of chats: who reads which reports, where alerts go, and when a chat is quiet."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sancrm_reports.pure.figures import ATTACHMENTS, AttachmentKind
from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.setting_types import (
    BranchId,
    ChatName,
    HoursOfDay,
    ReportId,
    Section,
    check_chat,
)

NOBODY = "none"  # instead of a chat of reports
ALL = "all"  # instead of branches' ids


def _chat_or_nobody(name: str) -> str:
    return name if name == NOBODY else check_chat(name)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int) else value


ChatOrNobody = Annotated[str, AfterValidator(_chat_or_nobody)]
BranchIds = Annotated[list[BranchId], BeforeValidator(_as_list)]


class Reader(Section):
    """One more chat that reads reports: which kinds of them, and about whom.

    ``only_losses`` leaves out what had a profit. ``files`` are those attachments that come along if
    the report has them.
    """

    chat: ChatName
    reports: list[ReportId] = Field(default=[*REPORT_KINDS], min_length=1)
    summary: bool = False
    branches: BranchIds = Field(default_factory=list)
    only_losses: bool = False
    files: list[AttachmentKind] = Field(default=[*ATTACHMENTS])

    @model_validator(mode="after")
    def _reads_something(self) -> Reader:
        if not self.summary and not self.branches:
            raise ValueError(
                'it reads nothing; give it summary = true, branches = ["3"] or branches = "all"'
            )
        return self

    def reads(self, report: str, branch_id: str | None, *, is_loss: bool) -> bool:
        """Whether a report goes there: of a branch, or of the network."""
        if report not in self.reports or (self.only_losses and not is_loss):
            return False
        if branch_id is None:
            return self.summary
        return ALL in self.branches or branch_id in self.branches


class ChatsSettings(Section):
    """Where messages go: ``-1001234567890``, ``@name``, or either with a topic: ``-100…:12``.

    Empty is the chat of the connection. ``branches`` gives chats by the branch's id; ``default``
    among them is the chat of ``reports``, so that a branch's report goes there as well. ``none`` as
    ``reports`` or ``summary`` is no chat. ``readers`` are further ones. In its ``quiet_hours`` a
    chat hears no sound.
    """

    reports: ChatOrNobody = ""
    summary: ChatOrNobody = ""
    missed_calls: ChatName = ""
    backups: ChatName = ""
    failures: ChatName = ""
    branches: dict[
        BranchId,
        Annotated[list[ChatName | Literal["default"]], Field(min_length=1)],
    ] = Field(default_factory=dict)
    readers: list[Reader] = Field(default_factory=list)
    quiet_hours: dict[ChatName, HoursOfDay] = Field(default_factory=dict)

    @property
    def of_summary(self) -> str:
        """The chat of the network's summary."""
        return self.summary or self.reports

    def of_branch(self, branch_id: str) -> list[str]:
        """Return the chats of a branch's report, readers aside."""
        chats = self.branches.get(branch_id, ["default"])
        return [self.reports if chat == "default" else chat for chat in chats]

    def resolved(self, default: str) -> ChatsSettings:
        """Return the same with the connection's chat by its name, so that each has one name."""

        def named(chat: str) -> str:
            return chat or default

        return self.model_copy(
            update={
                "reports": named(self.reports),
                "summary": named(self.of_summary),
                "branches": {id_: [*map(named, chats)] for id_, chats in self.branches.items()},
                "readers": [
                    reader.model_copy(update={"chat": named(reader.chat)})
                    for reader in self.readers
                ],
                "quiet_hours": {named(chat): hours for chat, hours in self.quiet_hours.items()},
            }
        )

    def readers_of(
        self, report: str, branch_id: str | None, *, is_loss: bool, file: str = ""
    ) -> list[str]:
        """Return who reads a report, of a branch or of the network, each chat once.

        With a ``file`` only who wants that below the report as well.
        """
        usual = [self.of_summary] if branch_id is None else self.of_branch(branch_id)
        more = [
            one.chat
            for one in self.readers
            if one.reads(report, branch_id, is_loss=is_loss) and (not file or file in one.files)
        ]
        return [chat for chat in dict.fromkeys([*usual, *more]) if chat != NOBODY]

    def readers_of_file(
        self, file: str, report: str, branch_id: str | None, *, is_loss: bool
    ) -> list[str]:
        """Return who reads what is attached to a report: of those who read the report.

        A branch's workbook only goes to chats that don't read of the whole network: those have
        the network's, or would have one of every branch.
        """
        found = self.readers_of(report, branch_id, is_loss=is_loss, file=file)
        if file != "workbook" or branch_id is None:
            return found
        whole = {
            self.reports,
            *self.readers_of(report, None, is_loss=False),
            *(one.chat for one in self.readers if ALL in one.branches),
        }
        return [chat for chat in found if chat not in whole]

    @property
    def named_branches(self) -> set[str]:
        """The ids of the branches that are named somewhere."""
        return {*self.branches}.union(*(one.branches for one in self.readers)) - {ALL}

    def has_branch_workbooks(self, report: str) -> bool:
        """Whether some branch's workbook may have a reader."""
        return any(
            self.readers_of_file("workbook", report, id_, is_loss=True)
            for id_ in self.named_branches
        )

    def is_quiet(self, chat: str, moment: datetime) -> bool:
        """Whether a message makes no sound in a chat, or a topic; the moment is in its zone."""
        hours = self.quiet_hours.get(chat) or self.quiet_hours.get(chat.partition(":")[0])
        if hours is None:
            return False
        start, end = hours.split("-")
        now = f"{moment:%H:%M}"
        return start <= now < end if start < end else now >= start or now < end
