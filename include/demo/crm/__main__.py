"""Load the demo CRM: ``python -m demo.crm --dsn postgresql://… --day 2026-11-23``."""

from __future__ import annotations

import argparse
from datetime import date

from demo.crm.load import READER_PASSWORD, load_demo


def main() -> None:
    """Load the demo that the command line describes."""
    parser = argparse.ArgumentParser(prog="python -m demo.crm", description=__doc__)
    parser.add_argument("--dsn", required=True, help="the database, as a superuser")
    parser.add_argument("--day", required=True, type=date.fromisoformat, help="the demo's today")
    parser.add_argument("--timezone", default="Europe/Moscow", help="the account's time zone")
    parser.add_argument("--seed", default=1, type=int, help="another seed, other figures")
    parser.add_argument("--reader-password", default=READER_PASSWORD)
    options = parser.parse_args()
    load_demo(
        options.dsn,
        today=options.day,
        timezone=options.timezone,
        seed=options.seed,
        reader_password=options.reader_password,
    )


if __name__ == "__main__":
    main()
