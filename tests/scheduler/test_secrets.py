"""The token, after real runs at the most talkative log level."""

from scheduler.conftest import DAG_ID


def test_the_token_is_in_no_log_of_any_process(airflow, telegram):
    # Workers, scheduler, triggerer and API server at DEBUG, which shows what libraries say.
    assert any(run["state"] == "success" for run in airflow.runs(DAG_ID))
    secret = telegram.token.partition(":")[2]
    files = [file for file in airflow.home.rglob("*") if file.suffix in (".log", ".out")]
    assert any("post_network_report" in str(file) for file in files)
    talkative = 0
    for file in files:
        text = file.read_text(errors="replace")
        assert secret not in text, file
        talkative += '"debug"' in text or "[debug" in text
    assert talkative  # the level was really on
