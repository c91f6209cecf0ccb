"""Everything that goes wrong for a caller is an RFC 9457 problem with ``errors``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from orchestrator.api.models import Problem, ProblemDetail
from orchestrator.archive import ArchiveError
from orchestrator.operations import (
    KeyConflictError,
    NotOnKubernetesError,
    OperationError,
    QueueFullError,
    ScaledElsewhereError,
    TargetNotAllowedError,
    TooManyDriversError,
    UnavailableError,
    UnknownRunError,
    WrongStateError,
)
from spate.bus import BusError
from spate.plan import PlanProblem

PROBLEM_JSON = "application/problem+json"

TYPE_PREFIX = "urn:spate:problem:"

RETRY_SOON = {"Retry-After": "1"}
"""Headers of what may work again soon."""

_MOST_ERRORS = 200
_SHOWN_ERRORS = 3

_LOG = logging.getLogger(__name__)

_OPERATION_ERRORS: tuple[tuple[type[OperationError], int, str, str], ...] = (
    (TargetNotAllowedError, 403, "target-not-allowed", "The target is not allowed"),
    (QueueFullError, 409, "queue-full", "The queue is full"),
    (KeyConflictError, 409, "key-conflict", "The Idempotency-Key was used with another body"),
    (WrongStateError, 409, "wrong-state", "The run's state does not allow this"),
    (NotOnKubernetesError, 409, "not-on-kubernetes", "There is no Deployment to scale"),
    (ScaledElsewhereError, 409, "scaled-elsewhere", "The number of drivers is not set here"),
    (TooManyDriversError, 422, "too-many-drivers", "There may not be so many drivers"),
    (UnknownRunError, 404, "unknown-run", "There is no such run"),
    (UnavailableError, 503, "unavailable", "Spate cannot do this now"),
)


class ApiProblemError(Exception):
    """Ends a call with a problem. ``kind`` is the last part of the problem's ``type``."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        errors: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = Problem(
            type=TYPE_PREFIX + kind,
            title=title,
            status=status,
            detail=detail,
            errors=[ProblemDetail(path=path, message=message) for path, message in errors],
        )
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """Return the problem as a response."""
        return JSONResponse(
            self.problem.model_dump(),
            status_code=self.status,
            headers={"Cache-Control": "no-store", **self.headers},
            media_type=PROBLEM_JSON,
        )


def bad_request(errors: Iterable[tuple[str, str]]) -> ApiProblemError:
    """Return the 422 for a call whose form is wrong."""
    found = list(errors)[:_MOST_ERRORS]
    first = "; ".join(
        f"{path}: {message}" if path else message for path, message in found[:_SHOWN_ERRORS]
    )
    detail = first if len(found) <= _SHOWN_ERRORS else f"{first}; …"
    return ApiProblemError(
        422, "bad-request", "The request is not understood", detail, errors=found
    )


def bad_plan(problems: Iterable[PlanProblem]) -> ApiProblemError:
    """Return the 422 for a plan that breaks the rules; it lists all of them."""
    found = [(problem.path, problem.message) for problem in problems]
    detail = "the plan has 1 error" if len(found) == 1 else f"the plan has {len(found)} errors"
    return ApiProblemError(422, "bad-plan", "The plan is not valid", detail, errors=found)


def unknown_run(run_id: str) -> ApiProblemError:
    """Return the 404 for a run that is neither under way nor in the archive."""
    detail = f"no run {run_id[:64]!r} is under way or in the archive"
    return ApiProblemError(404, "unknown-run", "There is no such run", detail)


def unavailable(detail: str) -> ApiProblemError:
    """Return the 503 for what may work again soon."""
    title = "Spate cannot do this now"
    return ApiProblemError(503, "unavailable", title, detail, headers=RETRY_SOON)


def _of_operation(error: OperationError) -> ApiProblemError:
    for class_, status, kind, title in _OPERATION_ERRORS:
        if isinstance(error, class_):
            errors = (
                [(problem.path, problem.message) for problem in error.problems]
                if isinstance(error, TargetNotAllowedError | TooManyDriversError)
                else []
            )
            headers = RETRY_SOON if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
            return ApiProblemError(status, kind, title, str(error), errors=errors, headers=headers)
    return unavailable(str(error))


def _of_http(error: HTTPException, request: Request) -> ApiProblemError:
    """Turn what the router says (404, 405) into a problem."""
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path[:200]}; see /docs",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method[:20]} is not possible here; see Allow",
    }.get(status, str(error.detail))
    kind = status.phrase.lower().replace(" ", "-")
    return ApiProblemError(status, kind, status.phrase, detail, headers=error.headers)


def _of_validation(error: RequestValidationError) -> ApiProblemError:
    """Name the parameter as the caller wrote it: ``("query", "limit")`` → ``limit``."""
    return bad_request(
        (".".join(str(part) for part in one["loc"][1:]), str(one["msg"])) for one in error.errors()
    )


def install_handlers(app: FastAPI) -> None:
    """Make the app answer every error with a problem."""

    async def on_problem(_: Request, error: Any) -> JSONResponse:
        problem: ApiProblemError = error
        return problem.response()

    async def on_operation(_: Request, error: Any) -> JSONResponse:
        return _of_operation(error).response()

    async def on_archive(_: Request, error: Any) -> JSONResponse:
        _LOG.error("%s", error)
        return unavailable("the archive does not answer; see the orchestrator's log").response()

    async def on_bus(_: Request, error: Any) -> JSONResponse:
        return unavailable(f"Kafka did not take it: {error}").response()

    async def on_http(request: Request, error: Any) -> JSONResponse:
        return _of_http(error, request).response()

    async def on_validation(_: Request, error: Any) -> JSONResponse:
        return _of_validation(error).response()

    async def on_defect(_: Request, error: Any) -> JSONResponse:
        detail = "a defect of Spate; the orchestrator's log has the trace"
        title = HTTPStatus.INTERNAL_SERVER_ERROR.phrase
        _LOG.error("unexpected %s", type(error).__name__)
        return ApiProblemError(500, "internal", title, detail).response()

    app.add_exception_handler(ApiProblemError, on_problem)
    app.add_exception_handler(OperationError, on_operation)
    app.add_exception_handler(ArchiveError, on_archive)
    app.add_exception_handler(BusError, on_bus)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(Exception, on_defect)
