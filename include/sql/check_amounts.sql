-- Question:   which amounts are a hundred times what is usual, or a hundredth of it?
-- Grain:      one row per file and comparison of two medians that differ so much; and
--             one per file whose rows belong to none of the newest repairs
-- Parameters: as profitability.sql; looked at are the newest 100 repairs and rentals of
--             the period, and the newest 100 before it
-- Unit:       row_count is the smaller number of rows compared; row_ids are of the
--             greatest amounts
-- Prices in kopecks, or a join by a wrong column, break no rule for a single row.
with

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

earlier_repairs as (
    select
        repair_id,
        is_success,
        closed_at
    from closed_repairs
    where closed_at < %(period_start)s
    order by closed_at desc
    limit 100
),

period_repairs as (
    select
        repair_id,
        is_success,
        closed_at
    from closed_repairs
    where closed_at >= %(period_start)s and closed_at < %(period_end)s
    order by closed_at desc
    limit 100
),

repairs as (
    select
        repair_id,
        is_success,
        closed_at,
        true as is_earlier
    from earlier_repairs
    union all
    select
        repair_id,
        is_success,
        closed_at,
        false as is_earlier
    from period_repairs
),

earlier_rentals as (
    select * from returned_rentals
    where ended_at < %(period_start)s
    order by ended_at desc
    limit 100
),

period_rentals as (
    select * from returned_rentals
    where ended_at >= %(period_start)s and ended_at < %(period_end)s
    order by ended_at desc
    limit 100
),

both_rentals as (
    select
        earlier_rentals.*,
        true as is_earlier
    from earlier_rentals
    union all
    select
        period_rentals.*,
        false as is_earlier
    from period_rentals
),

rentals as (
    select
        rental_id,
        ended_at,
        total,
        price_per_day,
        ceil(extract(epoch from ended_at - started_at) / 86400) as day_count,
        is_earlier
    from both_rentals
),

services as materialized (
    select
        service_lines.line_id,
        service_lines.price,
        service_lines.quantity,
        repairs.is_earlier
    from repairs
    inner join service_lines on repairs.repair_id = service_lines.repair_id
),

parts as materialized (
    select
        part_lines.line_id,
        part_lines.sale_price,
        part_lines.purchase_price,
        part_lines.quantity,
        repairs.is_earlier
    from repairs
    inner join part_lines on repairs.repair_id = part_lines.repair_id
),

amounts as (
    select
        'service_lines' as file_name,
        'price' as column_name,
        line_id::text as row_id,
        price as amount,
        is_earlier
    from services
    union all
    select
        'part_lines' as file_name,
        'sale_price' as column_name,
        line_id::text as row_id,
        sale_price as amount,
        is_earlier
    from parts
    union all
    select
        'part_lines' as file_name,
        'purchase_price' as column_name,
        line_id::text as row_id,
        purchase_price as amount,
        is_earlier
    from parts
    union all
    select
        'returned_rentals' as file_name,
        'price_per_day' as column_name,
        rental_id::text as row_id,
        price_per_day as amount,
        is_earlier
    from rentals
    union all
    select
        'returned_rentals' as file_name,
        'total' as column_name,
        rental_id::text as row_id,
        total as amount,
        is_earlier
    from rentals
    union all
    select
        'returned_rentals' as file_name,
        'price_per_day times days' as column_name,
        rental_id::text as row_id,
        price_per_day * greatest(day_count, 1) as amount,
        is_earlier
    from rentals
),

medians as (
    select
        file_name,
        column_name,
        is_earlier,
        count(*) as row_count,
        percentile_disc(0.5) within group (order by amount) as median,
        (array_agg(row_id order by amount desc))[1:3] as row_ids
    from amounts
    where amount > 0
    group by grouping sets (
        (file_name, column_name, is_earlier), (file_name, column_name)
    )
),

-- What a hundred repairs and rentals in a row bring in a day: those before the period,
-- or its own where there are none.
repair_days as (
    select
        is_earlier,
        count(*) as row_count,
        extract(epoch from max(closed_at) - min(closed_at)) / 86400 as day_count
    from repairs
    group by is_earlier
    order by is_earlier desc
    limit 1
),

rental_days as (
    select
        sum(coalesce(total, price_per_day * greatest(day_count, 1))) as revenue,
        extract(epoch from max(ended_at) - min(ended_at)) / 86400 as day_count
    from rentals
    group by is_earlier
    order by is_earlier desc
    limit 1
),

