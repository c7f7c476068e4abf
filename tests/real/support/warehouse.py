"""warehouse - the shop's database: a database of its own in the stack's PostgreSQL, with three raw orders."""

import os
from urllib.parse import urlsplit

from own_pipeline import database_dsn, query

TABLES = """
create schema raw;
create schema staging;
create schema mart;
create table raw.orders (order_id int, customer text, amount_cents int, state text);
create table staging.orders (order_id int, customer text, amount_cents int);
create table mart.paid_orders (order_id int, customer text, amount double precision);
insert into raw.orders values (1, 'ada', 1250, 'paid'), (2, 'ben', 800, 'open'), (3, 'ada', 250, 'paid'),
    (4, 'cem', 900, 'paid');
"""


class Warehouse:
    def __init__(self, name):
        self.database = f"shop_{name.rsplit('-', 1)[1]}"
        self.dsn = database_dsn(self.database)
        parts = urlsplit(self.dsn)
        self.user, self.password, self.port = parts.username, parts.password, parts.port
        self.namespace = f"postgres://127.0.0.1:{self.port}"

    def __enter__(self):
        query(os.environ["METAOPS_DSN"], f"create database {self.database}")
        query(self.dsn, TABLES)
        return self

    def __exit__(self, kind, error, trace):
        query(os.environ["METAOPS_DSN"], f"drop database if exists {self.database} with (force)")
