-- Repairs that are done or cancelled. When that was only the log of changes knows: the
-- latest change of the state, in UTC without a zone. Without the period all of the log
-- would be read. A repair without such a line, as an import leaves it, is not here.
with

latest_changes as (
    select
        mail_message.res_id as repair_id,
        max(mail_message.date) at time zone 'UTC' as changed_at
    from mail_message
    inner join mail_tracking_value
        on mail_message.id = mail_tracking_value.mail_message_id
    inner join ir_model_fields
        on
            mail_tracking_value.field = ir_model_fields.id
            and ir_model_fields.model = 'repair.order'
            and ir_model_fields.name = 'state'
    where
        %(period_start)s::timestamptz at time zone 'UTC' <= mail_message.date
        and mail_message.model = 'repair.order'
    group by mail_message.res_id
)

select
    repair_order.id as repair_id,
    repair_order.company_id as branch_id,
    latest_changes.changed_at as closed_at,
    repair_order.state = 'done' as is_success
from repair_order
inner join latest_changes on repair_order.id = latest_changes.repair_id
where repair_order.state in ('done', 'cancel')
