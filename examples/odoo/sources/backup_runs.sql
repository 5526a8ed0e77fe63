-- Odoo writes no table of backups: watch the files in place of it (docs/backups.md).
select
    null::bigint as run_id,
    null::text as database,  -- noqa: RF04
    null::timestamptz as started_at,
    null::timestamptz as finished_at,
    null::text as status,
    null::bigint as size_bytes,
    null::text as location,  -- noqa: RF04
    null::text as error
where false
