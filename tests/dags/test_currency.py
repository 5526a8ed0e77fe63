"""An account in another country: amounts, phones and holidays are its own."""

from datetime import date

from sancrm_reports.glue.workdays import workdays_of
from sancrm_reports.settings import settings
from stage import CALLBACKS, CHAT, in_chat


def test_an_account_in_kazakhstan_reads_tenge_and_its_own_phones(run, crm, telegram, configured):
    # One run of each; a phone without a country's code is read as Kazakhstan's.
    configured(ACCOUNT__CURRENCY="KZT", ACCOUNT__COUNTRY="KZ")
    crm.execute(CALLBACKS)
    crm.execute("update customers set phone = '8 (701) 345-67-89' where id = 13")
    run("profitability_daily", period="2026-11-16")
    run("missed_calls")
    texts = [message.text for message in in_chat(telegram, CHAT)]
    assert "₸" in texts[0]
    assert "₽" not in "".join(texts)
    assert any("+7 701 345 6789" in text for text in texts)


def test_the_holidays_are_those_of_the_country_unless_another_is_named(configured):
    # Nauryz is a day of work in Russia; a calendar of its own is still possible.
    configured(ACCOUNT__COUNTRY="KZ")
    nauryz = date(2027, 3, 23)
    assert nauryz not in workdays_of(settings())
    configured(ACCOUNT__COUNTRY="KZ", WORKDAYS__COUNTRY="RU")
    assert nauryz in workdays_of(settings())
