-- Rentals whose tool is back: one row per rental. Money in roubles.
-- total is null where the CRM did not work it out.
select
    rentals.id as rental_id,
    rentals.branch_id,
    rentals.tool_id,
    rentals.customer_id,
    rentals.price_per_day,
    rentals.started_at,
    rentals.ended_at,
    rentals.total
from rentals
where rentals.status = 'returned'
