-- Question:   which services is a figure made of?
-- Grain:      one row per line of services
-- Parameters: as profitability.sql; every_branch (boolean); otherwise branch: the id of
--             one as a text, null for costs of no branch
-- Unit:       as movements.sql
with

{% include "movements.sql" %}

select
    service_rows.branch_id,
    branches.branch_name,
    service_rows.closed_at as moved_at,
    service_rows.repair_id,
    service_rows.repair_number,
    service_rows.repair_code,
    service_rows.customer_id,
    service_rows.line_id as item_id,
    service_rows.service_name as item_name,
    service_rows.quantity,
    service_rows.price,
    service_rows.discount,
    service_rows.repair_revenue
from service_rows
left join branches on service_rows.branch_id = branches.branch_id
where
    %(every_branch)s::boolean
    or service_rows.branch_id::text is not distinct from %(branch)s::text
order by moved_at, item_id
