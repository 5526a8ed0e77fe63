-- Customers. Names people: it is read only for somebody who asks for names.
select
    res_partner.id as customer_id,
    res_partner.name as customer_name
from res_partner
