-- What feeds the column total of report.revenue?
select depth, namespace, name, field, via_job_name as through
from metaops.column_upstream('pg://questions', 'report.revenue', 'total')
order by depth, name, field;
