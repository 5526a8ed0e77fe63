-- Question:   what did each branch, and the whole network, earn and spend in a period?
-- Grain:      one row per branch, then one for costs of no branch ('unallocated'),
--             and one for the network; an inactive branch only if one figure is not 0
-- Parameters: period_start, period_end (instants) and first_day, end_day (dates): one
--             half-open period of the account's zone
-- Unit:       roubles, exact; margin is a ratio; counts are numbers of rows
-- Definitions of the figures: docs/metrics.md
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

repairs_in_period as not materialized (
    select
        repair_id,
        branch_id,
        is_success
    from closed_repairs
    where closed_at >= %(period_start)s and closed_at < %(period_end)s
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

-- One CTE per kind of movement, each with one row per branch and one for the network.
-- That is summed over all movements, not over the branches below: if the list of
-- branches lost or doubled one, the two would disagree, and the report is stopped.

service_totals as (
    select
        repairs_in_period.branch_id,
        grouping(repairs_in_period.branch_id) as is_network,
        sum(
            service_lines.price * service_lines.quantity - service_lines.discount
        ) as repair_revenue
    from repairs_in_period
    inner join service_lines on repairs_in_period.repair_id = service_lines.repair_id
    where repairs_in_period.is_success
    group by grouping sets ((repairs_in_period.branch_id), ())
),

part_totals as (
    select
        repairs_in_period.branch_id,
        grouping(repairs_in_period.branch_id) as is_network,
        sum(
            part_lines.sale_price * part_lines.quantity - part_lines.discount
        ) filter (where repairs_in_period.is_success) as repair_revenue,
        sum(
            part_lines.purchase_price * part_lines.quantity
        ) filter (where not repairs_in_period.is_success) as scrapped_costs,
        sum(part_lines.purchase_price * part_lines.quantity) as variable_costs,
        count(*) filter (where part_lines.purchase_price is null) as parts_without_cost
    from repairs_in_period
    inner join part_lines on repairs_in_period.repair_id = part_lines.repair_id
    where repairs_in_period.is_success or part_lines.is_written_off
    group by grouping sets ((repairs_in_period.branch_id), ())
),

repair_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        count(*) as repair_count
    from repairs_in_period
    where is_success
    group by grouping sets ((branch_id), ())
),

rental_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        sum(
            coalesce(
                total,
                price_per_day
                * greatest(ceil(extract(epoch from ended_at - started_at) / 86400), 1)
            )
        ) as rental_revenue,
        count(*) as rental_count
    from returned_rentals
    where ended_at >= %(period_start)s and ended_at < %(period_end)s
    group by grouping sets ((branch_id), ())
),

-- By day k of D a month has borne round(amount * k / D, 2): day k bears what that grows
-- by, so that days add up to their month to the kopeck. Days are counted from the first
-- of the month; only those in the period, the month and the cost's validity are borne.
fixed_cost_months as (
    select
        fixed_costs.branch_id,
        fixed_costs.amount_per_month,
        months.end_day - months.first_day as days_in_month,
        greatest(fixed_costs.valid_from, months.first_day, period.first_day)
        - months.first_day as days_before,
        least(fixed_costs.valid_to, months.end_day, period.end_day)
        - months.first_day as days_until
    from fixed_costs
    cross join months
    cross join period
),

fixed_cost_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        sum(
            round(amount_per_month * days_until / days_in_month, 2)
            - round(amount_per_month * days_before / days_in_month, 2)
        ) as fixed_costs
    from fixed_cost_months
    where days_before < days_until
    group by grouping sets ((branch_id), ())
),

subjects as (
    select
        'branch' as subject,
        0 as is_network,
        branch_id,
        branch_name,
        is_active
    from branches
    union all
    select
        'unallocated' as subject,
        0 as is_network,
        null as branch_id,
        null as branch_name,
        true as is_active
    union all
    select
        'network' as subject,
        1 as is_network,
        null as branch_id,
        null as branch_name,
        true as is_active
),

figures as (
    select
        subjects.subject,
        subjects.branch_id,
        subjects.branch_name,
        subjects.is_active,
        coalesce(service_totals.repair_revenue, 0)
        + coalesce(part_totals.repair_revenue, 0) as repair_revenue,
        coalesce(rental_totals.rental_revenue, 0) as rental_revenue,
        coalesce(part_totals.variable_costs, 0) as variable_costs,
        coalesce(part_totals.scrapped_costs, 0) as scrapped_costs,
        coalesce(part_totals.parts_without_cost, 0) as parts_without_cost,
        -- Null where no amount applies to any day: unknown is not zero.
        fixed_cost_totals.fixed_costs,
        coalesce(repair_totals.repair_count, 0) as repair_count,
        coalesce(rental_totals.rental_count, 0) as rental_count
    from subjects
    left join service_totals
        on
            subjects.is_network = service_totals.is_network
            and subjects.branch_id is not distinct from service_totals.branch_id
    left join part_totals
        on
            subjects.is_network = part_totals.is_network
            and subjects.branch_id is not distinct from part_totals.branch_id
    left join repair_totals
        on
            subjects.is_network = repair_totals.is_network
            and subjects.branch_id is not distinct from repair_totals.branch_id
    left join rental_totals
        on
            subjects.is_network = rental_totals.is_network
            and subjects.branch_id is not distinct from rental_totals.branch_id
    left join fixed_cost_totals
        on
            subjects.is_network = fixed_cost_totals.is_network
            and subjects.branch_id is not distinct from fixed_cost_totals.branch_id
),

results as (
    select
        *,
        repair_revenue + rental_revenue as revenue,
        repair_revenue + rental_revenue
        - variable_costs - coalesce(fixed_costs, 0) as profit
    from figures
)

select
    subject,
    branch_id,
    branch_name,
    repair_revenue,
    rental_revenue,
    revenue,
    variable_costs,
    scrapped_costs,
    parts_without_cost,
    fixed_costs,
    profit,
    case when revenue > 0 then profit / revenue end as margin,
    repair_count,
    rental_count
from results
where
    is_active
    or repair_revenue <> 0
    or rental_revenue <> 0
    or variable_costs <> 0
    or parts_without_cost <> 0
    or fixed_costs <> 0
    or repair_count <> 0
    or rental_count <> 0
order by
    case subject when 'branch' then 1 when 'unallocated' then 2 else 3 end,
    branch_name,
    branch_id
