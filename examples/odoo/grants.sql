-- The account that reads Odoo's database: it may read what the sources name.
create role sancrm_reports login password 'choose-one';
alter role sancrm_reports set default_transaction_read_only = on;
grant usage on schema public to sancrm_reports;
grant select on res_company, res_partner to sancrm_reports;
grant select on repair_order, repair_fee, repair_line to sancrm_reports;
grant select on mail_message, mail_tracking_value to sancrm_reports;
grant select on mail_activity, mail_activity_type to sancrm_reports;
grant select on product_product, product_template to sancrm_reports;
grant select on product_category, ir_model_fields to sancrm_reports;
grant select on stock_valuation_layer to sancrm_reports;
