-- Each company is a branch, also one that was archived since.
select
    res_company.id as branch_id,
    res_company.name as branch_name,
    coalesce(res_company.active, true) as is_active,
    null::date as opened_on
from res_company
