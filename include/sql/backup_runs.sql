-- Question: what became of the backups of one database?
-- Grain: one row per run of the backup job, the newest 400.
-- Parameters: database.
-- Units: bytes.

with

backup_runs as (
    {% include "sources/backup_runs.sql" %}
)

select
    run_id,
    started_at,
    finished_at,
    status,
    size_bytes,
    location,
    error
from backup_runs
where database = %(database)s
order by started_at desc
limit 400
