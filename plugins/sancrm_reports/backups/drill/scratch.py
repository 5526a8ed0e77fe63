"""The empty database that a dump is restored into, and how it is made ready for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.drill.sandbox import Sandbox
from sancrm_reports.backups.dumps.contents import Extension
from sancrm_reports.wire.private_postgres import connected


@dataclass(frozen=True)
class Scratch:
    """An empty database.

    Attributes:
        owner: DSN of its plain owner. Whatever comes from the dump is done as this role.
        admin: DSN of who makes it ready. Not used any more once something of the dump is in it.
        sandbox: how clients run that restore into it.
        used: returns how many bytes it takes.
        has_roles_of_its_own: whether roles can be made that nobody else has anything to do with.
    """

    owner: str
    admin: str
    sandbox: Sandbox
    used: Callable[[], int]
    has_roles_of_its_own: bool

    def server_version(self) -> int:
        """Return the server's major version."""
        with _connected(self.owner) as connection:
            return int(connection.info.server_version // 10_000)

    def harmless(self, wanted: Iterable[Extension], *, allowed: Iterable[str]) -> list[Extension]:
        """Return the extensions that may be made: trusted ones, and those that are allowed."""
        with _connected(self.admin) as admin:
            rows = admin.execute(
                "select distinct name from pg_available_extension_versions where trusted"
            ).fetchall()
        harmless = {name for (name,) in rows} | set(allowed)
        return [extension for extension in wanted if extension.name in harmless]

    def prepare(self, *, extensions: Iterable[Extension], roles: Iterable[str]) -> None:
        """Make what a plain owner cannot make: extensions, and roles that nobody can log in as.

        It is done before anything of the dump is there that could take part in it.

        Raises:
            DrillError: an extension is not on the server.
        """
        from psycopg import Error

        with _connected(self.admin) as admin:
            if self.has_roles_of_its_own:
                _make_roles(admin, roles)
            for extension in extensions:
                try:
                    _make_extension(admin, extension, self._owner_name())
                except Error as error:
                    raise DrillError(
                        Trouble.REFUSED,
                        f"The extension {extension.name!r} that the dump needs cannot be made in "
                        f"the scratch database: {str(error).splitlines()[0]}.",
                        what=("lacks.extension", extension.name),
                    ) from None

    def _owner_name(self) -> str:
        from psycopg.conninfo import conninfo_to_dict

        return str(conninfo_to_dict(self.owner)["user"])


@contextmanager
def _connected(dsn: str) -> Iterator[Any]:
    """Connect.

    Raises:
        DrillError: the server does not answer.
    """
    from psycopg import OperationalError

    try:
        with connected(dsn) as connection:
            yield connection
    except OperationalError as error:
        raise DrillError(
            Trouble.NO_SERVER, f"The scratch server was lost: {str(error).splitlines()[0]}."
        ) from None


def _make_roles(admin: Any, roles: Iterable[str]) -> None:
    """Make the roles that policies, grants and values of regrole name; without any right."""
    from psycopg import Error, sql

    for role in roles:
        try:
            admin.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
        except Error:  # it is there, or PostgreSQL keeps the name to itself: then nothing needs it
            continue


def _make_extension(admin: Any, extension: Extension, owner: str) -> None:
    from psycopg import sql

    schema, name, role = map(sql.Identifier, (extension.schema, extension.name, owner))
    for words in (
        "create schema if not exists {schema} authorization {role}",
        "create extension if not exists {name} with schema {schema}",
        # Rows that people added to its tables are in the dump.
        "grant all on all tables in schema {schema} to {role}",
        "grant all on all sequences in schema {schema} to {role}",
    ):
        if extension.schema == "pg_catalog" and "{name}" not in words:
            continue
        admin.execute(sql.SQL(words).format(schema=schema, name=name, role=role))
