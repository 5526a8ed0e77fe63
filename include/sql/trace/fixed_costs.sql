-- Question:   which fixed costs is a figure made of?
-- Grain:      one row per cost and day
-- Parameters: as profitability.sql; every_branch (boolean); otherwise branch: the id of
--             one as a text, null for costs of no branch
-- Unit:       as movements.sql
with

{% include "movements.sql" %}

select
    fixed_cost_days.branch_id,
    branches.branch_name,
    fixed_cost_days.day as moved_at,
    fixed_cost_days.cost_id as item_id,
    fixed_cost_days.cost_name as item_name,
    fixed_cost_days.amount_per_month as price,
    fixed_cost_days.fixed_costs
from fixed_cost_days
left join branches on fixed_cost_days.branch_id = branches.branch_id
where
    %(every_branch)s::boolean
    or fixed_cost_days.branch_id::text is not distinct from %(branch)s::text
order by moved_at, item_id
