-- The states of repair.order, as missed_calls.statuses names them.
select state.status_name
from (
    values
    ('Черновик'),
    ('Подтверждён'),
    ('В ремонте'),
    ('Готов'),
    ('К оплате'),
    ('Закрыт'),
    ('Отменён')
) as state (status_name)
