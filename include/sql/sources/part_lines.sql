-- What was built into a repair: one row per line. Money in roubles.
-- purchase_price is null where nobody entered what the part cost. No other column but
-- the name may be null: it would drop the line from the sum.
select
    repair_parts.id as line_id,
    repair_parts.repair_id,
    repair_parts.product_name,
    repair_parts.quantity,
    repair_parts.purchase_price,
    repair_parts.sale_price,
    repair_parts.discount,
    repair_parts.is_written_off
from repair_parts
