"""The driver: sends what it was granted, on time, and measures it."""
