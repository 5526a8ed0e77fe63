"""What stands in a dump, and what of it a restore drill leaves out.

A dump consists of entries, each of one kind. Left out is what reaches beyond one database, what
only a superuser can make, and what cannot be made without that. Nothing here makes a dump
harmless: that it can do nothing is the affair of the role that restores it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

LONGEST_NAME = 80  # characters
# So that a hostile text cannot keep a pattern busy for long.
LONGEST_STATEMENT = 4096  # characters
MOST_NAMES = 1000

# What would reach beyond the scratch database, or make it talk to others.
REACHING_OUT = (
    "DATABASE PROPERTIES",
    "DATABASE",
    "EVENT TRIGGER",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "SERVER",
    "SUBSCRIPTION TABLE",
    "SUBSCRIPTION",
    "USER MAPPING",
)
# Not needed to see that all rows are there. pg_restore leaves these out by options, too.
NOT_NEEDED = (
    "ACL",
    "COMMENT",
    "DEFAULT ACL",
    "PUBLICATION TABLES IN SCHEMA",
    "PUBLICATION TABLE",
    "PUBLICATION",
    "SECURITY LABEL",
)
# What may go with something that is left out. Never a table: it would be missing in the copy.
DEPENDENT = (
    "AGGREGATE",
    "FUNCTION",
    "INDEX ATTACH",
    "INDEX",
    "MATERIALIZED VIEW DATA",
    "MATERIALIZED VIEW",
    "PROCEDURE",
    "RULE",
    "STATISTICS DATA",
    "STATISTICS",
    "TRIGGER",
    "VIEW",
)
OTHERS = ("EXTENSION", "SCHEMA", "TABLE DATA", "TABLE")
KINDS = sorted((*REACHING_OUT, *NOT_NEEDED, *DEPENDENT, *OTHERS), key=len, reverse=True)

# As pg_restore --list --verbose prints them.
LISTED = re.compile(r"(?P<id>\d+); \d+ \d+ (?P<rest>.+)")
NEEDS = re.compile(r";\s+depends on:(?P<ids>[ \d]+)")

_WORD = r'(?:"(?:[^"]|"")+"|[\w$]+)'
EXTENSION = re.compile(
    rf"CREATE EXTENSION (?:IF NOT EXISTS )?(?P<name>{_WORD})(?: WITH SCHEMA (?P<schema>{_WORD}))?"
)
ROLES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"ALTER .* OWNER TO (?P<roles>{_WORD});$",
        rf"(?:GRANT|REVOKE) .* (?:TO|FROM) (?P<roles>{_WORD})(?: WITH GRANT OPTION)?"
        rf"(?: GRANTED BY {_WORD})?;$",
        rf"ALTER DEFAULT PRIVILEGES FOR ROLE (?P<roles>{_WORD}) ",
        rf"CREATE POLICY .* TO (?P<roles>{_WORD}(?:, {_WORD})*)(?: USING | WITH CHECK |;$)",
    )
)
NO_ROLES = {"public", "PUBLIC", "CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"}


@dataclass(frozen=True)
class Extension:
    """An extension that the dump makes, and the schema that it is in."""

    name: str
    schema: str = "public"


@dataclass
class TocEntry:
    """One entry of a dump's table of contents.

    ``kind`` is pg_dump's word, ``label`` what follows it in pg_dump's list: schema or dash, name
    and owner. ``needs`` are the ids of what must be there before.
    """

    id: int
    kind: str
    label: str
    needs: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """What a person reads of it, without its owner."""
        words = self.label.removeprefix("- ").split(" ")
        named = " ".join(words[:-1] or words)
        return f"{self.kind} {named}"[:LONGEST_NAME]


@dataclass
class Mentions:
    """The extensions and roles that statements of a dump name."""

    extensions: dict[str, Extension] = field(default_factory=dict)
    roles: set[str] = field(default_factory=set)

    def read(self, line: str) -> None:
        """Read one line of SQL; what is longer, or more, than any CRM's is not looked at."""
        line = line[:LONGEST_STATEMENT]
        if len(self.extensions) + len(self.roles) > MOST_NAMES:
            return
        if found := EXTENSION.match(line):
            name = unquoted(found["name"])
            self.extensions[name] = Extension(name, unquoted(found["schema"] or "public"))
        for pattern in ROLES:
            if found := pattern.match(line):
                names = {unquoted(word) for word in re.findall(_WORD, found["roles"])}
                self.roles |= names - NO_ROLES


