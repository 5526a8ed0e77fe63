"""The language of one request of the page: what its reader chose in Airflow, else the account's."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace

from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.settings import TEMPLATES, templates

_asked_for: ContextVar[str] = ContextVar("language", default="")


async def remember_language(language: str = "") -> None:
    """Answer this request in a language; asynchronous, or the endpoint would not see it."""
    _asked_for.set(language)


def our_language() -> Language:
    """Return the language that this request is answered in."""
    known = {folder.name: folder for folder in TEMPLATES.iterdir() if folder.is_dir()}
    ours = templates()
    return language_of(replace(ours, folder=known.get(_asked_for.get(), ours.folder)))
