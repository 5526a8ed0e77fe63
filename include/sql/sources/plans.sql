-- Plans: what a branch is to earn in a month, and without a branch the network.
-- Read only with plans.source = "sql": docs/plans.md. The month is its first day;
-- branch_id is null for the network; figure is profit or revenue.
select
    plans.month,
    plans.branch_id,
    plans.figure,
    plans.amount
from plans
