-- What a restore drill counts in Odoo's database and in the restored copy.
select
    'repair_order' as table_name,
    count(*) as row_count,
    max(write_date) at time zone 'UTC' as newest_at
from repair_order;

select
    'repair_line' as table_name,
    count(*) as row_count,
    max(write_date) at time zone 'UTC' as newest_at
from repair_line;

select
    'repair_fee' as table_name,
    count(*) as row_count,
    max(write_date) at time zone 'UTC' as newest_at
from repair_fee;

select
    'res_partner' as table_name,
    count(*) as row_count,
    max(write_date) at time zone 'UTC' as newest_at
from res_partner;

select
    'stock_valuation_layer' as table_name,
    count(*) as row_count,
    max(create_date) at time zone 'UTC' as newest_at
from stock_valuation_layer;
