-- Question:   which customers to call back, statuses and backup runs break the contract
--             of the sources?
-- Grain:      one row per file and problem; of a row the first problem is told
-- Parameters: none
-- Unit:       row_count is a number of rows; row_ids are three of them
-- The contract: docs/sources.md. Names nobody.
with

unreached_repairs as (
    {% include "sources/unreached_repairs.sql" %}
),

repair_statuses as (
    {% include "sources/repair_statuses.sql" %}
),

backup_runs as (
    {% include "sources/backup_runs.sql" %}
),

examined as (
    select
        'unreached_repairs' as file_name,
        repair_id::text as row_id,
        case
            when repair_id is null then 'repair_id is null'
            when repair_code is null then 'repair_code is null'
            when status_name is null then 'status_name is null'
            when accepted_at is null then 'accepted_at is null'
            when accepted_at < '1990-01-01' or accepted_at >= '2100-01-01'
                then 'accepted_at is not between 1990 and 2100'
            when status_since < '1990-01-01' or status_since >= '2100-01-01'
                then 'status_since is not between 1990 and 2100'
        end as problem
    from unreached_repairs

    union all

    select
        'unreached_repairs' as file_name,
        repair_id::text as row_id,
        'repair_id comes more than once' as problem
    from unreached_repairs
    group by repair_id
    having count(*) > 1

    union all

    select
        'repair_statuses' as file_name,
        status_name::text as row_id,
        case
            when status_name is null then 'status_name is null'
            when btrim(status_name) = '' then 'status_name is blank'
        end as problem
    from repair_statuses

    union all

    select
        'backup_runs' as file_name,
        run_id::text as row_id,
        case
            when run_id is null then 'run_id is null'
            when database is null then 'database is null'
            when started_at is null then 'started_at is null'
            when status is null then 'status is null'
            when status not in ('running', 'succeeded', 'failed')
                then 'status is not running, succeeded or failed'
            when finished_at < started_at then 'finished_at is before started_at'
            when size_bytes < 0 then 'size_bytes is negative'
        end as problem
    from backup_runs

    union all

    select
        'backup_runs' as file_name,
        run_id::text as row_id,
        'run_id comes more than once' as problem
    from backup_runs
    group by run_id
    having count(*) > 1
)

select
    file_name,
    problem,
    count(*) as row_count,
    (array_agg(row_id order by row_id))[1:3] as row_ids
from examined
where problem is not null
group by file_name, problem
order by file_name, problem
