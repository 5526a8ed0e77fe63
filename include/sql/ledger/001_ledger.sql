-- The delivery ledger: what was sent where, and what people were told and must not be
-- told again. A schema of its own, in any database but the CRM's.
--
-- `make ledger` applies every file here that is missing, in order. Or a DBA does so:
-- psql -1 -v ON_ERROR_STOP=1 -f 001_ledger.sql. Repeating it changes nothing.
--
-- Names, phones and tokens never come in here: what names people has no text.

create schema if not exists sancrm_ledger;

-- Which of these files were applied. The package refuses a ledger of another version.
create table if not exists sancrm_ledger.versions (
    number integer primary key,
    applied_at timestamptz not null default now()
);

-- One row: up to which day reports were posted that this ledger does not know, because
-- it was lost, or because they were pruned. They are not posted by themselves.
create table if not exists sancrm_ledger.horizon (
    is_only boolean primary key default true check (is_only),
    posted_until date not null
);

-- Grain: a message, or one part of a long one, in one chat.
create table if not exists sancrm_ledger.messages (
    id bigint generated always as identity primary key,
    report text collate "C" not null,   -- profitability_daily, missed_calls, …
    period text collate "C" not null,   -- 2026-11-17, 2026-W47, 2026-11
    subject text collate "C" not null, -- network, branch-3, repair-11508
    chat text collate "C" not null,     -- its first id, with the topic: -100123.7
    part integer not null default 1,
    parts integer not null default 1,   -- the most that the message ever had
    day date not null,                  -- the first of the period
    -- waiting: claimed, Telegram was not asked yet; sending: asked, and not answered
    state text not null
    check (state in ('waiting', 'sending', 'sent', 'failed', 'unknown')),
    owner text,                         -- the sender that claimed it last
    owner_task text,                    -- the task that it is a try of
    claimed_until timestamptz,          -- null or past: nobody is sending it
    is_resent boolean not null default false,
    sent_to text not null default '',   -- the chat's id, where the message is now
    message_id bigint,
    text_hash text not null default '', -- empty while an edit is under way
    html text,                          -- null where it names people
    footer text not null default '',
    facts jsonb not null default '{}',
    error text,
    sent_at timestamptz,
    updated_at timestamptz not null,
    dag_id text,                        -- the task that wrote last
    run_id text,
    task_id text,
    map_index integer,
    unique (report, period, subject, chat, part)
);
create index if not exists messages_day on sancrm_ledger.messages (day);

-- Grain: a change of a message after it was sent.
create table if not exists sancrm_ledger.corrections (
    message bigint not null references sancrm_ledger.messages (id) on delete cascade,
    corrected_at timestamptz not null,
    change text not null,
    primary key (message, corrected_at)
);

-- Grain: a period of a report that was computed: the messages that it owes.
create table if not exists sancrm_ledger.expected (
    report text collate "C" not null,
    period text collate "C" not null,
    day date not null,
    mode text not null,                 -- the run's backfill_mode
    branches jsonb not null,            -- names by id
    chats jsonb not null,               -- lists of chats by subject
    updated_at timestamptz not null,
    primary key (report, period)
);

-- Grain: something that ops are told once, and once again when it is over.
create table if not exists sancrm_ledger.incidents (
    name text collate "C" primary key,  -- failure|profitability_daily|2026-11-17
    number integer not null,            -- of its message: it may come back
    is_open boolean not null,
    updated_at timestamptz not null
);

-- Grain: a message that still says "call this customer".
create table if not exists sancrm_ledger.open_calls (
    repair_id text collate "C" not null,
    code text not null,
    chat text collate "C" not null,
    day date not null,
    primary key (repair_id, day, chat)
);

-- Grain: a chat. When its last messages went or are to go; Telegram's own waits.
create table if not exists sancrm_ledger.paces (
    chat text collate "C" primary key,
    slots timestamptz[] not null default '{}',
    is_after_long boolean not null default false,
    blocked_until timestamptz           -- Telegram asked to wait
);

-- Grain: a group that became a supergroup, with another id.
create table if not exists sancrm_ledger.moved_groups (
    old_chat text collate "C" primary key,
    new_chat text collate "C" not null,
    moved_at timestamptz not null
);

-- Grain: one thing that a DAG remembers between its runs.
create table if not exists sancrm_ledger.notes (
    name text collate "C" primary key,
    value jsonb not null,
    updated_at timestamptz not null
);

insert into sancrm_ledger.versions (number) values (1) on conflict do nothing;
