-- Question:   what does the CRM's own dashboard say that each branch earned?
-- Grain:      one row per branch
-- Parameters: first_day, end_day (dates)
-- Unit:       roubles
-- Run only where there is a file sources/crm_totals.sql: docs/sources.md.
with

crm_totals as (
    {% include "sources/crm_totals.sql" ignore missing %}
)

select
    branch_id,
    sum(revenue) as revenue
from crm_totals
where day >= %(first_day)s and day < %(end_day)s
group by branch_id
