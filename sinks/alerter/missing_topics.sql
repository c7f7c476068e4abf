-- Topics whose ends have to be known before what seems to be missing can be told, with commas between; null: nothing seems to be.
select string_agg(t, ',') from graph.missing_topics() t
