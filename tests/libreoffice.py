"""LibreOffice Calc, which recalculates workbooks: Debian's package libreoffice-calc."""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = shutil.which("soffice")
needs_libreoffice = pytest.mark.skipif(
    PROGRAM is None, reason="no LibreOffice here: install libreoffice-calc to recalculate"
)
# By default LibreOffice believes what a workbook says that its formulas come to.
ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""
# Commas, quotes, UTF-8; numbers as they are and not as they are shown; every sheet.
CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"


def recalculated(folder: Path) -> dict[str, dict[str, list[list[str]]]]:
    """Recalculate every workbook of a folder: the rows of each sheet, by file and sheet."""
    profile, out = folder / "profile", folder / "csv"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(ALWAYS_RECALCULATE)
    books = sorted(folder.glob("*.xlsx"))
    options = (f"-env:UserInstallation={profile.as_uri()}", "--headless")
    subprocess.run(
        [PROGRAM, *options, "--convert-to", CSV, "--outdir", str(out), *map(str, books)],
        check=True,
        capture_output=True,
        timeout=600,
    )
    return {
        book.stem: {
            file.stem.removeprefix(f"{book.stem}-"): list(
                csv.reader(file.read_text("utf-8").splitlines())
            )
            for file in out.glob(f"{book.stem}-*.csv")
        }
        for book in books
    }
