"""``make demo`` and ``make up``: what the demo network's chats get, through a real Airflow."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import suppress
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from demo.local_airflow import LocalAirflowError, ended_by_signals
from demo.postgres import EmbeddedPostgresError
from demo.stack import STATE, Demo, demo, watched_nights
from demo.telegram.page import render_page, render_text

DAGS = ("profitability_daily", "profitability_weekly", "profitability_monthly", "missed_calls")
WATCH = "backup_watch_sancrm"
ZONE = ZoneInfo("Europe/Moscow")


def main() -> int:
    """Run one of the commands; however it ends, what was started is stopped."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("command", choices=("report", "up"))
    parser.add_argument(
        "--day", type=date.fromisoformat, default=None, help="the demo CRM's today; default: now"
    )
    options = parser.parse_args()
    # The demo's day begins with the night's backup.
    today = options.day or (datetime.now(ZONE) - timedelta(hours=2, minutes=30)).date()
    try:
        with ended_by_signals():
            return {"report": report, "up": up}[options.command](today)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            print("\nStopped.", flush=True)
        return 0 if options.command == "up" else 130  # it is how one leaves what runs until then
    except (EmbeddedPostgresError, LocalAirflowError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def report(today: date) -> int:
    """Post the newest reports and the missed calls, and show the chat."""
    started = time.monotonic()

    def say(what: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {what}", flush=True)

    with demo(today=today, say=say) as running:
        _call_back(running)
        say("Waiting for the three reports and the missed calls")
        failed = [dag_id for dag_id in DAGS if not _succeeded(running, dag_id, say)]
        say(f"{WATCH}: {_nights(running, len(watched_nights(today)))}")
        if running.telegram:
            print("\n" + render_text(running.telegram.messages), flush=True)
            page = STATE / "chat.html"
            page.write_text(render_page(running.telegram.messages), encoding="utf-8")
            say(f"The chat as a phone shows it: {page}")
        else:
            say("The messages are in your Telegram chat")
    say("Stopped everything")
    return 1 if failed else 0


def up(today: date) -> int:
    """Start everything and keep it until Ctrl-C."""
    with demo(today=today, airflow_port=8080, chat_port=8081) as running:
        _call_back(running)
        commands = ""
        if running.telegram:  # a real token is not written down
            file = running.airflow.home / "env.sh"
            running.airflow.write_environment(file)
            commands = f"\n  Commands  . {file}   then: airflow dags list"
        print(
            f"\n  Airflow   {running.airflow.url}   (no login: everybody is admin)"
            f"\n  Chat      {running.telegram.page_url if running.telegram else 'your Telegram'}"
            f"\n  CRM       {running.crm_dsn}"
            f"\n  Output    {running.airflow.home}"
            f"{commands}"
            "\n\nCtrl-C ends all of it.",
            flush=True,
        )
        signal.pause()
    return 0


def _nights(running: Demo, number: int) -> str:
    """Wait for the runs of the watched nights; tell how each ended."""
    while True:
        running.airflow.wait_for_run(WATCH)
        states = [run["state"] for run in running.airflow.runs(WATCH)]
        # Each is made when the one before it is over, the last one perhaps just now.
        if len(states) >= number and not {"queued", "running"} & set(states):
            return ", ".join(states)


def _call_back(running: Demo) -> None:
    """Run the missed calls by hand: their own schedule may be later today, or on another day."""
    running.airflow.trigger("missed_calls")


def _succeeded(running: Demo, dag_id: str, say: object) -> bool:
    run = running.airflow.wait_for_run(dag_id)
    if callable(say):
        say(f"{dag_id}: {run['state']}")
    for failure in running.airflow.failures(dag_id, run["dag_run_id"]):
        print(f"        failed: {failure}", flush=True)
    return bool(run["state"] == "success")


if __name__ == "__main__":
    sys.exit(main())
