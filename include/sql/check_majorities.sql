-- Question:   what is so of most of the newest rows, though it may be so of a few only?
-- Grain:      one row per file and problem
-- Parameters: as profitability.sql; looked at are the newest 200 repairs and rentals
--             until the period's end, their lines, and all branches
-- Unit:       row_count is a number of rows; row_ids are three of them
-- Two columns that were swapped, a zero for what is unknown, or ids that hide a
-- doubled row break no rule for a single row.
with

branches as (
    {% include "sources/branches.sql" %}
),

closed_repairs as not materialized (
    {% include "sources/closed_repairs.sql" %}
),

service_lines as not materialized (
    {% include "sources/service_lines.sql" %}
),

part_lines as not materialized (
    {% include "sources/part_lines.sql" %}
),

returned_rentals as not materialized (
    {% include "sources/returned_rentals.sql" %}
),

repairs as materialized (
    select * from closed_repairs
    where closed_at < %(period_end)s
    order by closed_at desc
    limit 200
),

rentals as materialized (
    select * from returned_rentals
    where ended_at < %(period_end)s
    order by ended_at desc
    limit 200
),

-- Whatever the period: a time that is made up may lie after it.
newest_repairs as materialized (
    select * from closed_repairs
    where closed_at < '2100-01-01'
    order by closed_at desc
    limit 200
),

services as materialized (
    select
        service_lines.*,
        count(*) over (
            partition by
                service_lines.repair_id,
                service_lines.price,
                service_lines.quantity,
                service_lines.discount
        ) as twin_count
    from repairs
    inner join service_lines on repairs.repair_id = service_lines.repair_id
),

parts as materialized (
    select
        part_lines.*,
        count(*) over (
            partition by
                part_lines.repair_id,
                part_lines.sale_price,
                part_lines.purchase_price,
                part_lines.quantity,
                part_lines.discount
        ) as twin_count
    from repairs
    inner join part_lines on repairs.repair_id = part_lines.repair_id
),

-- What each row shows; it is told where it is so of more than this part of 20 rows.
observations as (
    select
        'closed_repairs' as file_name,
        repair_id::text as row_id,
        observed.*
    from repairs
    cross join
        lateral (
            values
            ('is_success is false', not is_success, 0.8)
        ) as observed (problem, is_so, most)

    union all

    select
        'closed_repairs' as file_name,
        repair_id::text as row_id,
        'closed_at is the same' as problem,
        count(*) over (partition by closed_at) * 2 > count(*) over () as is_so,
        0.5 as most
    from newest_repairs

    union all

    select
        'service_lines' as file_name,
        line_id::text as row_id,
        observed.*
    from services
    cross join
        lateral (
            values
            ('price is 0', price = 0, 0.5),
            ('quantity is above 50', quantity > 50, 0.5),
            ('the same line has another line_id', twin_count > 1, 0.5)
        ) as observed (problem, is_so, most)

    union all

    select
        'part_lines' as file_name,
        line_id::text as row_id,
        observed.*
    from parts
    cross join
        lateral (
            values
            ('sale_price is 0', sale_price = 0, 0.5),
            ('purchase_price is 0', purchase_price = 0, 0.5),
            ('sale_price is below purchase_price', sale_price < purchase_price, 0.5),
            ('quantity is above 50', quantity > 50, 0.5),
            ('the same line has another line_id', twin_count > 1, 0.5)
        ) as observed (problem, is_so, most)

    union all

    select
        'returned_rentals' as file_name,
        rental_id::text as row_id,
        observed.*
    from rentals
    cross join
        lateral (
            values
            ('price_per_day is 0', price_per_day = 0, 0.5),
            ('total is 0', total = 0 and price_per_day > 0, 0.5),
            ('started_at is ended_at', started_at = ended_at, 0.5)
        ) as observed (problem, is_so, most)

    union all

    select
        'returned_rentals' as file_name,
        rental_id::text as row_id,
        'the same rental has another rental_id' as problem,
        count(*) over (
            partition by branch_id, started_at, ended_at, price_per_day, total
        ) > 1 as is_so,
        0.5 as most
    from rentals
)

select
    file_name,
    problem || ' in most of the newest rows' as problem,
    count(*) filter (where is_so) as row_count,
    (array_agg(row_id order by row_id) filter (where is_so))[1:3] as row_ids
from observations
where is_so is not null
group by file_name, problem, most
having count(*) >= 20 and count(*) filter (where is_so) > count(*) * most

union all

select
    'branches' as file_name,
    'is_active is true for no branch' as problem,
    count(*) as row_count,
    (array_agg(branch_id::text order by branch_id::text))[1:3] as row_ids
from branches
having
    not coalesce(bool_or(is_active), false)
    and (select count(*) from repairs) >= 50

union all

select
    'service_lines' as file_name,
    'there is no line of the newest repairs, nor in part_lines.sql' as problem,
    count(*) as row_count,
    (array_agg(repair_id::text order by repair_id::text))[1:3] as row_ids
from repairs
having
    count(*) >= 50
    and not exists (select from services)
    and not exists (select from parts)

union all

select
    'closed_repairs' as file_name,
    'there is no repair of these lines' as problem,
    count(*) as row_count,
    (array_agg(row_id))[1:3] as row_ids
from (
    select line_id::text as row_id from service_lines
    union all
    select line_id::text as row_id from part_lines
    limit 50
) as some_lines
where not exists (select from closed_repairs)
having count(*) = 50
