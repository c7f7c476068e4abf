"""committed - how far a group of consumers says that it has read."""

import os

from confluent_kafka import Consumer, TopicPartition


def is_committed(group, ends):
    """Has the group read these topics that far? ends: topic -> {partition: offset behind the last record}"""
    consumer = Consumer({"bootstrap.servers": os.environ["METAOPS_KAFKA"], "group.id": group})
    try:
        wanted = {(topic, number): end for topic, numbers in ends.items() for number, end in numbers.items() if end}
        found = consumer.committed([TopicPartition(*place) for place in wanted], timeout=30)
        return all(at.offset >= wanted[at.topic, at.partition] for at in found)
    finally:
        consumer.close()
