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
    (re.compile(pattern), words)
    for pattern, words in (
        (r"COPY to or from an external program", "запустить программу на сервере"),
        (r"COPY (?:to|from) a file", "читать или писать файлы сервера"),
        (rf"permission denied for function {_FILE_FUNCTIONS}", "читать или писать файлы сервера"),
        (
            RESTRICTED.pattern,
            "выполнить команду psql: запуск программы, чтение файла или вход в другую базу",
        ),
        (r"tablespace", "писать в папку сервера (табличное пространство)"),
        (r"access to library|permission denied for language", "загрузить в сервер чужой код"),
        (
            r"permission denied to create extension",
            "подключить расширение, которое выходит за пределы базы",
        ),
        (
            r"permission denied to (?:set parameter|alter setting)"
            r"|permission denied for (?:function pg_(?:reload|rotate|promote|switch|create_restore)"
            r"|view pg_(?:hba|ident|file_settings|config)|parameter)"
            r"|CHECKPOINT|replication slots",
            "читать или менять настройки сервера",
        ),
        (
            r"permission denied to (?:set role|set session authorization"
            r"|(?:create|alter|drop|rename|grant) role)"
            r"|(?:create|drop|alter) superuser|permission denied for table pg_(?:authid|shadow)"
            r"|permission denied for view pg_shadow",
            "менять роли или войти под чужой",
        ),
        (
            r"create subscription|subscriptions$|foreign[- ]data wrapper|permission denied for "
            r"foreign server|could not connect to server|could not establish connection",
            "подключиться к другому серверу",
        ),
        (r"event trigger", "создать триггер событий"),
        (
            r"permission denied to (?:create|drop) database|must be owner of database",
            "создать, изменить или удалить другую базу",
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
    (re.compile(pattern), words)
    for pattern, words in (
        (r'extension "([^"]+)" is not available', "нет расширения {}"),
        (r'could not open extension control file ".*/([^/"]+)\.control"', "нет расширения {}"),
        (r'role "([^"]+)" does not exist', "нет роли {}"),
        (r'language "([^"]+)" does not exist', "нет языка {}"),
        (r'type "([^"]+)" does not exist', "нет типа {}; обычно он из расширения"),
        (r'collation "([^"]+)" (?:for encoding "[^"]+" )?does not exist', "нет сортировки {}"),
        (r'schema "([^"]+)" does not exist', "нет схемы {}"),
        (r'relation "([^"]+)" does not exist', "нет таблицы {}"),
        (r'(?:schema|relation|type|extension) "([^"]+)" already exists', "{} уже есть"),
    )
)


def meaning_of(line: str) -> tuple[Trouble, str]:
    """Return what kind of trouble a line of the server's is, and what of it is told in the chat."""
    for pattern, words in ATTEMPTS:
        if pattern.search(line) and FORBIDDEN.search(line):
            return Trouble.REACHES_OUT, words
    if RIGHTS.search(line):
        return Trouble.NEEDS_RIGHTS, ""
    for pattern, words in LACKS:
        if found := pattern.search(line):
            return Trouble.REFUSED, words.format(found[1])
    if "out of memory" in line or "temporary file size exceeds" in line:
        return Trouble.TOO_LARGE, ""
    return Trouble.REFUSED, ""
