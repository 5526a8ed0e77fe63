-- Question:   until when are the CRM's data complete, as this server has them?
-- Grain:      one row for all, or one per branch: the report waits for the earliest
-- Parameters: period_end (instant)
-- Unit:       complete_until is an instant, null where nobody knows; the report is
--             complete where it is not before period_end
-- A replica knows. Of a server that is none, which a nightly load may fill, the newest
-- movement tells: one after the period; or one not longer before its end than in the
-- eight weeks before, two hours more allowed. Measured: docs/decisions/0072.
-- Where the CRM's load leaves a mark of its own, select that in place of all this:
--     select null::bigint as branch_id, loaded_until as complete_until from crm_loads
with

closed_repairs as not materialized (
    {% include "sources/closed_repairs.sql" %}
),

returned_rentals as not materialized (
    {% include "sources/returned_rentals.sql" %}
),

-- Caught up while it is connected, or as far as it has replayed.
replica as (
    select
        case
            when
                pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()
                and exists (select from pg_stat_wal_receiver)
                then now()
            else pg_last_xact_replay_timestamp()
        end as complete_until
    where pg_is_in_recovery()
),

period as (
    select %(period_end)s::timestamptz as ends_at
    where not pg_is_in_recovery()
),

period_ends as (
    select
        weeks_ago,
        period.ends_at - weeks_ago * interval '7 days' as ends_at
    from period
    cross join generate_series(0, 8) as weeks_ago
),

newest as (
    select
        period_ends.weeks_ago,
        period_ends.ends_at,
        greatest(repair.closed_at, rental.ended_at) as moved_at
    from period_ends
    left join lateral (
        select closed_repairs.closed_at
        from closed_repairs
        where closed_repairs.closed_at < period_ends.ends_at
        order by closed_repairs.closed_at desc
        limit 1
    ) as repair on true
    left join lateral (
        select returned_rentals.ended_at
        from returned_rentals
        where returned_rentals.ended_at < period_ends.ends_at
        order by returned_rentals.ended_at desc
        limit 1
    ) as rental on true
),

lags as (
    select
        max(moved_at) filter (where weeks_ago = 0) as moved_at,
        max(ends_at - moved_at) filter (where weeks_ago = 0) as lag,
        max(ends_at - moved_at) filter (where weeks_ago > 0) as usual_lag,
        count(moved_at) filter (where weeks_ago > 0) as week_count
    from newest
    having count(*) > 0
),

-- A time in the far future is a mistake of its own: check_sources tells.
has_gone_on as (
    select
        exists (
            select from closed_repairs
            where closed_at >= %(period_end)s and closed_at < '2100-01-01'
        )
        or exists (
            select from returned_rentals
            where ended_at >= %(period_end)s and ended_at < '2100-01-01'
        ) as is_so
)

select
    null::bigint as branch_id,
    complete_until
from replica
union all
select
    null as branch_id,
    case
        when has_gone_on.is_so then now()
        when lags.week_count < 4 then now()
        when lags.lag <= lags.usual_lag + interval '2 hours' then now()
        else lags.moved_at
    end as complete_until
from lags
cross join has_gone_on
