"""What the page's endpoints give to whom: signed out, a viewer, an operator."""

import re
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from demo.ledger import CHAT
from page.conftest import DAG_ID, DAYS, FIRST, LAST, NO_RUN, PHONE
from sancrm_reports.glue.page import FILES, app, kinds
from sancrm_reports.pure.grid import LETTERS

CRM_DAY = date(2026, 11, 17)  # of which the CRM has rows
SPAN = {"first": str(FIRST), "last": str(LAST)}
PATHS = {
    "/page/{name}": "/page/reports.js",
    "/words": "/words",
    "/kinds": "/kinds",
    "/kinds/{dag_id}/grid": f"/kinds/{DAG_ID}/grid?first={FIRST}&last={LAST}",
    "/kinds/{dag_id}/cell": f"/kinds/{DAG_ID}/cell?day={FIRST}&subject=branch-1",
    "/kinds/{dag_id}/trace": f"/kinds/{DAG_ID}/trace?day={CRM_DAY}&subject=branch-1&figure=profit",
}


def cell(client, day, subject="branch-1", kind=DAG_ID):
    answer = client.get(f"/sancrm/kinds/{kind}/cell", params={"day": str(day), "subject": subject})
    return answer.raise_for_status().json()


def grid(client, kind=DAG_ID):
    answer = client.get(f"/sancrm/kinds/{kind}/grid", params=SPAN).raise_for_status().json()
    return {row["subject"]: row for row in answer["rows"]}


def letter(row, day):
    return row["statuses"][DAYS.index(day)]


def test_every_endpoint_is_tried_here():
    # A new one is added to the table above on purpose; nothing is written by any of them.
    assert PATHS.keys() == {route.path for route in app.routes}
    assert all(route.methods == {"GET"} for route in app.routes)


@pytest.mark.parametrize("path", [*PATHS.values(), "/docs", "/openapi.json", "/"])
def test_who_is_signed_out_gets_nothing(client, path):
    # Not even the page's own files; without a token and with a wrong one.
    nobody = client()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "_token=wrong"}):
        answer = nobody.get(f"/sancrm{path}", headers=headers)
        assert answer.status_code in (401, 403, 404)
        assert answer.json().keys() == {"detail"}
        assert "12 345" not in answer.text


@pytest.mark.parametrize("user", ["vera", "oleg"])
@pytest.mark.parametrize("path", PATHS.values())
def test_who_may_read_the_dag_sees_everything(client, user, path):
    # A viewer as well as an operator.
    assert client(user).get(f"/sancrm{path}").status_code == 200


def test_every_file_of_the_page_is_served_and_no_other(client):
    # By name, below one folder.
    viewer = client("vera")
    for file in FILES.iterdir():
        assert viewer.get(f"/sancrm/page/{file.name}").content == file.read_bytes()
    for name in ("..%2Fsettings.py", "%2Fetc%2Fpasswd", "nothing.js"):
        assert viewer.get(f"/sancrm/page/{name}").status_code == 404


def test_the_grid_says_what_became_of_each_message(client):
    # Every status once, as it was written; Sundays, and days without a run.
    rows = grid(client("vera"))
    assert list(rows) == ["network", "branch-2", "branch-1"]
    #                                 3 March    10        17     23
    assert rows["branch-1"]["statuses"] == "sclfus.sssmss.ssssss."
    assert rows["branch-2"]["statuses"] == "ssssss.sssmms.ssssss."
    assert rows["network"]["statuses"] == "ssssss.sssmss.ssssss."
    assert set("".join(row["statuses"] for row in rows.values())) == set(LETTERS.values())


def test_nothing_is_expected_of_the_time_before_the_first_run(client):
    # The week before, of which nobody knows anything.
    answer = client("vera").get(
        f"/sancrm/kinds/{DAG_ID}/grid", params={"first": "2025-02-24", "last": "2025-03-03"}
    )
    assert {row["statuses"] for row in answer.json()["rows"]} == {".......s"}


def test_a_cell_tells_the_text_the_history_and_the_links(client):
    # Of a corrected report: as it was sent, when and how it changed, by which task, and where.
    [message] = cell(client("vera"), date(2025, 3, 4))["messages"]
    assert message["html"].startswith("<b>branch-1</b> за 2025-03-04")
    assert message["sent_at"] == "5 марта 2025 в 09:00"  # by the account's clock
    assert [change["change"] for change in message["corrections"]] == [
        "прибыль 12 800 ₽ → 12 345 ₽"
    ]
    assert re.fullmatch(r"https://t\.me/c/1234567890/\d+", message["url"])
    assert message["run"] == {
        "dag_id": DAG_ID,
        "run_id": "scheduled__2025-03-05T06:00:00+00:00",
        "task_id": "post_branch_report",
        "map_index": 0,
    }


def test_a_cell_is_of_its_own_period_and_subject_alone(client):
    # Neither branch-10 nor the day after is mixed in.
    viewer = client("vera")
    assert len(cell(viewer, date(2025, 3, 4), "branch-2")["messages"]) == 1
    assert cell(viewer, date(2025, 3, 4), "branch")["messages"] == []
    assert cell(viewer, NO_RUN)["messages"] == []


