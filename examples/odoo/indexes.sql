-- Indexes that the reports need beside Odoo's own, which has one on each key between
-- tables. They can be made while Odoo is in use:
--
--     psql --dbname=odoo --file=indexes.sql

-- Which repairs changed their state since the period began? (closed_repairs)
create index concurrently if not exists mail_message_repair_date_idx
on mail_message (date) where model = 'repair.order';

-- What did a part cost? (part_lines)
create index concurrently if not exists stock_valuation_layer_stock_move_id_idx
on stock_valuation_layer (stock_move_id);
