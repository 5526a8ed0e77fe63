-- Question:   which rentals is a figure made of?
-- Grain:      one row per rental
-- Parameters: as profitability.sql; every_branch (boolean); otherwise branch: the id of
--             one as a text, null for costs of no branch
-- Unit:       as movements.sql
with

{% include "movements.sql" %},

tools as (
    {% include "sources/tools.sql" %}
)

select
    rental_rows.branch_id,
    branches.branch_name,
    rental_rows.ended_at as moved_at,
    rental_rows.rental_id as item_id,
    tools.tool_name as item_name,
    rental_rows.customer_id,
    rental_rows.days as quantity,
    rental_rows.price_per_day as price,
    rental_rows.total,
    rental_rows.rental_revenue,
    rental_rows.rental_count
from rental_rows
left join branches on rental_rows.branch_id = branches.branch_id
left join tools on rental_rows.tool_id = tools.tool_id
where
    %(every_branch)s::boolean
    or rental_rows.branch_id::text is not distinct from %(branch)s::text
order by moved_at, item_id
