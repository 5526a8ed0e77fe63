"""What PostgreSQL's refusal of a part of a dump means, and how it is told.

A dump is restored by a role that may do nothing beyond its own database, so what reaches out of it
ends with an error, whose words tell what was tried.
"""

from __future__ import annotations

import re

from sancrm_reports.backups.drill.result import Trouble

_FILE_FUNCTIONS = (
    r"(?:pg_read_|pg_ls_|pg_stat_file|pg_file_|pg_current_logfile|lo_import|lo_export)"
)

# What psql says of a command that its restriction by a key forbids.
RESTRICTED = re.compile(r"backslash commands are restricted|\\unrestrict: wrong key")
# What the dump tried to do. The first that matches is told.
ATTEMPTS = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"COPY to or from an external program", "tried.program"),
        (r"COPY (?:to|from) a file", "tried.files"),
        (rf"permission denied for function {_FILE_FUNCTIONS}", "tried.files"),
        (
            RESTRICTED.pattern,
            "tried.psql",
        ),
        (r"tablespace", "tried.tablespace"),
        (r"access to library|permission denied for language", "tried.library"),
        (
            r"permission denied to create extension",
            "tried.extension",
        ),
        (
            r"permission denied to (?:set parameter|alter setting)"
            r"|permission denied for (?:function pg_(?:reload|rotate|promote|switch|create_restore)"
            r"|view pg_(?:hba|ident|file_settings|config)|parameter)"
            r"|CHECKPOINT|replication slots",
            "tried.settings",
        ),
        (
            r"permission denied to (?:set role|set session authorization"
            r"|(?:create|alter|drop|rename|grant) role)"
            r"|(?:create|drop|alter) superuser|permission denied for table pg_(?:authid|shadow)"
            r"|permission denied for view pg_shadow",
            "tried.roles",
        ),
        (
            r"create subscription|subscriptions$|foreign[- ]data wrapper|permission denied for "
            r"foreign server|could not connect to server|could not establish connection",
            "tried.server",
        ),
        (r"event trigger", "tried.event_trigger"),
        (
            r"permission denied to (?:create|drop) database|must be owner of database",
            "tried.database",
        ),
    )
)
RIGHTS = re.compile(
    "permission denied|must be (?:superuser|owner|member|able to SET ROLE)|only superuser"
)
FORBIDDEN = re.compile(
    rf"{RIGHTS.pattern}|restricted|wrong key|not allowed|could not (?:connect|establish)"
)
# What an honest dump lacks here. Names only: no values of rows.
LACKS = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r'extension "([^"]+)" is not available', "lacks.extension"),
        (r'could not open extension control file ".*/([^/"]+)\.control"', "lacks.extension"),
        (r'role "([^"]+)" does not exist', "lacks.role"),
        (r'language "([^"]+)" does not exist', "lacks.language"),
        (r'type "([^"]+)" does not exist', "lacks.type"),
        (r'collation "([^"]+)" (?:for encoding "[^"]+" )?does not exist', "lacks.collation"),
        (r'schema "([^"]+)" does not exist', "lacks.schema"),
        (r'relation "([^"]+)" does not exist', "lacks.relation"),
        (r'(?:schema|relation|type|extension) "([^"]+)" already exists', "lacks.nothing"),
    )
)


def meaning_of(line: str) -> tuple[Trouble, tuple[str, str] | None]:
    """Return what kind of trouble a line of the server's is, and what is told: a code, a name."""
    for pattern, code in ATTEMPTS:
        if pattern.search(line) and FORBIDDEN.search(line):
            return Trouble.REACHES_OUT, (code, "")
    if RIGHTS.search(line):
        return Trouble.NEEDS_RIGHTS, None
    for pattern, code in LACKS:
        if found := pattern.search(line):
            return Trouble.REFUSED, (code, found[1])
    if "out of memory" in line or "temporary file size exceeds" in line:
        return Trouble.TOO_LARGE, None
    return Trouble.REFUSED, None
