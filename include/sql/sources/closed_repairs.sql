-- Repairs that are over, as income or as a failure: one row per repair.
-- closed_at is the time of the latest change into a final status.
select
    repairs.id as repair_id,
    repairs.branch_id,
    repairs.closed_at,
    repair_statuses.status_group = 'closed_success' as is_success
from repairs
inner join repair_statuses on repairs.status_id = repair_statuses.id
where repair_statuses.status_group in ('closed_success', 'closed_failure')
