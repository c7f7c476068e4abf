select max(total) as best_total
from {{ ref('customer_totals') }}
