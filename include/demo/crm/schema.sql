-- The demo CRM's tables: the reference schema, which a real installation need not
-- share. Money is numeric(12, 2) in roubles, times are timestamptz.
-- sqlfluff:exclude_rules:references.keywords

create table branches (
    id bigint primary key,
    name text not null,
    code_prefix text not null,
    city text,
    is_active boolean not null,
    opened_on date,
    closed_on date
);

create table repair_statuses (
    id bigint primary key,
    code text not null unique,
    name text not null,
    status_group text not null,
    is_final boolean not null,
    check (
        status_group in (
            'new', 'diagnostics', 'to_do', 'in_progress', 'on_hold', 'ready', 'refused',
            'closed_success', 'closed_failure'
        )
    )
);

create table categories (
    id bigint primary key,
    name text not null
);

create table brands (
    id bigint primary key,
    name text not null
);

create table customers (
    id bigint primary key,
    name text not null,
    phone text not null unique,
    company_name text
);

create table repairs (
    id bigint primary key,
    branch_id bigint not null references branches (id),
    number integer not null,
    customer_id bigint not null references customers (id),
    category_id bigint not null references categories (id),
    brand_id bigint references brands (id),
    model text,
    status_id bigint not null references repair_statuses (id),
    needs_callback boolean not null,
    prepayment numeric(12, 2) not null,
    accepted_at timestamptz not null,
    -- The time of the latest change into a final status; null while not in one.
    closed_at timestamptz,
    unique (branch_id, number)
);

create table repair_status_changes (
    id bigint primary key,
    repair_id bigint not null references repairs (id),
    status_id bigint not null references repair_statuses (id),
    changed_at timestamptz not null,
    comment text
);

create table repair_services (
    id bigint primary key,
    repair_id bigint not null references repairs (id),
    name text not null,
    price numeric(12, 2) not null,
    quantity numeric(10, 3) not null,
    discount numeric(12, 2) not null
);

create table repair_parts (
    id bigint primary key,
    repair_id bigint not null references repairs (id),
    product_name text not null,
    quantity numeric(10, 3) not null,
    -- Null where nobody entered what the part cost.
    purchase_price numeric(12, 2),
    sale_price numeric(12, 2) not null,
    discount numeric(12, 2) not null,
    is_written_off boolean not null
);

create table tools (
    id bigint primary key,
    branch_id bigint not null references branches (id),
    category_id bigint not null references categories (id),
    brand_id bigint references brands (id),
    model text not null,
    inventory_number text not null,
    price_per_day numeric(12, 2) not null
);

create table rentals (
    id bigint primary key,
    branch_id bigint not null references branches (id),
    tool_id bigint not null references tools (id),
    customer_id bigint not null references customers (id),
    status text not null check (status in ('rented', 'returned')),
    price_per_day numeric(12, 2) not null,
    started_at timestamptz not null,
    expected_end_at timestamptz not null,
    ended_at timestamptz,
    total numeric(12, 2)
);

create table fixed_costs (
    id bigint primary key,
    -- Null: a cost of the whole network.
    branch_id bigint references branches (id),
    name text not null,
    amount_per_month numeric(12, 2) not null,
    valid_from date not null,
    -- Exclusive; null: still valid.
    valid_to date
);

-- What a branch is to earn in a month.
create table plans (
    id bigint primary key,
    month date not null check (extract(day from month) = 1),
    -- Null: the plan of the whole network.
    branch_id bigint references branches (id),
    figure text not null check (figure in ('profit', 'revenue')),
    amount numeric(12, 2) not null
);

create table backup_runs (
    id bigint primary key,
    database text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    status text not null check (status in ('running', 'succeeded', 'failed')),
    size_bytes bigint,
    location text,
    error text
);

-- By these marks the loader knows the tables that it may drop.
comment on table branches is 'SanCRM demo';
comment on table repair_statuses is 'SanCRM demo';
comment on table categories is 'SanCRM demo';
comment on table brands is 'SanCRM demo';
comment on table customers is 'SanCRM demo';
comment on table repairs is 'SanCRM demo';
comment on table repair_status_changes is 'SanCRM demo';
comment on table repair_services is 'SanCRM demo';
comment on table repair_parts is 'SanCRM demo';
comment on table tools is 'SanCRM demo';
comment on table rentals is 'SanCRM demo';
comment on table fixed_costs is 'SanCRM demo';
comment on table plans is 'SanCRM demo';
comment on table backup_runs is 'SanCRM demo';
