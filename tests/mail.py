"""A real mail server on loopback that can refuse, hang, and drop what it has accepted."""

import contextlib
import json
import logging
import socket
import threading
from email import message_from_bytes
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

logging.getLogger("mail.log").setLevel(logging.WARNING)  # each command, otherwise

DROP = object()  # in place of an answer: the connection is closed


class MailServer:
    """Takes e-mails and keeps them; ``faults`` answers the next steps otherwise.

    A fault is a step (``connect``, ``MAIL``, ``RCPT``, ``before`` and ``after`` the e-mail was
    accepted) and what happens there: an answer, or ``DROP``, or a ``threading.Event`` to wait for.
    """

    def __init__(self):
        self.accepted = []
        self.faults = {}

    @contextlib.contextmanager
    def running(self):
        server = _Controller(self, hostname="127.0.0.1", port=_free_port())
        server.start()
        self.port = server.port
        try:
            yield self
        finally:
            self.faults.clear()
            server.stop()

    def connection(self, **changes):
        """The Airflow connection as the environment gives it."""
        extra = {
            "from_email": "SanCRM <sancrm@example.com>",
            "disable_ssl": True,
            "disable_tls": True,
            "timeout": 5,
        }
        account = {"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra}
        return json.dumps({**account, **changes})

    @property
    def subjects(self):
        return [mail["Subject"] for mail in self.accepted]

    def text(self, number=-1):
        """What is read in an e-mail, by a reader without HTML."""
        return self.accepted[number].get_body(("plain",)).get_content()

    async def meet(self, step, server):
        """Return what a fault answers at a step, None without one."""
        fault = self.faults.get(step)
        if fault is DROP:
            server.transport.abort()
            return "421 gone"
        if isinstance(fault, threading.Event):
            await server.loop.run_in_executor(None, fault.wait, 10)
            return None
        return fault


class _Handler:
    def __init__(self, mails):
        self.mails = mails

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802  # aiosmtpd's name
        envelope.mail_from = address
        return await self.mails.meet("MAIL", server) or "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802  # aiosmtpd's name
        answer = await self.mails.meet("RCPT", server) or await self.mails.meet(address, server)
        if not answer:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        if answer := await self.mails.meet("before", server):
            return answer
        mail = message_from_bytes(envelope.content, policy=default)
        mail.recipients = list(envelope.rcpt_tos)
        self.mails.accepted.append(mail)
        return await self.mails.meet("after", server) or "250 OK"


class _Controller(Controller):
    def __init__(self, mails, **options):
        self.mails = mails
        super().__init__(_Handler(mails), **options)

    def factory(self):
        return SMTP(self.handler, loop=self.loop)


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
