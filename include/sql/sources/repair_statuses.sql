-- The statuses that a repair can be in, as people name them: one row each.
select repair_statuses.name as status_name
from repair_statuses
