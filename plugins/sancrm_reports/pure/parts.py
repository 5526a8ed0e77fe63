"""A message as the parts that a chat can take: what each says, and what is no longer said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.splitting import RESERVED, TEXT_LIMIT, split, visible_length
from sancrm_reports.pure.templates import Templates


@dataclass(frozen=True)
class Limits:
    """How long a text, and a caption of an attachment, may be in a channel.

    In UTF-16 units, after the markup is read.
    """

    text: int
    caption: int

    def of(self, message: Message) -> int:
        """Return the limit of a message's text."""
        return self.caption if message.attachment else self.text


TELEGRAM = Limits(text=TEXT_LIMIT, caption=1024)


@dataclass(frozen=True)
class Part:
    """One part: its number from 1, and what is to be read in it.

    ``count`` is the most parts that the message ever had. A part that ``is_taken_back`` was sent
    once, and the message has become shorter.
    """

    number: int
    message: Message
    footer: str = ""
    count: int = 1
    is_taken_back: bool = False


def parts_of(
    message: Message, *, limits: Limits, templates: Templates, footer: str = "", earlier: int = 1
) -> Iterator[Part]:
    """Yield the parts of a message, then those to be taken back.

    Args:
        message: what is to be read; its facts go with the first part, its button with the last.
            One with an attachment is not split.
        limits: the channel's.
        templates: the language that people read.
        footer: a line of plain text for the last part.
        earlier: how many parts the chat has got before.

    Raises:
        ValueError: a line of the message is longer than a part may be, or a caption is.
    """
    if message.attachment:
        length = visible_length(message.html)
        if length > limits.caption:
            raise ValueError(f"a caption of {length} characters cannot be split")
        yield Part(1, message, footer)
        return
    texts = split(message.html, limits.text - RESERVED)
    count = max(len(texts), earlier)
    for number, text in enumerate(texts, start=1):
        is_last = number == len(texts)
        html = text if len(texts) == 1 else f"{text}\n\n({number}/{len(texts)})"
        yield Part(
            number,
            replace(
                message,
                html=html,
                button=message.button if is_last else None,
                facts=message.facts if number == 1 else {},
            ),
            footer if is_last else "",
            count,
        )
    not_needed = Message(f"— {language_of(templates).word('part_not_needed')} —")
    for number in range(len(texts) + 1, count + 1):
        yield Part(number, not_needed, count=count, is_taken_back=True)
