-- None: the reports say that there is no data.
select
    null::bigint as cost_id,
    null::bigint as branch_id,
    null::text as cost_name,
    null::numeric as amount_per_month,
    null::date as valid_from,
    null::date as valid_to
where false
