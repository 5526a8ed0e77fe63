-- Fees. Odoo has worked out the line without taxes: the whole line is the price of one.
select
    repair_fee.id as line_id,
    repair_fee.repair_id,
    repair_fee.name as service_name,
    repair_fee.price_subtotal as price,
    1 as quantity,
    0 as discount
from repair_fee
