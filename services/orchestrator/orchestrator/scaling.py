"""Who may change the number of drivers, and to what: the rules before the cluster is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from orchestrator.cluster_trouble import ClusterError, trouble
from orchestrator.fleet_size import (
    NO_CLUSTER,
    SCALED_ELSEWHERE,
    fleet_size,
    fleet_without_cluster,
)
from orchestrator.operations import (
    Fleet,
    NotOnKubernetesError,
    ScaledElsewhereError,
    TooManyDriversError,
    UnavailableError,
)
from orchestrator.workload import ClusterView
from spate.plan import PlanProblem

_NO_DEPLOYMENT = 404


class Watched(Protocol):
    """The Deployment of the drivers; ``orchestrator.fleet_watch`` has it."""

    def view(self) -> ClusterView:
        """Return it as last seen."""

    async def scale(self, replicas: int) -> int:
        """Set the number of pods; return the number that is wanted then.

        Raises:
            ClusterError: if the cluster refuses, or nothing worked in time.
        """

    async def run(self) -> None:
        """Follow it until cancelled."""


class Scaling:
    """The fleet's size, and how it is changed.

    ``watched`` None: there is no cluster. ``enabled`` False: an autoscaler owns the number.
    """

    def __init__(
        self, watched: Watched | None = None, *, enabled: bool = True, max_drivers: int = 100
    ) -> None:
        self.watched = watched
        self._enabled = enabled
        self._max_drivers = max_drivers

    def fleet(self, eligible: int, heard: Collection[str]) -> Fleet:
        """Return the fleet as last seen; ``heard`` are the ids of drivers that are not lost."""
        if self.watched is None:
            return fleet_without_cluster(eligible)
        return fleet_size(self.watched.view(), eligible, heard, scaling=self._enabled)

    async def scale(self, replicas: int, eligible: int, heard: Collection[str]) -> Fleet:
        """Set the number of driver pods, see ``Operations.scale``."""
        if self.watched is None:
            raise NotOnKubernetesError(NO_CLUSTER)
        if not self._enabled:
            raise ScaledElsewhereError(SCALED_ELSEWHERE)
        if replicas > self._max_drivers:
            message = f"must be at most {self._max_drivers}; --max-drivers allows more"
            raise TooManyDriversError((PlanProblem("replicas", message),))
        try:
            desired = await self.watched.scale(replicas)
        except ClusterError as error:
            view = self.watched.view()
            text = trouble(error, "scale", view.namespace, view.deployment)
            if error.status == _NO_DEPLOYMENT:
                raise NotOnKubernetesError(text) from None
            raise UnavailableError(text) from None
        # The view follows in a moment; who asked is told what is wanted now.
        return replace(self.fleet(eligible, heard), desired=desired)
