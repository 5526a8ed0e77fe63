-- What a repair is called, and whose it is: one row per repair. For whoever looks at
-- rows: the formulas do without.
select
    repairs.id as repair_id,
    repairs.number as repair_number,
    branches.code_prefix || '-' || repairs.number as repair_code,
    repairs.customer_id
from repairs
inner join branches on repairs.branch_id = branches.id
