"""Which days are worked: a country's calendar, and what the settings know better."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase


@dataclass(frozen=True)
class Workdays:
    """The working days of a country, by its code of two letters, such as ``RU``.

    Weekends, holidays, and days that a decree moved are those that the package ``holidays`` knows.
    A decree that it does not know yet is given as ``days_off`` and ``working_days``.
    """

    country: str
    days_off: Collection[date] = ()
    working_days: Collection[date] = ()

    def __contains__(self, day: date) -> bool:
        if day in self.working_days:
            return True
        return day not in self.days_off and _calendar(self.country).is_working_day(day)

    def is_holiday(self, day: date) -> bool:
        """Whether the day is off, and not only as a weekend's."""
        if day in self.working_days:
            return False
        return day in self.days_off or day in _calendar(self.country)

    def check(self) -> None:
        """Make sure that the country is known.

        Raises:
            ValueError: it is not; the text lists those that are.
        """
        _calendar(self.country)


@cache
def _calendar(country: str) -> HolidayBase:
    import holidays  # not needed where no day is asked for

    known = sorted(name for name in holidays.list_supported_countries() if len(name) == 2)
    if country not in known:
        raise ValueError(
            f"The package holidays does not know the country {country!r}. Set account.country in "
            f"include/settings.toml, or workdays.country for another calendar, to one of "
            f"{', '.join(known)}."
        )
    return holidays.country_holidays(country)
