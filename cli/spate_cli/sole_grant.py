"""What an orchestrator would say before the start to the only driver of a fleet."""

from __future__ import annotations

from spate.messages import Grant, Grants, PlanDocument
from spate.plan import Plan
from spate.report_facts import LedgerFacts


def sole_grant(plan: Plan, run_id: str, ledger: LedgerFacts) -> tuple[PlanDocument, Grants]:
    """Return the plan, and the grant of what the only term of the ledger owns."""
    digest = plan.digest()
    (owner,) = ledger.terms
    grant = Grant(
        driver_id=owner.driver_id,
        boot_id=owner.boot_id,
        term=owner.term,
        closed_through=0,
        ranges=owner.ranges,
    )
    return (
        PlanDocument(epoch=0, run_id=run_id, digest=digest, plan=plan.to_document()),
        Grants(
            epoch=0,
            run_id=run_id,
            revision=1,
            part=0,
            parts=1,
            plan_digest=digest,
            count=ledger.planned,
            drivers_at_start=1,
            grants=(grant,),
        ),
    )