daily_revenue as (
    select
        repair_days.row_count,
        (
            select coalesce(sum(price * quantity), 0)
            from services
            where services.is_earlier = repair_days.is_earlier
        ) / nullif(repair_days.day_count, 0) as of_services,
        (
            select coalesce(sum(sale_price * quantity), 0)
            from parts
            where parts.is_earlier = repair_days.is_earlier
        ) / nullif(repair_days.day_count, 0) as of_parts,
        (
            select rental_days.revenue / nullif(rental_days.day_count, 0)
            from rental_days
        ) as of_rentals
    from repair_days
),

monthly_costs as (
    select
        sum(amount_per_month) as amount,
        (array_agg(cost_id::text order by amount_per_month desc))[1:3] as row_ids
    from fixed_costs
    where %(end_day)s::date > valid_from and coalesce(%(end_day)s <= valid_to, true)
),

-- Each with the file and column that is told, and what it is compared with.
comparisons as (
    select
        now.file_name,
        now.column_name,
        'what it was before' as compared_with,
        least(now.row_count, earlier.row_count) as row_count,
        now.median / earlier.median as ratio,
        now.row_ids
    from medians as now
    inner join medians as earlier
        on
            now.file_name = earlier.file_name
            and now.column_name = earlier.column_name
            and not now.is_earlier
            and earlier.is_earlier
    where now.column_name <> 'price_per_day times days'

    union all

    select
        one.file_name,
        one.column_name,
        other.file_name || '.' || other.column_name as compared_with,
        least(one.row_count, other.row_count) as row_count,
        one.median / other.median as ratio,
        one.row_ids
    from (
        values
        ('part_lines', 'sale_price', 'part_lines', 'purchase_price'),
        (
            'returned_rentals',
            'total',
            'returned_rentals',
            'price_per_day times days'
        ),
        ('service_lines', 'price', 'part_lines', 'sale_price'),
        ('service_lines', 'price', 'returned_rentals', 'price_per_day times days')
    ) as pair (file_name, column_name, other_file, other_column)
    inner join medians as one
        on
            pair.file_name = one.file_name
            and pair.column_name = one.column_name
            and one.is_earlier is null
    inner join medians as other
        on
            pair.other_file = other.file_name
            and pair.other_column = other.column_name
            and other.is_earlier is null
),

-- Costs of ten times the revenue: a hundred times of what is usual, or a year's.
costs as (
    select
        monthly_costs.amount
        / nullif((of_services + of_parts + coalesce(of_rentals, 0)) * 30, 0) as ratio,
        daily_revenue.row_count,
        monthly_costs.row_ids
    from monthly_costs
    cross join daily_revenue
),

-- Rows of a file that belong to no repair, or repairs of which none is a success.
unmatched as (
    select
        'service_lines' as file_name,
        'repair_id is of none of the newest repairs' as problem
    where
        not exists (select from services)
        and exists (select from service_lines)
    union all
    select
        'part_lines' as file_name,
        'repair_id is of none of the newest repairs' as problem
    where
        not exists (select from parts)
        and exists (select from part_lines)
    union all
    select
        'closed_repairs' as file_name,
        'is_success is true for none of the newest repairs' as problem
    where
        not exists (
            select from repairs
            where is_success
        )
)

select
    file_name,
    column_name || ' is not on the scale of ' || compared_with as problem,
    case
        when ratio > 1 then round(ratio) || ' times as much'
        else round(1 / ratio) || ' times less'
    end as detail,
    row_count,
    row_ids
from comparisons
where row_count >= 20 and (ratio > 30 or ratio < 1 / 30.0)
union all
select
    'fixed_costs' as file_name,
    'amount_per_month is not on the scale of the revenue of a month' as problem,
    round(ratio) || ' times as much' as detail,
    row_count,
    row_ids
from costs
where row_count >= 20 and ratio > 10
union all
select
    unmatched.file_name,
    unmatched.problem,
    '' as detail,
    count(repairs.repair_id) as row_count,
    (array_agg(repairs.repair_id::text))[1:3] as row_ids
from unmatched
cross join repairs
group by unmatched.file_name, unmatched.problem
having count(repairs.repair_id) >= 50