def trace(client, figure, subject="branch-1", kind=DAG_ID):
    return client.get(
        f"/sancrm/kinds/{kind}/trace",
        params={"day": str(CRM_DAY), "subject": subject, "figure": figure},
    )


def test_a_figure_is_traced_to_the_rows_of_the_crm(client):
    # The largest first, with the repair's code and card; they add up to the figure.
    found = trace(client("vera"), "revenue").raise_for_status().json()
    assert found["count"] == len(found["rows"]) > 0
    assert found["total"] == found["figure"] != "0 ₽"
    assert {row["branch"] for row in found["rows"]} == {"Филиал на Ленина"}
    assert all("/repairs/" in row["link"] for row in found["rows"])
    figures = dict(cell(client("vera"), CRM_DAY)["figures"])
    assert figures["revenue"] == "Выручка"
    for figure in figures:
        answer = trace(client("vera"), figure, "network").raise_for_status().json()
        assert answer["total"] == answer["figure"] or answer["figure"] == "—"


def test_no_customer_is_on_the_page(client):
    # Neither the name nor the id of one, whatever is asked for.
    for figure in ("repair_count", "revenue", "profit"):
        answer = trace(client("vera"), figure, "network")
        assert "Иван" not in answer.text
        assert "customer" not in answer.text


@pytest.mark.parametrize(
    ("figure", "subject", "kind", "status"),
    [
        ("margin", "network", DAG_ID, 404),
        ("customer_id", "network", DAG_ID, 404),
        ("profit", "branch-99", DAG_ID, 404),
        ("profit", "network", "missed_calls", 404),
        ("profit", "network", "other", 404),
    ],
)
def test_what_cannot_be_traced_is_refused(client, figure, subject, kind, status):
    # No sum of rows, an unknown branch, a DAG without figures.
    assert trace(client("vera"), figure, subject, kind).status_code == status


def test_missed_calls_are_a_number_and_no_names(client):
    # One row, counted by the day; neither a repair nor a text nor an error that quotes one.
    viewer = client("vera")
    [row] = grid(viewer, "missed_calls").values()
    day = date(2025, 3, 11)
    assert (row["counts"][DAYS.index(day)], letter(row, day)) == (2, LETTERS["failed"])
    answer = cell(viewer, day, "*", "missed_calls")
    assert [message["html"] for message in answer["messages"]] == [None, None]
    assert PHONE not in str(answer)
    assert "11509" not in str(answer)
    assert answer["backfill"] is None


def test_an_alert_of_the_backup_watch_is_in_the_day_of_its_window(client):
    # Another kind of message, with a text and a run of its own, and no backfill.
    viewer = client("vera")
    day = date(2025, 3, 18)
    [row] = grid(viewer, "backup_watch").values()
    assert (row["counts"][DAYS.index(day)], letter(row, day)) == (1, LETTERS["sent"])
    answer = cell(viewer, day, "*", "backup_watch")
    [message] = answer["messages"]
    assert (message["html"], message["run"]["dag_id"]) == ("Бэкапа нет", "backup_watch_crm")
    assert answer["backfill"] is None


def test_what_is_no_range_and_no_report_is_refused_in_words(client):
    # A range that would never end, one that runs backwards, an unknown report.
    viewer = client("vera")
    for first, last in (("2025-03-03", "2030-03-03"), ("2025-03-03", "2025-03-01")):
        answer = viewer.get(f"/sancrm/kinds/{DAG_ID}/grid", params={"first": first, "last": last})
        assert answer.status_code == 422
    assert viewer.get("/sancrm/kinds/other/grid", params=SPAN).status_code == 404


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_refusal_is_in_the_readers_language(client, language):
    # Days that are none, too far away, or too many; also FastAPI's own refusals.
    viewer = client("vera")
    for first, last in (
        ("soon", "2025-03-03"),
        ("2025-03-03", "9999-10-02"),
        ("2025-03-03", "2030-03-03"),
        ("2025-03-03", "2025-03-01"),
    ):
        span = {"first": first, "last": last, "language": language}
        answer = viewer.get(f"/sancrm/kinds/{DAG_ID}/grid", params=span)
        assert answer.status_code == 422
        is_russian = bool(re.search("[а-я]", answer.json()["detail"]))
        assert is_russian is (language == "ru")


def test_the_page_has_the_language_that_is_asked_for(client):
    # Words, kinds, columns and times; the account's where we have no such language, or no name.
    viewer = client("vera")

    def first_kind(language):
        return viewer.get("/sancrm/kinds", params={"language": language}).json()[0]["name"]

    assert first_kind("en") == "Daily"
    assert {first_kind(language) for language in ("", "ru", "de", "../en", "ru/..")} == {
        "Ежедневные"
    }
    told = viewer.get("/sancrm/words", params={"language": "en"}).json()
    assert (told["language"], told["statuses"]["s"]) == ("en", "sent")
    columns = viewer.get(f"/sancrm/kinds/{DAG_ID}/grid", params={**SPAN, "language": "en"}).json()[
        "columns"
    ]
    assert columns[0]["name"] == "Monday, 3 March 2025"


