-- Parts that were put in: neither what was taken out, nor cancelled lines. A line as a
-- whole, so that no price is divided. What it cost is the value of its stock move; null
-- where there is none.
select
    repair_line.id as line_id,
    repair_line.repair_id,
    repair_line.name as product_name,
    1 as quantity,
    (
        select -sum(stock_valuation_layer.value)
        from stock_valuation_layer
        where stock_valuation_layer.stock_move_id = repair_line.move_id
    ) as purchase_price,
    repair_line.price_subtotal as sale_price,
    0 as discount,
    coalesce(repair_line.state = 'done', false) as is_written_off
from repair_line
where
    repair_line.type = 'add'
    and repair_line.state is distinct from 'cancel'
