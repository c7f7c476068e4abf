-- Messages about alerts that others explain go: $1 are looked at, the oldest first. The last of them when there may be more.
select graph.attach_symptoms($1::integer)
