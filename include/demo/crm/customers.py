"""The demo's customers: made when a repair or a rental needs one, a third of them regulars."""

from __future__ import annotations

from random import Random

from demo.crm.people import COMPANIES, MALFORMED_PHONES, ODD_NAMES, make_name, make_phone
from demo.crm.rows import CustomerRow


class CustomerBook:
    """All customers, in the order in which they came."""

    def __init__(self) -> None:
        self.rows: list[CustomerRow] = []
        self._malformed = list(MALFORMED_PHONES)

    def pick(self, rng: Random) -> int:
        """Return the id of a customer, who may be a new one."""
        if len(self.rows) > 50 and rng.random() < 0.33:
            return rng.choice(self.rows).id
        number = len(self.rows) + 1
        name = rng.choice(ODD_NAMES) if number % 97 == 0 else make_name(rng)
        company = rng.choice(COMPANIES) if rng.random() < 0.06 else None
        return self.add(name, company, malformed=number % 1_500 == 0)

    def add(self, name: str, company: str | None = None, *, malformed: bool = False) -> int:
        """Add a customer and return the id; a malformed phone is one that nobody can call."""
        number = len(self.rows) + 1
        is_malformed = malformed and bool(self._malformed)
        phone = self._malformed.pop() if is_malformed else make_phone(number)
        self.rows.append(CustomerRow(number, name, phone, company))
        return number
