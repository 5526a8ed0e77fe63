-- Question:   which rows that a report is made of break the contract of the sources?
-- Grain:      one row per file and problem; of a row the first problem is told
-- Parameters: as profitability.sql; looked at are repairs and rentals of the period or
--             of none, their lines, and all branches and costs
-- Unit:       row_count is a number of rows; row_ids are three of them
-- The contract: docs/sources.md. What is not a number, or infinite, does not give 0
-- when it is taken from itself.
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

fixed_costs as (
    {% include "sources/fixed_costs.sql" %}
),

repairs as materialized (
    select * from closed_repairs
    where closed_at >= %(period_start)s and closed_at < %(period_end)s
),

rentals as materialized (
    select * from returned_rentals
    where ended_at >= %(period_start)s and ended_at < %(period_end)s
),

repair_ids as materialized (
    select distinct repair_id from repairs
),

examined as (
    select
        'branches' as file_name,
        branch_id::text as row_id,
        case
            when branch_id is null then 'branch_id is null'
            when strpos(branch_id::text, '|') > 0 then 'branch_id holds a |'
            when branch_name is null then 'branch_name is null'
            when is_active and btrim(branch_name) = '' then 'branch_name is blank'
            when is_active is null then 'is_active is null'
        end as problem
    from branches

    union all

    select
        'closed_repairs' as file_name,
        repairs.repair_id::text as row_id,
        case
            when repairs.repair_id is null then 'repair_id is null'
            when repairs.branch_id is null then 'branch_id is null'
            when branches.branch_id is null then 'branch_id is not in branches.sql'
            when repairs.is_success is null then 'is_success is null'
        end as problem
    from repairs
    left join branches on repairs.branch_id = branches.branch_id

    union all

    select
        'service_lines' as file_name,
        service_lines.line_id::text as row_id,
        case
            when line_id is null then 'line_id is null'
            when count(*) > 1 then 'line_id comes more than once'
            else min(
                case
                    when price is null then 'price is null'
                    when quantity is null then 'quantity is null'
                    when discount is null then 'discount is null'
                    when price - price <> 0 then 'price is not a number'
                    when quantity - quantity <> 0 then 'quantity is not a number'
                    when discount - discount <> 0 then 'discount is not a number'
                    when price < 0 then 'price is negative'
                    when quantity < 0 then 'quantity is negative'
                    when quantity = 0 then 'quantity is 0'
                    when discount < 0 then 'discount is negative'
                    when discount >= price * quantity + 0.01
                        then 'discount is above its line'
                end
            )
        end as problem
    from service_lines
    inner join repair_ids on service_lines.repair_id = repair_ids.repair_id
    group by service_lines.line_id

    union all

    select
        'part_lines' as file_name,
        part_lines.line_id::text as row_id,
        case
            when line_id is null then 'line_id is null'
            when count(*) > 1 then 'line_id comes more than once'
            else min(
                case
                    when quantity is null then 'quantity is null'
                    when sale_price is null then 'sale_price is null'
                    when discount is null then 'discount is null'
                    when is_written_off is null then 'is_written_off is null'
                    when quantity - quantity <> 0 then 'quantity is not a number'
                    when purchase_price - purchase_price <> 0
                        then 'purchase_price is not a number'
                    when sale_price - sale_price <> 0 then 'sale_price is not a number'
                    when discount - discount <> 0 then 'discount is not a number'
                    when quantity < 0 then 'quantity is negative'
                    when quantity = 0 then 'quantity is 0'
                    when purchase_price < 0 then 'purchase_price is negative'
                    when sale_price < 0 then 'sale_price is negative'
                    when discount < 0 then 'discount is negative'
                    when discount >= sale_price * quantity + 0.01
                        then 'discount is above its line'
                end
            )
        end as problem
    from part_lines
    inner join repair_ids on part_lines.repair_id = repair_ids.repair_id
    group by part_lines.line_id

    union all

    select
        'returned_rentals' as file_name,
        rentals.rental_id::text as row_id,
        case
            when rentals.rental_id is null then 'rental_id is null'
            when rentals.branch_id is null then 'branch_id is null'
            when branches.branch_id is null then 'branch_id is not in branches.sql'
            when rentals.price_per_day is null then 'price_per_day is null'
            when rentals.started_at is null then 'started_at is null'
            when rentals.started_at < '1990-01-01'
                then 'started_at is not between 1990 and 2100'
            when rentals.started_at > rentals.ended_at
                then 'started_at is after ended_at'
            when rentals.price_per_day - rentals.price_per_day <> 0
                then 'price_per_day is not a number'
            when rentals.total - rentals.total <> 0 then 'total is not a number'
            when rentals.price_per_day < 0 then 'price_per_day is negative'
            when rentals.total < 0 then 'total is negative'
        end as problem
    from rentals
    left join branches on rentals.branch_id = branches.branch_id

    union all

    select
        'fixed_costs' as file_name,
        fixed_costs.cost_id::text as row_id,
        case
            when fixed_costs.cost_id is null then 'cost_id is null'
            when
                fixed_costs.branch_id is not null and branches.branch_id is null
                then 'branch_id is not in branches.sql'
            when fixed_costs.amount_per_month is null then 'amount_per_month is null'
            when fixed_costs.valid_from is null then 'valid_from is null'
            when fixed_costs.amount_per_month - fixed_costs.amount_per_month <> 0
                then 'amount_per_month is not a number'
            when fixed_costs.amount_per_month < 0 then 'amount_per_month is negative'
            when fixed_costs.valid_to < fixed_costs.valid_from
                then 'valid_to is before valid_from'
        end as problem
    from fixed_costs
    left join branches on fixed_costs.branch_id = branches.branch_id
),

