"""paid_orders - the Spark step: staging.orders in cents becomes mart.paid_orders in euros, both by JDBC."""

import os

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

jdbc = {
    "url": os.environ["SHOP_JDBC_URL"],
    "user": os.environ["SHOP_USER"],
    "password": os.environ["SHOP_PASSWORD"],
    "driver": "org.postgresql.Driver",
}
spark = SparkSession.builder.appName("paid_orders").getOrCreate()
orders = spark.read.format("jdbc").options(**jdbc, dbtable="staging.orders").load()
paid = orders.select("order_id", "customer", (col("amount_cents") / 100).alias("amount"))
paid.write.format("jdbc").options(**jdbc, dbtable="mart.paid_orders", truncate="true").mode("overwrite").save()
spark.stop()
