"""A real Apache Kafka on this machine, with nothing to install by hand."""

from localkafka.broker import BrokerError, LocalKafka, stop
from localkafka.jars import FetchError, fetch

__all__ = ["BrokerError", "FetchError", "LocalKafka", "fetch", "stop"]
