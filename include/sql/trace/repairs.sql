-- Question:   which repairs is a figure made of?
-- Grain:      one row per repair closed with success
-- Parameters: as profitability.sql; every_branch (boolean); otherwise branch: the id of
--             one as a text, null for costs of no branch
-- Unit:       as movements.sql
with

{% include "movements.sql" %}

select
    repair_rows.branch_id,
    branches.branch_name,
    repair_rows.closed_at as moved_at,
    repair_rows.repair_id,
    repair_rows.repair_number,
    repair_rows.repair_code,
    repair_rows.customer_id,
    repair_rows.repair_id as item_id,
    repair_rows.repair_count
from repair_rows
left join branches on repair_rows.branch_id = branches.branch_id
where
    %(every_branch)s::boolean
    or repair_rows.branch_id::text is not distinct from %(branch)s::text
order by moved_at, item_id
