-- The shops: one row per branch. opened_on is null where nobody entered it.
select
    branches.id as branch_id,
    branches.name as branch_name,
    branches.is_active,
    branches.opened_on
from branches
