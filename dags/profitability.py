"""The profitability reports: one graph, a DAG for each kind. Branches first, then the network."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Param, task

from sancrm_reports.glue.attachments import LABEL, attachment_tasks
from sancrm_reports.glue.check_sources import CheckSourcesOperator
from sancrm_reports.glue.compute import (
    CheckDaysSumOperator,
    ComputeProfitabilityOperator,
    ListBranchesOperator,
)
from sancrm_reports.glue.conclude import ConcludeReportOperator
from sancrm_reports.glue.deadline import DagWithDeadline, report_deadline
from sancrm_reports.glue.defaults import task_defaults
from sancrm_reports.glue.earlier_run import WaitForEarlierRunOperator
from sancrm_reports.glue.freshness import WaitForDataOperator, longest_run
from sancrm_reports.glue.params import UNKNOWN_STATUS
from sancrm_reports.glue.post import PostBranchReportOperator, PostNetworkReportOperator
from sancrm_reports.glue.telegram import alerting, posting
from sancrm_reports.glue.timetable import timetable_of
from sancrm_reports.settings import INCLUDE, settings

PARAMS = {
    "period": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Period",
        description="Any day inside the period to report, as 2026-11-17. "
        "Empty: the last whole period.",
    ),
    **UNKNOWN_STATUS,
    "backfill_mode": Param(
        "full",
        enum=["full", "digest", "silent"],
        title="What a backfill posts",
        description="full: every report. digest: one message that lists the periods. "
        "silent: nothing; the figures are in Airflow only.",
    ),
    "correct_frozen": Param(
        False,
        type="boolean",
        title="Correct a frozen period",
        description="Edit what was posted of a period that recheck.frozen_until or "
        "recheck.freeze_after_days has frozen. Otherwise ops are told what differs.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Write the messages into the tasks' logs and send nothing.",
    ),
}


@task
def check_network_sum(rows: Any) -> None:
    """Stop the report unless branches and costs of no branch add up to the network."""
    from sancrm_reports.pure.figures import Figures, check_network_sum

    check_network_sum([Figures.from_row(row) for row in rows])


# Where several are due at once, as on a Monday the 1st, the shorter period is posted first.
for kind in settings().scheduled_reports:
    report = kind.id
    with DagWithDeadline(
        dag_id=kind.dag_id,
        description=f"Posts the {report} profitability of each branch and of the network",
        schedule=timetable_of(report, settings()),
        start_date=datetime(2025, 1, 1, tzinfo=ZoneInfo(settings().account.timezone)),
        catchup=False,  # after an outage only the newest report comes by itself; backfill the rest
        max_active_runs=1,
        dagrun_timeout=longest_run(),
        deadline=report_deadline(report),
        default_args={**task_defaults(), "priority_weight": kind.priority},
        template_searchpath=[str(INCLUDE / "sql")],
        params=PARAMS,
        tags=["sancrm", "profitability"],
        doc_md=__doc__,
    ):
        data_complete = WaitForDataOperator(task_id="wait_for_data", report=report, **alerting())
        sources_checked = CheckSourcesOperator(task_id="check_sources", report=report)
        compute = ComputeProfitabilityOperator(task_id="compute_profitability", report=report)
        days_checked = CheckDaysSumOperator(task_id="check_days_sum", report=report)
        earlier_posted = WaitForEarlierRunOperator(task_id="wait_for_earlier_run")
        branches = ListBranchesOperator(
            task_id="list_branches",
            report=report,
            figures=compute.output,
        )
        branch_reports = PostBranchReportOperator.partial(
            task_id="post_branch_report",
            report=report,
            map_index_template=LABEL,
            **posting(),
        ).expand(figures=branches.output)
        branches_done = EmptyOperator(task_id="branches_done", trigger_rule="all_done")
        network_report = PostNetworkReportOperator(
            task_id="post_network_report", report=report, figures=compute.output, **posting()
        )
        attachments = attachment_tasks(report, compute.output, branches.output)
        conclude = ConcludeReportOperator(
            task_id="conclude_run",
            report=report,
            trigger_rule="all_done",
            **alerting(),
        )

        # The network comes last, also when a branch's message failed; the run is red all the same,
        # because the last task fails wherever one failed.
        data_complete >> sources_checked >> compute
        compute >> [check_network_sum(compute.output), days_checked] >> branches
        [branches, earlier_posted] >> branch_reports
        branch_reports >> branches_done >> network_report
        branches >> network_report
        network_report >> attachments
        [branch_reports, network_report, *attachments] >> conclude
