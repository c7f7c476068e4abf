-- Where tail begins.
select clock_timestamp()
