-- What is rented out: one row per tool.
select
    tools.id as tool_id,
    tools.model || ' (' || tools.inventory_number || ')' as tool_name
from tools
