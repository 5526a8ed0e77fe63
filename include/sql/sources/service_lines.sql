-- What was done in a repair: one row per line. Money in roubles.
-- No column but the name may be null: it would drop the line from the sum.
select
    repair_services.id as line_id,
    repair_services.repair_id,
    repair_services.name as service_name,
    repair_services.price,
    repair_services.quantity,
    repair_services.discount
from repair_services