-- What lies in no period, or belongs to no repair, would be missing in each report.
lost as (
    select
        'closed_repairs' as file_name,
        repair_id::text as row_id,
        'closed_at is null' as problem
    from closed_repairs
    where closed_at is null

    union all

    select
        'closed_repairs' as file_name,
        repair_id::text as row_id,
        'closed_at is not between 1990 and 2100' as problem
    from closed_repairs
    where closed_at < '1990-01-01' or closed_at >= '2100-01-01'

    union all

    select
        'service_lines' as file_name,
        line_id::text as row_id,
        'repair_id is null' as problem
    from service_lines
    where repair_id is null

    union all

    select
        'part_lines' as file_name,
        line_id::text as row_id,
        'repair_id is null' as problem
    from part_lines
    where repair_id is null

    union all

    select
        'returned_rentals' as file_name,
        rental_id::text as row_id,
        'ended_at is null' as problem
    from returned_rentals
    where ended_at is null

    union all

    select
        'returned_rentals' as file_name,
        rental_id::text as row_id,
        'ended_at is not between 1990 and 2100' as problem
    from returned_rentals
    where ended_at < '1990-01-01' or ended_at >= '2100-01-01'
),

-- What comes more often than once; a repair also where it lies in another period, too.
repeated as (
    select
        'branches' as file_name,
        branch_id::text as row_id,
        'branch_id comes more than once' as problem
    from branches
    group by branch_id
    having count(*) > 1

    union all

    select
        'closed_repairs' as file_name,
        closed_repairs.repair_id::text as row_id,
        'repair_id comes more than once' as problem
    from closed_repairs
    inner join repair_ids on closed_repairs.repair_id = repair_ids.repair_id
    group by closed_repairs.repair_id
    having count(*) > 1

    union all

    select
        'returned_rentals' as file_name,
        rental_id::text as row_id,
        'rental_id comes more than once' as problem
    from rentals
    group by rental_id
    having count(*) > 1

    union all

    select
        'fixed_costs' as file_name,
        cost_id::text as row_id,
        'cost_id comes more than once' as problem
    from fixed_costs
    group by cost_id
    having count(*) > 1
),

findings as (
    select * from examined
    where problem is not null
    union all
    select * from lost
    union all
    select * from repeated
)

select
    file_name,
    problem,
    count(*) as row_count,
    (array_agg(row_id order by row_id))[1:3] as row_ids
from findings
group by file_name, problem
order by file_name, problem
