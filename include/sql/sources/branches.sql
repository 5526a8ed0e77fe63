-- The shops: one row per branch.
select
    branches.id as branch_id,
    branches.name as branch_name,
    branches.is_active
from branches
