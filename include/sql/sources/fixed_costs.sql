-- Monthly costs: one row per cost and amount. branch_id is null for a cost of the whole
-- network; valid_to is exclusive, and null while the cost goes on. Money in roubles.
select
    fixed_costs.id as cost_id,
    fixed_costs.branch_id,
    fixed_costs.name as cost_name,
    fixed_costs.amount_per_month,
    fixed_costs.valid_from,
    fixed_costs.valid_to
from fixed_costs
