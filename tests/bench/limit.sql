-- The limit that the formulas are measured against: the rows they need, joined before
-- (a line with its repair's branch, time and outcome), in the order of time. What is
-- left to do is to scan a range of them and to work out the sums.

create table joined_lines as
select
    repairs.branch_id,
    repairs.closed_at,
    repairs.status_id = 2 as is_success,
    repair_services.price,
    repair_services.quantity,
    repair_services.discount,
    null::numeric(12, 2) as purchase_price,
    false as is_part
from repairs
inner join repair_services on repairs.id = repair_services.repair_id
where repairs.status_id = 2
union all
select
    repairs.branch_id,
    repairs.closed_at,
    repairs.status_id = 2 as is_success,
    repair_parts.sale_price,
    repair_parts.quantity,
    repair_parts.discount,
    repair_parts.purchase_price,
    true as is_part
from repairs
inner join repair_parts on repairs.id = repair_parts.repair_id
where repairs.status_id in (2, 3)
order by closed_at;

create index on joined_lines (closed_at);
