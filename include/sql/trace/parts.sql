-- Question:   which parts is a figure made of?
-- Grain:      one row per line of parts
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
    part_rows.branch_id,
    branches.branch_name,
    part_rows.closed_at as moved_at,
    part_rows.repair_id,
    repair_cards.repair_number,
    repair_cards.repair_code,
    repair_cards.customer_id,
    part_rows.line_id as item_id,
    part_rows.product_name as item_name,
    part_rows.quantity,
    part_rows.sale_price as price,
    part_rows.discount,
    part_rows.purchase_price,
    part_rows.repair_revenue,
    part_rows.variable_costs,
    part_rows.scrapped_costs,
    part_rows.parts_without_cost
from part_rows
left join branches on part_rows.branch_id = branches.branch_id
left join repair_cards on part_rows.repair_id = repair_cards.repair_id
where
    %(every_branch)s::boolean
    or part_rows.branch_id::text is not distinct from %(branch)s::text
order by moved_at, item_id
