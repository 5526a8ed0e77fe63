"""The wire to a mail server: an alert sent as an e-mail, or one of our errors raised.

The provider's hook repeats every error, also after an answer that was lost, and bounds no call; so
sending is replaced, and its reading of the connection is kept (docs/decisions/0100-second-way.md).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

import aiosmtplib
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from sancrm_reports.errors import PermanentError, ReportError
from sancrm_reports.pure.formatting import shortened
from sancrm_reports.pure.language import language_of
from sancrm_reports.pure.messages import Message
from sancrm_reports.pure.parts import Limits
from sancrm_reports.pure.splitting import plain_text
from sancrm_reports.pure.templates import Templates
from sancrm_reports.wire.chats import Address
from sancrm_reports.wire.telegram_connection import NoConnectionError
from sancrm_reports.wire.telegram_errors import (
    NotEditableError,
    NotSentError,
    RefusedError,
    UnknownOutcomeError,
)

CALL_SECONDS = 60  # a server that trickles would never end by a time-out of each read
EMAIL = Limits(text=100_000, caption=100_000)
SUBJECT = 200  # characters
ASCII_ONLY = SMTP.clone(cte_type="7bit")  # for servers that take nothing else
BIGGEST_ID = 2**53 - 1  # the page's JavaScript reads it


class EmailChannel(SmtpHook):
    """A ``Channel`` to mailboxes. An edit is a new e-mail that answers the old one.

    :param smtp_conn_id: connection of type SMTP, as the provider's documentation has it; its extra
        names ``from_email``. It is looked up when something is sent.
    :param recipients: who gets each e-mail.
    :param templates: the language that people read.
    """

    def __init__(self, smtp_conn_id: str, recipients: Sequence[str], templates: Templates) -> None:
        super().__init__(smtp_conn_id)
        self.conn_id = smtp_conn_id
        self.recipients = recipients
        self.templates = templates

    @property
    def default_address(self) -> Address:
        """Where everything goes: it is named by its connection."""
        return Address(self.conn_id)

    @property
    def limits(self) -> Limits:
        """How long a text may be: a mail server hardly bounds it."""
        return EMAIL

    @property
    def secret(self) -> str:
        """Nothing: no private message comes here."""
        return ""

    def title_of(self, to: Address) -> str:
        """Nothing: a mailbox has no title."""
        return ""

    def send(
        self, to: Address, message: Message, *, silent: bool = False, reply_to: int | None = None
    ) -> int:
        """Send an e-mail, and return the number in its id.

        Args:
            to: unused: everything goes to the same people.
            silent: unused: an e-mail makes the sound that its reader chose.
            reply_to: the number in the id of the e-mail that this one answers.

        Raises:
            NotSentError: surely nothing was sent.
            RefusedError: the server will never take it.
            UnknownOutcomeError: it may have been taken.
            PermanentError: the connection is missing or wrong; the message names customers.
        """
        if message.is_private:
            raise PermanentError("A message that names people is never sent by e-mail.")
        self._look_up()
        number = secrets.randbelow(BIGGEST_ID) + 1
        mail = self._mail(message.with_button_as_text(), number, reply_to)
        asyncio.run(self._bounded(mail))
        return number

    def edit(self, to: Address, message_id: int, message: Message) -> None:
        """Send the new text as an answer to the old one.

        One whose outcome is unknown may be repeated: an alert is better read twice than never.

        Raises:
            NotSentError, RefusedError, PermanentError: as for ``send``.
        """
        try:
            self.send(to, message, reply_to=message_id)
        except UnknownOutcomeError as error:
            raise NotSentError(str(error), code="email_not_sent") from None

    def delete(self, to: Address, message_id: int) -> bool:
        """Refuse: nobody can take an e-mail back.

        Raises:
            NotEditableError: always.
        """
        raise NotEditableError("An e-mail that was sent cannot be deleted.")

    def _look_up(self) -> None:
        """Read the connection, and make sure that it can be used.

        Raises:
            PermanentError: it cannot.
        """
        try:
            self.smtp_connection = BaseHook.get_connection(self.smtp_conn_id)
        except AirflowNotFoundException:
            raise NoConnectionError(
                f"There is no Airflow connection {self.smtp_conn_id!r}, by which e-mails are sent. "
                "Create it under Admin > Connections (type SMTP), or empty email.to.",
                code="no_email_connection",
            ) from None
        if not (self.from_email and self.host):
            raise PermanentError(
                f"The connection {self.smtp_conn_id!r} needs a host, and from_email in its extra.",
                code="bad_email_connection",
            )

    def _mail(self, message: Message, number: int, answers: int | None) -> EmailMessage:
        text = plain_text(message.html)
        verdict = shortened(text.strip().partition("\n")[0].strip(), SUBJECT)
        sender = str(self.from_email)
        domain = sender.rstrip(">").rpartition("@")[2]
        mail = EmailMessage(policy=ASCII_ONLY)
        mail["Subject"] = language_of(self.templates).word("email.subject", verdict=verdict)
        mail["From"] = sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = formatdate(localtime=True)
        mail["Message-ID"] = f"<{number}.sancrm@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # so that nobody's absence note answers
        if answers:
            mail["In-Reply-To"] = mail["References"] = f"<{answers}.sancrm@{domain}>"
        mail.set_content(text)
        mail.add_alternative(message.html.replace("\n", "<br>"), subtype="html")
        if file := message.attachment:
            mail.add_attachment(
                file.data, maintype="application", subtype="octet-stream", filename=file.name
            )
        return mail

    async def _bounded(self, mail: EmailMessage) -> None:
        """Hand the e-mail over in a bounded time, and tell what came of it."""
        call = _Call(self, mail)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await call.make()
        except ReportError:
            raise
        except Exception as error:
            raise self._translated(error, is_handed_over=call.is_handed_over) from None

    def _translated(self, error: Exception, *, is_handed_over: bool) -> ReportError:
        """Return our error; the server's words are quoted, but not to a login: it may echo that."""
        place = f"the mail server of connection {self.smtp_conn_id!r}"
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            error = min(error.recipients, key=lambda refusal: refusal.code)  # one that may pass
        if isinstance(error, aiosmtplib.SMTPResponseException):
            is_login = isinstance(error, aiosmtplib.SMTPAuthenticationError)
            quote = " ".join(f"{error.code} {'' if is_login else error.message}".split())
            if 500 <= error.code < 600:
                return RefusedError(
                    f"{place} refused the e-mail: {quote}. Correct the connection or email.to.",
                    code="email_login" if is_login else "email_refused",
                    quote=quote,
                )
            if 400 <= error.code < 500:
                return NotSentError(
                    f"{place} does not take the e-mail now: {quote}.",
                    code="email_not_sent",
                    quote=quote,
                )
        kind = type(error).__name__
        if is_handed_over:
            return UnknownOutcomeError(
                f"Nobody knows whether {place} took the e-mail: it never said so ({kind}).",
                code="email_unknown",
            )
        return NotSentError(
            f"{place} cannot be reached ({kind}). Nothing was sent.",
            code="email_not_sent",
            quote=kind,
        )


