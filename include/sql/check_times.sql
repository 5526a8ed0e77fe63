-- Question:   which times of the period are there, in the session's TimeZone?
-- Grain:      one row per file and column
-- Parameters: as profitability.sql
-- Unit:       times are instants
-- Run under two zones, the answers must be the same. A time without a zone that was
-- cast to timestamptz moves with the session's.
with

closed_repairs as not materialized (
    {% include "sources/closed_repairs.sql" %}
),

returned_rentals as not materialized (
    {% include "sources/returned_rentals.sql" %}
)

select
    'closed_repairs' as file_name,
    'closed_at' as column_name,
    count(*) as row_count,
    extract(epoch from min(closed_at)) as earliest,
    extract(epoch from max(closed_at)) as latest
from closed_repairs
where closed_at >= %(period_start)s and closed_at < %(period_end)s
union all
select
    'returned_rentals' as file_name,
    'ended_at' as column_name,
    count(*) as row_count,
    extract(epoch from min(ended_at)) as earliest,
    extract(epoch from max(ended_at)) as latest
from returned_rentals
where ended_at >= %(period_start)s and ended_at < %(period_end)s
