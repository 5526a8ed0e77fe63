-- Indexes that the reports need on a large CRM database: without them a daily report
-- reads whole tables. They can be made while the CRM is in use, one by one:
-- `concurrently` does not stop writers, and cannot run inside a transaction.
--
--     psql --dbname=crm --file=indexes.sql
--
-- An interrupted statement leaves an invalid index of its name: drop it, then repeat.

-- Which repairs were closed in the period? (profitability: revenue, variable costs)
create index concurrently if not exists repairs_closed_at_idx
on repairs (closed_at);

-- Which repairs are over, but have no time? (check of the sources)
create index concurrently if not exists repairs_without_time_idx
on repairs (status_id, id) where closed_at is null;

-- Which parts were used on these repairs? (profitability: revenue, variable costs)
create index concurrently if not exists repair_parts_repair_id_idx
on repair_parts (repair_id);

-- Which services were done on these repairs? (profitability: revenue)
create index concurrently if not exists repair_services_repair_id_idx
on repair_services (repair_id);

-- Which rentals were returned in the period? (profitability: revenue)
create index concurrently if not exists rentals_ended_at_idx
on rentals (ended_at);

-- Which customers are to be called back? Few repairs of many. (missed calls)
create index concurrently if not exists repairs_needs_callback_idx
on repairs (status_id) where needs_callback;

-- Since when has a repair had its status? (missed calls: the wait)
create index concurrently if not exists repair_status_changes_repair_id_idx
on repair_status_changes (repair_id, status_id, changed_at);
