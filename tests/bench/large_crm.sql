-- A large CRM in the reference schema: 2M repairs, 2M changes of status, 6M parts, 4M services, 0.5M rentals,
-- 50 branches, three years up to 2026-11-01. Loaded into an empty schema; no randomness, so
-- that every run holds the same rows.

insert into branches (id, name, code_prefix, city, is_active, opened_on, closed_on)
select
    id,
    'Branch ' || id,
    'B' || id,
    null,
    true,
    null,
    null
from generate_series(1, 50) as id;

insert into repair_statuses (id, code, name, status_group, is_final) values
(1, 'open', 'Open', 'new', false),
(2, 'closed', 'Closed', 'closed_success', true),
(3, 'scrapped', 'Scrapped', 'closed_failure', true),
(4, 'ready', 'Готов', 'ready', false),
(5, 'selection', 'Подбор', 'on_hold', false);

insert into categories (id, name) values (1, 'Power tools');
insert into brands (id, name) values (1, 'Makita');

insert into customers (id, name, phone, company_name)
select
    id,
    'Customer ' || id,
    '+7900' || lpad(id::text, 7, '0'),
    null
from generate_series(1, 100000) as id;

-- 93 in 100 are closed with success, 3 scrapped, 4 open; spread evenly over three years.
-- Of the open ones 300 wait for a call; 2000 closed ones have the flag all the same.
insert into repairs (
    id, branch_id, number, customer_id, category_id, brand_id, model, status_id,
    needs_callback, prepayment, accepted_at, closed_at
)
select
    id,
    id % 50 + 1,
    id,
    id % 100000 + 1,
    1,
    1,
    null,
    case
        when id % 100 < 93 then 2
        when id % 100 < 96 then 3
        when id % 6600 = 99 and id < 1980000 then 4 + id % 2
        else 1
    end,
    (id % 6600 = 99 and id < 1980000) or id % 1000 = 7,
    0,
    timestamptz '2023-11-01 00:00+03' + id * interval '47.3 seconds' - interval '5 days',
    case
        when id % 100 < 96
            then timestamptz '2023-11-01 00:00+03' + id * interval '47.3 seconds'
    end
from generate_series(1, 2000000) as id;

insert into repair_status_changes (id, repair_id, status_id, changed_at)
select
    id,
    id,
    status_id,
    accepted_at + interval '1 day'
from repairs;

insert into repair_services (id, repair_id, name, price, quantity, discount)
select
    id,
    (id + 1) / 2,
    'Service',
    500 + id % 1000,
    1,
    case when id % 10 = 0 then 50 else 0 end
from generate_series(1, 4000000) as id;

insert into repair_parts (
    id, repair_id, product_name, quantity, purchase_price, sale_price, discount,
    is_written_off
)
select
    id,
    (id + 2) / 3,
    'Part',
    1 + id % 2,
    case when id % 200 > 0 then 100 + id % 300 end,
    200 + id % 700,
    0,
    true
from generate_series(1, 6000000) as id;

insert into tools (
    id, branch_id, category_id, brand_id, model, inventory_number, price_per_day
)
select
    id,
    id % 50 + 1,
    1,
    1,
    'HR2470',
    'T-' || id,
    700
from generate_series(1, 5000) as id;

insert into rentals (
    id, branch_id, tool_id, customer_id, status, price_per_day, started_at,
    expected_end_at, ended_at, total
)
select
    id,
    id % 50 + 1,
    id % 5000 + 1,
    id % 100000 + 1,
    'returned',
    700,
    timestamptz '2023-11-01 00:00+03' + id * interval '189.2 seconds' - interval '3 days',
    timestamptz '2023-11-01 00:00+03' + id * interval '189.2 seconds',
    timestamptz '2023-11-01 00:00+03' + id * interval '189.2 seconds',
    case when id % 20 > 0 then 2100 end
from generate_series(1, 500000) as id;

insert into fixed_costs (id, branch_id, name, amount_per_month, valid_from, valid_to)
select
    id,
    case when id <= 250 then (id - 1) % 50 + 1 end,
    'Cost',
    10000 + id,
    '2023-01-01',
    null
from generate_series(1, 253) as id;
