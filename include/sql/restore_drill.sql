-- What is in the database: one statement and one row per table that a restore drill
-- counts, run in the CRM's database and in the restored copy, one after the other.
-- newest_at is when the newest row came or last changed, null where no column tells.
-- Tables that the reports do not read can be added, and others taken away.
select
    'branches' as table_name,
    count(*) as row_count,
    null::timestamptz as newest_at
from branches;

select
    'customers' as table_name,
    count(*) as row_count,
    null::timestamptz as newest_at
from customers;

select
    'repairs' as table_name,
    count(*) as row_count,
    max(greatest(accepted_at, closed_at)) as newest_at
from repairs;

select
    'repair_services' as table_name,
    count(*) as row_count,
    null::timestamptz as newest_at
from repair_services;

select
    'repair_parts' as table_name,
    count(*) as row_count,
    null::timestamptz as newest_at
from repair_parts;

select
    'rentals' as table_name,
    count(*) as row_count,
    max(greatest(started_at, ended_at)) as newest_at
from rentals;

select
    'fixed_costs' as table_name,
    count(*) as row_count,
    null::timestamptz as newest_at
from fixed_costs;
