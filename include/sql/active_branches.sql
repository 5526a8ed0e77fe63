-- Which branches owe a report of a period for which no run came?
-- Grain: one row per branch that is active, and was open before the period's end.
-- Parameters: %(end_day)s, the first day after the period (date).
with

branches as (
    {% include "sources/branches.sql" %}
)

select
    branches.branch_id,
    branches.branch_name
from branches
where
    branches.is_active
    and coalesce(branches.opened_on < %(end_day)s::date, true)
order by branches.branch_id
