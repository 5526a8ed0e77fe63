-- Who brought a repair or rented a tool: one row per customer. Names people: it is read
-- only for somebody who asks for names.
select
    customers.id as customer_id,
    customers.name as customer_name
from customers
