-- Question:   what did each branch, and the whole network, earn and spend in a period?
-- Grain:      one row per branch, then one for costs of no branch ('unallocated'),
--             and one for the network; an inactive branch only if one figure is not 0
-- Parameters: period_start, period_end (instants) and first_day, end_day (dates): one
--             half-open period of the account's zone
-- Unit:       roubles, exact; margin is a ratio; counts are numbers of rows
-- Definitions of the figures: docs/metrics.md. What each row adds: movements.sql
with

{% include "movements.sql" %},

-- One CTE per kind of movement, each with one row per branch and one for the network.
-- That is summed over all movements, not over the branches below: if the list of
-- branches lost or doubled one, the two would disagree, and the report is stopped.

service_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        sum(repair_revenue) as repair_revenue
    from service_rows
    group by grouping sets ((branch_id), ())
),

part_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        sum(repair_revenue) as repair_revenue,
        sum(variable_costs) as variable_costs,
        sum(scrapped_costs) as scrapped_costs,
        count(parts_without_cost) as parts_without_cost
    from part_rows
    group by grouping sets ((branch_id), ())
),

repair_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        count(repair_count) as repair_count
    from repair_rows
    group by grouping sets ((branch_id), ())
),

rental_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        sum(rental_revenue) as rental_revenue,
        count(rental_count) as rental_count
    from rental_rows
    group by grouping sets ((branch_id), ())
),

fixed_cost_totals as (
    select
        branch_id,
        grouping(branch_id) as is_network,
        sum(fixed_costs) as fixed_costs
    from fixed_cost_rows
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
