-- Repairs whose customer could not be reached and is to be called back: one row each.
-- status_since is the time of the latest change into the present status, null where the
-- history has none. Names people.
select
    repairs.id as repair_id,
    repairs.number as repair_number,
    branches.code_prefix || '-' || repairs.number as repair_code,
    repair_statuses.name as status_name,
    latest_change.changed_at as status_since,
    repairs.accepted_at,
    categories.name as category_name,
    brands.name as brand_name,
    repairs.model,
    customers.name as customer_name,
    customers.phone as customer_phone,
    customers.company_name
from repairs
inner join repair_statuses on repairs.status_id = repair_statuses.id
inner join branches on repairs.branch_id = branches.id
inner join customers on repairs.customer_id = customers.id
left join categories on repairs.category_id = categories.id
left join brands on repairs.brand_id = brands.id
left join lateral (
    select changes.changed_at
    from repair_status_changes as changes
    where changes.repair_id = repairs.id and changes.status_id = repairs.status_id
    order by changes.changed_at desc
    limit 1
) as latest_change on true
where repairs.needs_callback
