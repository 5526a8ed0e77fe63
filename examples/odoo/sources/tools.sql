-- The repair module knows no tools that are rented out.
select
    null::bigint as tool_id,
    null::text as tool_name
where false
