-- The tables of Odoo 16 that examples/odoo reads, with the columns that matter, as its
-- models define them: times without a zone, names of products and types as jsonb.
create table res_company (id serial primary key, name varchar not null, active boolean);
create table res_partner (
    id serial primary key,
    name varchar,
    phone varchar,
    mobile varchar,
    parent_id integer references res_partner,
    active boolean,
    write_date timestamp
);
create table product_category (id serial primary key, name varchar not null);
create table product_template (
    id serial primary key,
    name jsonb not null,
    categ_id integer not null references product_category
);
create table product_product (
    id serial primary key,
    product_tmpl_id integer not null references product_template
);
create table repair_order (
    id serial primary key,
    name varchar not null,
    company_id integer not null references res_company,
    partner_id integer references res_partner,
    product_id integer not null references product_product,
    state varchar,
    create_date timestamp,
    write_date timestamp
);
create table repair_fee (
    id serial primary key,
    repair_id integer not null references repair_order,
    name text not null,
    price_unit numeric not null,
    product_uom_qty numeric not null,
    price_subtotal numeric,
    write_date timestamp
);
create table stock_move (id serial primary key, state varchar);
create table repair_line (
    id serial primary key,
    repair_id integer not null references repair_order,
    name text not null,
    type varchar not null,
    state varchar,
    price_unit numeric not null,
    product_uom_qty numeric not null,
    price_subtotal numeric,
    move_id integer references stock_move,
    write_date timestamp
);
create table stock_valuation_layer (
    id serial primary key,
    stock_move_id integer references stock_move,
    value numeric,
    quantity numeric,
    create_date timestamp
);
create table ir_model_fields (
    id serial primary key,
    model varchar not null,
    name varchar not null
);
create table mail_message (
    id serial primary key,
    model varchar,
    res_id integer,
    date timestamp
);
create table mail_tracking_value (
    id serial primary key,
    field integer not null references ir_model_fields,
    old_value_char varchar,
    new_value_char varchar,
    mail_message_id integer not null references mail_message
);
create table mail_activity_type (
    id serial primary key,
    name jsonb not null,
    category varchar
);
create table mail_activity (
    id serial primary key,
    res_model varchar,
    res_id integer,
    activity_type_id integer references mail_activity_type,
    create_date timestamp
);
