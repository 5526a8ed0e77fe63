"""What goes below a report's text: pictures and workbooks, as messages of their own."""

from __future__ import annotations

from hashlib import sha256

from sancrm_reports.pure.figures import ATTACHMENTS, AttachmentKind
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Attachment, Comparison, Message, headline_facts
from sancrm_reports.pure.period import Period
from sancrm_reports.pure.templates import Templates


def attachment_message(
    kind: AttachmentKind,
    data: bytes,
    *,
    compared: Comparison,
    file: str,
    period: Period,
    templates: Templates,
    fingerprint: str = "",
) -> Message:
    """Return the message that shows a picture or carries a workbook.

    Args:
        kind: what it is.
        data: the file.
        compared: whose figures these are; a correction says how they changed.
        file: the file's name, without its suffix.
        period: the reported one.
        templates: the language that people read.
        fingerprint: what is compared; the hash of the data where there is none.
    """
    language = language_of(templates)
    shown_as, suffix = ATTACHMENTS[kind]
    caption = language.render(
        "attachment.html.j2",
        kind=kind,
        name=compared.now.branch_name or language.word("network"),
        period=period,
    )
    fingerprint = fingerprint or sha256(data).hexdigest()
    return Message(
        caption,
        attachment=Attachment(shown_as, f"{file}.{suffix}", data, fingerprint),
        facts=headline_facts(compared, language),
    )
