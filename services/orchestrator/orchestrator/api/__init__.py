"""The REST API: what people and scripts can ask of Spate."""

from orchestrator.api.app import create_app
from orchestrator.api.server import ApiServer

__all__ = ["ApiServer", "create_app"]
