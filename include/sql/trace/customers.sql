-- Question:   what are customers called?
-- Grain:      one row per customer; names people
-- Parameters: customer_ids, a list of texts
with

customers as (
    {% include "sources/customers.sql" %}
)

select
    customer_id,
    customer_name
from customers
where customer_id::text = any (%(customer_ids)s)