class AmbiguousListError(ValueError):
    """Two entries have one id: no pg_dump writes such a list."""


def read_list(lines: Iterable[str]) -> list[TocEntry]:
    """Return the entries of what ``pg_restore --list --verbose`` prints.

    Raises:
        AmbiguousListError: a name of the dump pretends to be a line of the list.
    """
    found: dict[int, TocEntry] = {}
    last = None
    for line in lines:
        if listed := LISTED.fullmatch(line.strip()):
            kind, label = _split(listed["rest"])
            last = TocEntry(int(listed["id"]), kind, label)
            if last.id in found:
                raise AmbiguousListError(f"two entries of its list have the number {last.id}")
            found[last.id] = last
        elif last and (needs := NEEDS.match(line)):
            last.needs = frozenset(map(int, needs["ids"].split()))
    return list(found.values())


def left_out(entries: Sequence[TocEntry], made_before: Collection[Extension]) -> list[TocEntry]:
    """Return what a drill does not restore, in the order of the dump.

    Args:
        entries: all of the dump.
        made_before: extensions that are there already, with their schemas, as ``public`` is.
    """
    extensions = {extension.name for extension in made_before}
    schemas = {"public", *(extension.schema for extension in made_before)}
    out = {entry.id for entry in entries if entry.kind in NOT_NEEDED}
    out |= {entry.id for entry in entries if _is_one_of(entry, "SCHEMA", schemas)}
    out |= {entry.id for entry in entries if _is_one_of(entry, "EXTENSION", extensions)}
    missing = {
        entry.id
        for entry in entries
        if entry.kind in REACHING_OUT or (entry.kind == "EXTENSION" and entry.id not in out)
    }
    dependents = defaultdict(list)
    for entry in entries:
        if entry.kind in DEPENDENT:
            for need in entry.needs:
                dependents[need].append(entry.id)
    to_follow = list(missing)
    while to_follow:
        more = set(dependents[to_follow.pop()]) - missing
        missing |= more
        to_follow += more
    out |= missing
    return [entry for entry in entries if entry.id in out]


def worth_telling(entries: Iterable[TocEntry], made_before: Collection[Extension]) -> list[str]:
    """Return what of it a person should know of: what the copy lacks, but for its trimmings."""
    silent = (*NOT_NEEDED, "DATABASE", "DATABASE PROPERTIES", "SCHEMA")
    made = {extension.name for extension in made_before}
    return [
        entry.name
        for entry in entries
        if entry.kind not in silent and not _is_one_of(entry, "EXTENSION", made)
    ]


def _is_one_of(entry: TocEntry, kind: str, names: Collection[str]) -> bool:
    return entry.kind == kind and any(f"{entry.label} ".startswith(f"- {name} ") for name in names)


def unquoted(word: str) -> str:
    """Return the name that an identifier of SQL means."""
    return word[1:-1].replace('""', '"') if word.startswith('"') else word


def mention_of(schema: str, name: str) -> re.Pattern[str]:
    """Return what finds a name with its schema in SQL, as pg_dump writes it."""
    return re.compile(r"\.".join(_quoted_or_not(part) for part in (schema, name)) + r"(?![\w$])")


def _quoted_or_not(name: str) -> str:
    quoted = re.escape('"' + name.replace('"', '""') + '"')
    return rf"(?:(?<![\w$]){re.escape(name)}|{quoted})"


def _split(rest: str) -> tuple[str, str]:
    """Split an entry into its kind, which has one to four words, and the rest."""
    for kind in KINDS:
        if rest.startswith(f"{kind} "):
            return kind, rest.removeprefix(f"{kind} ")
    kind, _, label = rest.partition(" ")
    return kind, label
