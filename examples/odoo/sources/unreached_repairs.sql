-- Repairs with an activity of the kind «call» that nobody has done: Odoo deletes those
-- that are done. Names of products are jsonb, by language. Names people.
with

calls as (
    select
        mail_activity.res_id as repair_id,
        min(mail_activity.create_date) at time zone 'UTC' as asked_at
    from mail_activity
    inner join mail_activity_type
        on mail_activity.activity_type_id = mail_activity_type.id
    where
        mail_activity.res_model = 'repair.order'
        and mail_activity_type.category = 'phonecall'
    group by mail_activity.res_id
)

select
    repair_order.id as repair_id,
    repair_order.name as repair_number,
    repair_order.name as repair_code,
    case repair_order.state
        when 'draft' then 'Черновик'
        when 'confirmed' then 'Подтверждён'
        when 'under_repair' then 'В ремонте'
        when 'ready' then 'Готов'
        when '2binvoiced' then 'К оплате'
        when 'done' then 'Закрыт'
        else 'Отменён'
    end as status_name,
    calls.asked_at as status_since,
    repair_order.create_date at time zone 'UTC' as accepted_at,
    product_category.name as category_name,
    null::text as brand_name,
    coalesce(
        product_template.name ->> 'ru_RU', product_template.name ->> 'en_US'
    ) as model,  -- noqa: RF04
    res_partner.name as customer_name,
    coalesce(res_partner.mobile, res_partner.phone) as customer_phone,
    employer.name as company_name
from repair_order
inner join calls on repair_order.id = calls.repair_id
left join res_partner on repair_order.partner_id = res_partner.id
left join res_partner as employer on res_partner.parent_id = employer.id
left join product_product on repair_order.product_id = product_product.id
left join product_template on product_product.product_tmpl_id = product_template.id
left join product_category on product_template.categ_id = product_category.id
