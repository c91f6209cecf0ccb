"""What OpenAPI says of each call, and the document as a whole.

Bodies are read by our own strict reader, so FastAPI does not know their models: the calls name
them here and the document gets their schemas.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from orchestrator.api.models import Problem
from orchestrator.api.plan_models import ScaleRequest, StartRequest, ValidateRequest
from orchestrator.api.view_models import StreamEvent

_REF = "#/components/schemas/"

_ANSWERS = {
    200: "As described.",
    201: "The run as it was made; Location says where it is.",
}

_PROBLEMS = {
    403: "The target is not allowed, or the call comes from another site.",
    404: "There is no such run.",
    408: "The body did not come in time.",
    409: "The state of things does not allow this.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The plan or the request has errors; all are listed.",
    503: "Not now: Kafka, the archive or the cluster cannot be reached.",
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body lead to the same run; another body is a 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def describe(
    *,
    body: type[BaseModel] | None = None,
    answers: dict[int, Any] | None = None,
    problems: tuple[int, ...] = (),
    stream: bool = False,
    text: str | None = None,
) -> dict[str, Any]:
    """Return the keyword arguments of a route that describe it.

    ``answers`` maps a status to its model, ``problems`` are the statuses of problems, ``stream``
    says that the 200 is server-sent events, ``text`` that it is text of this media type.
    """
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": model, "description": _ANSWERS[status]}
        for status, model in (answers or {}).items()
    }
    if stream:
        schema = {"$ref": f"{_REF}StreamEvent"}
        responses[200] = _content("Events until the run has ended.", "text/event-stream", schema)
    if text is not None:
        responses[200] = _content("As described.", text, {"type": "string"})
    for status in problems:
        schema = {"$ref": f"{_REF}Problem"}
        responses[status] = _content(_PROBLEMS[status], "application/problem+json", schema)
    # Answers are made by the routes themselves: nothing is checked or filtered on the way out.
    described: dict[str, Any] = {"responses": responses, "response_model": None}
    if stream:
        described["response_class"] = StreamingResponse
    if text is not None:
        described["response_class"] = Response
    if body is not None:
        schema = {"$ref": f"{_REF}{body.__name__}"}
        content = {"application/json": {"schema": schema}}
        extra: dict[str, Any] = {"requestBody": {"required": True, "content": content}}
        if body is StartRequest:
            extra["parameters"] = [_IDEMPOTENCY_KEY]
        described["openapi_extra"] = extra
    return described


def install_openapi(app: FastAPI) -> None:
    """Make the app describe itself with all schemas, once."""
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not document:
            document.update(_document(app))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _content(description: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
    )
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            # A route with nothing to declare still gets FastAPI's own 200 and 422.
            responses = operation["responses"]
            for status in [s for s in responses if _is_foreign(responses[s])]:
                del responses[status]
            operation["responses"] = dict(sorted(responses.items()))
    _add(schemas, [Problem, StreamEvent], "serialization")
    _add(schemas, [StartRequest, ValidateRequest, ScaleRequest], "validation")
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _is_foreign(response: dict[str, Any]) -> bool:
    return "HTTPValidationError" in json.dumps(response)


def _add(
    schemas: dict[str, Any],
    models: list[type[BaseModel]],
    mode: Literal["validation", "serialization"],
) -> None:
    """Add the schemas of models; what has the name of another schema is called ``…Input``.

    A plan that is sent may leave keys out, a plan that is shown has them all: two schemas.
    """
    _, made = models_json_schema([(model, mode) for model in models], ref_template=_REF + "{model}")
    definitions: dict[str, Any] = made["$defs"]
    taken = {name for name in definitions if mode == "validation" and name in schemas}
    text = json.dumps(definitions)
    for name in taken:
        text = text.replace(f'"{_REF}{name}"', f'"{_REF}{name}Input"')
    for name, schema in json.loads(text).items():
        schemas[f"{name}Input" if name in taken else name] = schema