class _Call:
    """One conversation with the server; ``is_handed_over`` once the text was begun."""

    def __init__(self, account: EmailChannel, mail: EmailMessage) -> None:
        self.account = account
        self.mail = mail
        self.is_handed_over = False

    async def make(self) -> None:
        """Connect, log in, and hand the e-mail over."""
        client = self._client()
        try:
            await client.connect()
            await self._log_in(client)
            await client.mail(_bare(self.mail["From"]))
            await self._name_recipients(client)
            self.is_handed_over = True
            await client.data(self.mail.as_bytes())
            with suppress(Exception):  # it says nothing about the e-mail
                await client.quit(timeout=5)
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        account = self.account
        return aiosmtplib.SMTP(
            hostname=account.host,
            port=account.port or None,
            timeout=account.timeout,
            use_tls=account.use_ssl,
            start_tls=account.smtp_starttls and not account.use_ssl,
            validate_certs=account.ssl_context != "none",
        )

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        account = self.account
        if account.auth_type == "oauth2":
            await client.auth_xoauth2(*account._setup_oauth2())  # of its own hook
        elif account.smtp_user and account.smtp_password:
            await client.login(account.smtp_user, account.smtp_password)

    async def _name_recipients(self, client: aiosmtplib.SMTP) -> None:
        """Name who gets it: one whom the server refuses is no reason to tell nobody."""
        refused = []
        for recipient in self.account.recipients:
            try:
                await client.rcpt(recipient)
            except aiosmtplib.SMTPRecipientRefused as error:
                refused.append(error)
                self.account.log.warning("The mail server refused a recipient: %s", error.code)
        if len(refused) == len(self.account.recipients):
            raise aiosmtplib.SMTPRecipientsRefused(refused)


def _bare(sender: str) -> str:
    """Return the address of «Name <address>»."""
    named = re.search(r"<([^>]+)>", sender)
    return named[1] if named else sender
