-- Question:   which customers are to be called back, and about what?
-- Grain:      one row per repair, the longest wait first
-- Parameters: statuses (names): the repairs in these
-- Unit:       times are instants
-- Names people: what it returns goes to the chat and nowhere else.
with

unreached_repairs as not materialized (
    {% include "sources/unreached_repairs.sql" %}
)

select
    repair_id,
    repair_number as number,
    repair_code as code,
    status_name as status,
    coalesce(status_since, accepted_at) as since,
    category_name as category,
    brand_name as brand,
    model,
    customer_name as customer,
    customer_phone as phone,
    company_name as company
from unreached_repairs
where status_name = any (%(statuses)s)
order by since, repair_id
