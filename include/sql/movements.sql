-- Question:   which rows is a figure made of, and what does each add to it?
-- Grain:      CTEs to begin a query with: one row per repair, line of services, line of
--             parts, rental, fixed cost and month, and fixed cost and day
-- Parameters: as profitability.sql, which adds rows up; the files in trace/ show them
-- Unit:       that of the figure that a column is named after (docs/metrics.md); null
--             where a row has no part in it
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

repairs_in_period as not materialized (
    select
        repair_id,
        branch_id,
        closed_at,
        is_success
    from closed_repairs
    where closed_at >= %(period_start)s and closed_at < %(period_end)s
),

rentals_in_period as not materialized (
    select
        rental_id,
        branch_id,
        tool_id,
        customer_id,
        price_per_day,
        total,
        ended_at,
        greatest(ceil(extract(epoch from ended_at - started_at) / 86400), 1) as days
    from returned_rentals
    where ended_at >= %(period_start)s and ended_at < %(period_end)s
),

period as (
    select
        %(first_day)s::date as first_day,  -- noqa: LT02
        %(end_day)s::date as end_day
),

months as (
    select
        month_start::date as first_day,
        (month_start + interval '1 month')::date as end_day
    from period
    cross join generate_series(
        date_trunc('month', period.first_day::timestamp),
        period.end_day - 1,
        interval '1 month'
    ) as month_start
),

repair_rows as not materialized (
    select
        *,
        1 as repair_count
    from repairs_in_period
    where is_success
),

service_rows as not materialized (
    select
        repairs_in_period.branch_id,
        repairs_in_period.repair_id,
        repairs_in_period.closed_at,
        service_lines.line_id,
        service_lines.service_name,
        service_lines.quantity,
        service_lines.price,
        service_lines.discount,
        service_lines.price * service_lines.quantity
        - service_lines.discount as repair_revenue
    from repairs_in_period
    inner join service_lines on repairs_in_period.repair_id = service_lines.repair_id
    where repairs_in_period.is_success
),

part_rows as not materialized (
    select
        repairs_in_period.branch_id,
        repairs_in_period.repair_id,
        repairs_in_period.closed_at,
        part_lines.line_id,
        part_lines.product_name,
        part_lines.quantity,
        part_lines.sale_price,
        part_lines.discount,
        part_lines.purchase_price,
        case
            when repairs_in_period.is_success
                then part_lines.sale_price * part_lines.quantity - part_lines.discount
        end as repair_revenue,
        part_lines.purchase_price * part_lines.quantity as variable_costs,
        case
            when not repairs_in_period.is_success
                then part_lines.purchase_price * part_lines.quantity
        end as scrapped_costs,
        case when part_lines.purchase_price is null then 1 end as parts_without_cost
    from repairs_in_period
    inner join part_lines on repairs_in_period.repair_id = part_lines.repair_id
    where repairs_in_period.is_success or part_lines.is_written_off
),

rental_rows as not materialized (
    select
        *,
        coalesce(total, price_per_day * days) as rental_revenue,
        1 as rental_count
    from rentals_in_period
),

-- By day k of D a month has borne round(amount * k / D, 2): day k bears what that grows
-- by, so that days add up to their month to the kopeck. Days are counted from the first
-- of the month; only those in the period, the month and the cost's validity are borne.
fixed_cost_months as (
    select
        fixed_costs.cost_id,
        fixed_costs.branch_id,
        fixed_costs.cost_name,
        fixed_costs.amount_per_month,
        months.first_day,
        months.end_day - months.first_day as days_in_month,
        greatest(fixed_costs.valid_from, months.first_day, period.first_day)
        - months.first_day as days_before,
        least(fixed_costs.valid_to, months.end_day, period.end_day)
        - months.first_day as days_until
    from fixed_costs
    cross join months
    cross join period
),

fixed_cost_rows as (
    select
        branch_id,
        round(amount_per_month * days_until / days_in_month, 2)
        - round(amount_per_month * days_before / days_in_month, 2) as fixed_costs
    from fixed_cost_months
    where days_before < days_until
),

-- The same by the day, for whoever looks at rows.
fixed_cost_days as (
    select
        cost_id,
        branch_id,
        cost_name,
        amount_per_month,
        first_day + day_number - 1 as day,
        round(amount_per_month * day_number / days_in_month, 2)
        - round(amount_per_month * (day_number - 1) / days_in_month, 2) as fixed_costs
    from fixed_cost_months
    cross join generate_series(days_before + 1, days_until) as day_number
)
