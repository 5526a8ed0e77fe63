-- Question:   which services is a figure made of?
-- Grain:      one row per line of services
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
    service_rows.branch_id,
    branches.branch_name,
    service_rows.closed_at as moved_at,
    service_rows.repair_id,
    repair_cards.repair_number,
    repair_cards.repair_code,
    repair_cards.customer_id,
    service_rows.line_id as item_id,
    service_rows.service_name as item_name,
    service_rows.quantity,
    service_rows.price,
    service_rows.discount,
    service_rows.repair_revenue
from service_rows
left join branches on service_rows.branch_id = branches.branch_id
left join repair_cards on service_rows.repair_id = repair_cards.repair_id
where
    %(every_branch)s::boolean
    or service_rows.branch_id::text is not distinct from %(branch)s::text
order by moved_at, item_id
