-- Question:   when did the first repair or rental end?
-- Grain:      one row; null where there is none
-- Parameters: as profitability.sql, of a period that holds all rows
-- Unit:       an instant
with

closed_repairs as not materialized (
    {% include "sources/closed_repairs.sql" %}
),

returned_rentals as not materialized (
    {% include "sources/returned_rentals.sql" %}
)

select
    least(
        (
            select min(closed_at) from closed_repairs
            where closed_at >= %(period_start)s
        ),
        (
            select min(ended_at) from returned_rentals
            where ended_at >= %(period_start)s
        )
    ) as first_at
