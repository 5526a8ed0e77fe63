-- Question:   which repairs is a figure made of?
-- Grain:      one row per repair closed with success
-- Parameters: as profitability.sql; every_branch (boolean); otherwise branch: the id of
--             one as a text, null for costs of no branch
-- Unit:       as movements.sql
with

-- First, because this source reads a table that is called as a CTE of the rest.
repair_cards as (
    {% include "sources/repair_cards.sql" %}
),

{% include "movements.sql" %}

select
    repair_rows.branch_id,
    branches.branch_name,
    repair_rows.closed_at as moved_at,
    repair_rows.repair_id,
    repair_cards.repair_number,
    repair_cards.repair_code,
    repair_cards.customer_id,
    repair_rows.repair_id as item_id,
    repair_rows.repair_count
from repair_rows
left join branches on repair_rows.branch_id = branches.branch_id
left join repair_cards on repair_rows.repair_id = repair_cards.repair_id
where
    %(every_branch)s::boolean
    or repair_rows.branch_id::text is not distinct from %(branch)s::text
order by moved_at, item_id
