"""Words in one place: what a language must have, and that code has none of its own."""

import re
import shutil
from html import unescape
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po
from jinja2 import meta

from sancrm_reports.pure.kinds import REPORT_KINDS
from sancrm_reports.pure.language import Language, language_of
from sancrm_reports.pure.templates import Templates

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "include" / "templates"
LANGUAGES = sorted(words.parent for words in TEMPLATES.glob("*/words.po"))
RUSSIAN = language_of(Templates(TEMPLATES / "ru"))
CODE = [
    file
    for folder in ("plugins", "dags")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in (".py", ".js", ".css", ".svg")
]


def fields(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_code_has_no_word_of_russian(file):
    # Neither in a text nor in a comment: whoever changes a wording has one place to look.
    assert not re.findall(r".*[\u0400-\u04ff].*", file.read_text("utf-8"))


@pytest.mark.parametrize("folder", LANGUAGES, ids=lambda folder: folder.name)
def test_every_language_has_every_word_and_template(folder):
    # With the same values in them; none twice, none that is not translated, none that is left over.
    language = Language(Templates(folder))
    assert language.words.keys() == RUSSIAN.words.keys()
    assert {file.name for file in folder.iterdir()} == {f.name for f in RUSSIAN.folder.iterdir()}
    written = re.findall(r'^msgid "(.+)"$', (folder / "words.po").read_text("utf-8"), re.MULTILINE)
    assert sorted(written) == sorted(language.words)
    for code, text in language.words.items():
        may_differ = code.startswith("period.")  # one says the weekday, another does not
        assert may_differ or fields(text) == fields(RUSSIAN.words[code]), code
        assert bool(text) == bool(RUSSIAN.words[code]), code


@pytest.mark.parametrize("folder", LANGUAGES, ids=lambda folder: folder.name)
def test_a_template_needs_the_same_values_in_every_language(folder):
    # So that a message of one language cannot fail in another.
    environment = RUSSIAN.environment

    def needed(file):
        found = meta.find_undeclared_variables(environment.parse(file.read_text("utf-8")))
        return found - environment.globals.keys()

    for file in folder.glob("*.j2"):
        assert needed(file) == needed(RUSSIAN.folder / file.name), file.name


def test_every_word_that_code_asks_for_is_there():
    # By its whole code, or by a beginning of it that a value completes.
    asked = {
        code
        for file in [*CODE, *TEMPLATES.rglob("*.j2")]
        for code in re.findall(r"""\bword\(\s*f?["']([\w.{}]+)""", file.read_text("utf-8"))
    }
    assert len(asked) > 20
    for code in asked:
        pattern = re.sub(r"\\{.*?\\}", r".+", re.escape(code)) + ("" if code[-1] != "." else ".+")
        assert any(re.fullmatch(pattern, known) for known in RUSSIAN.words), code


def test_every_error_of_ours_has_a_cause_and_a_first_step():
    # By its code, that of the class or of the place that raises it.
    from sancrm_reports.errors import ReportError

    raised = {
        code
        for file in CODE
        for code in re.findall(r'\bcode = "(\w+)"|\bcode="(\w+)"', file.read_text("utf-8"))
        for code in code
        if code
    } - {"backup_watch"}  # the code of what a run is for
    assert {"crm_right", "unknown_outcome", ReportError.code} <= raised
    for code in raised:
        text = RUSSIAN.words[f"error.{code}"]
        assert RUSSIAN.word(f"error.{code}", **dict.fromkeys(fields(text), "x"))
        assert f"error.{code}.first" in RUSSIAN.words


def test_every_kind_of_report_has_its_words():
    # Also those that are off.
    for kind in REPORT_KINDS.values():
        assert RUSSIAN.word(f"report.{kind.id}")
        assert RUSSIAN.word(f"reports.{kind.id}")
        assert f"period.{kind.period}.about" in RUSSIAN.words


def test_an_unknown_word_names_the_file(tmp_path):
    # Somebody added a code to a template and not to the catalogue.
    shutil.copytree(RUSSIAN.folder, tmp_path / "ru")
    with pytest.raises(LookupError, match=r"ru.words\.po has no text for 'nothing'"):
        Language(Templates(tmp_path / "ru")).word("nothing")


def test_a_value_in_a_word_is_escaped_by_the_template(tmp_path):
    # A catalogue is text: markup in a value stays text.
    shutil.copytree(RUSSIAN.folder, tmp_path / "ru")
    (tmp_path / "ru" / "x.html.j2").write_text("{{ word('page.chat', chat='<b>') }}", "utf-8")
    assert unescape(Language(Templates(tmp_path / "ru")).render("x.html.j2")).endswith("<b>")
    assert "<b>" not in Language(Templates(tmp_path / "ru")).render("x.html.j2")


@pytest.mark.parametrize("folder", LANGUAGES, ids=lambda folder: folder.name)
def test_a_catalogue_is_a_file_that_translators_tools_read(folder):
    # No fuzzy entry, which a tool would leave out.
    with (folder / "words.po").open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    assert not any(message.fuzzy for message in catalogue if message.id)
