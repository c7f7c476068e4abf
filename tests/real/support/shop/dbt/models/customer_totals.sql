select customer, sum(amount) as total
from {{ source('mart', 'paid_orders') }}
group by customer
