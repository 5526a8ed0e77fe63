-- Repairs that are over, as income or as a failure: one row per repair.
-- closed_at is the time of the latest change into a final status. Number, code and
-- customer are for whoever looks at rows: the formulas do without.
select
    repairs.id as repair_id,
    repairs.branch_id,
    repairs.number as repair_number,
    branches.code_prefix || '-' || repairs.number as repair_code,
    repairs.customer_id,
    repairs.closed_at,
    repair_statuses.status_group = 'closed_success' as is_success
from repairs
inner join repair_statuses on repairs.status_id = repair_statuses.id
left join branches on repairs.branch_id = branches.id
where repair_statuses.status_group in ('closed_success', 'closed_failure')