def test_what_is_asked_about_one_branch_is_of_that_branch(client):
    # The row that sums up is of kinds without branches: a report has none of that name.
    viewer = client("vera")
    for subject in ("*", "", "%", "branch-"):
        assert cell(viewer, date(2025, 3, 4), subject)["messages"] == []
    assert len(cell(viewer, date(2025, 3, 11), "*", "missed_calls")["messages"]) == 2


def test_a_cell_names_the_chat(client):
    # By the title that Telegram told; its number is there as well.
    [message] = cell(client("vera"), FIRST)["messages"]
    assert (message["chat"], message["chat_title"]) == ("-1001234567890", "Отчёты")


@pytest.mark.parametrize("path", [path for path in PATHS.values() if "/page/" not in path])
def test_nothing_that_depends_on_rights_is_kept(client, path):
    # Neither by the browser of who was signed out since, nor by a proxy.
    assert client("vera").get(f"/sancrm{path}").headers["Cache-Control"] == "no-store"


def test_reports_end_with_yesterday_and_all_else_with_today(client):
    # A day's report comes when it is over; today's missed calls are wanted today.
    newest = {kind["id"]: kind["newest"] for kind in client("vera").get("/sancrm/kinds").json()}
    before = date.fromisoformat(newest[DAG_ID])
    assert before + timedelta(days=1) == date.fromisoformat(newest["missed_calls"])
    assert newest["missed_calls"] == newest["backup_watch"]


def test_a_kind_whose_runs_one_may_not_read_is_not_offered(monkeypatch):
    # Only the DAG itself may be read, not its runs: the grid would be refused.
    class Manager:
        def is_authorized_dag(self, *, method, access_entity, details, user):
            return details.id == "missed_calls" or access_entity is None

    monkeypatch.setattr("sancrm_reports.glue.page.get_auth_manager", Manager)
    monkeypatch.setattr(
        "sancrm_reports.glue.page.DagModel", SimpleNamespace(get_team_name=lambda dag_id: None)
    )
    offered = kinds(user=None)
    assert [kind["id"] for kind in offered] == ["missed_calls"]


def test_a_report_that_was_never_run_is_new(client):
    # Nothing was sent of it, and nothing was expected.
    viewer = client("vera")
    news = {
        kind: viewer.get(f"/sancrm/kinds/{kind}/grid", params=SPAN).json()["is_new"]
        for kind in (DAG_ID, "profitability_monthly", "missed_calls", "backup_watch")
    }
    assert news == {
        DAG_ID: False,
        "profitability_monthly": True,
        "missed_calls": False,
        "backup_watch": False,
    }


def test_a_message_of_unknown_status_is_decided_by_a_run(client):
    # The cell has the params of both answers; Airflow takes them, from who may run the DAG.
    viewer, operator = client("vera"), client("oleg")
    assert cell(viewer, date(2025, 3, 4))["messages"][0]["decisions"] is None
    [message] = cell(operator, date(2025, 3, 7))["messages"]
    name = f"branch-1@{CHAT}"
    assert message["decisions"] == {
        "resend": {"period": "2025-03-07", "resend": [name]},
        "arrived": {"period": "2025-03-07", "arrived": [name]},
    }
    body = {"logical_date": None, "conf": message["decisions"]["arrived"]}
    statuses = [
        who.post(f"/api/v2/dags/{DAG_ID}/dagRuns", json=body).status_code
        for who in (client(), viewer, operator)
    ]
    assert statuses == [401, 403, 200]


def test_only_who_may_run_the_dag_can_start_a_backfill(client):
    # Airflow's own endpoint decides, with the body that the page gets from the cell: the viewer is
    # refused, the operator's makes the one run of this week, and a second one has to wait.
    kind = "profitability_weekly"
    viewer, operator = client("vera"), client("oleg")
    assert cell(viewer, FIRST, "network", kind)["may_backfill"] is False
    found = cell(operator, FIRST, "network", kind)
    assert found["may_backfill"] is True
    body = found["backfill"]
    statuses = [
        who.post("/api/v2/backfills", json=body).status_code
        for who in (client(), viewer, operator, operator)
    ]
    assert statuses == [401, 403, 200, 409]
    [run] = operator.get(f"/api/v2/dags/{kind}/dagRuns").json()["dag_runs"]
    assert run["data_interval_start"] == "2025-03-02T21:00:00Z"
    assert run["conf"] == {"backfill_mode": "full"}


def test_a_form_of_a_foreign_site_starts_nothing(client):
    # What a browser may send across sites without asking is no JSON. Nor does the session's cookie
    # come along, which test_browser.py looks at.
    operator = client("oleg")
    body = '{"dag_id": "profitability_monthly", "from_date": "2025-03-01", "to_date": "2025-03-01"}'
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = operator.post(
            "/api/v2/backfills", content=body, headers={"Content-Type": content_type}
        )
        assert answer.status_code == 422
