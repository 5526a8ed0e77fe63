-- One row per run of the database's backup job.
select
    id as run_id,
    database,
    started_at,
    finished_at,
    status,
    size_bytes,
    location,
    error
from backup_runs
