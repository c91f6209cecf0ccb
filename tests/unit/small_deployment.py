"""A double of the watched Deployment: what is known of it is what a test says."""

from __future__ import annotations

import asyncio

from orchestrator.cluster_trouble import ClusterError
from orchestrator.workload import ClusterView


class SmallDeployment:
    """A Deployment of which everything is known."""

    def __init__(self, seen: ClusterView, error: ClusterError | None = None) -> None:
        self.seen = seen
        self.error = error
        self.asked: list[int] = []

    def view(self) -> ClusterView:
        """Return what is known."""
        return self.seen

    async def scale(self, replicas: int) -> int:
        """Do as asked, or fail."""
        self.asked.append(replicas)
        if self.error is not None:
            raise self.error
        return replicas

    async def run(self) -> None:
        """There is nothing to follow; like the real one it does not end by itself."""
        await asyncio.Event().wait()
