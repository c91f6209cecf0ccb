"""What orchestrator, driver and CLI share: the load, the numbers and the words on the wire."""
