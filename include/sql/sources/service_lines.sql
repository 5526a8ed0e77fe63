-- What was done in a repair: one row per line. Money in roubles.
select
    repair_services.repair_id,
    repair_services.price,
    repair_services.quantity,
    repair_services.discount
from repair_services
