-- Odoo has one name for a repair: its number and its code.
select
    repair_order.id as repair_id,
    repair_order.name as repair_number,
    repair_order.name as repair_code,
    repair_order.partner_id as customer_id
from repair_order
