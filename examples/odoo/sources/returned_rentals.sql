-- The repair module knows no rentals. With account.has_rentals = false the reports say
-- nothing of them.
select
    null::bigint as rental_id,
    null::bigint as branch_id,
    null::bigint as tool_id,
    null::bigint as customer_id,
    null::numeric as price_per_day,
    null::timestamptz as started_at,
    null::timestamptz as ended_at,
    null::numeric as total
where false
