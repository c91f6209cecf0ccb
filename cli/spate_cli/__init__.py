"""The spate command."""
