-- Question:   which statuses does the CRM know?
-- Grain:      one row per name
with

repair_statuses as (
    {% include "sources/repair_statuses.sql" %}
)

select distinct status_name from repair_statuses
order by status_name
