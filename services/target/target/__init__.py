"""A sample target that counts for itself. It imports nothing else of Spate."""
