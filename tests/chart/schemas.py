"""JSON Schemas of the objects whose kinds Kubernetes itself does not know.

They hold the fields that the chart writes, as the projects document them: another field is an
error, because a field that is not known there is dropped in silence.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
COUNT: Schema = {"type": "integer", "minimum": 1}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": required | (optional or {}),
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": items}


def _kind(group_version: str, spec: Schema, labels: Schema | None = None) -> Schema:
    metadata = _object(
        {"name": TEXT, "labels": labels or TEXTS}, {"namespace": TEXT, "annotations": TEXTS}
    )
    head = {"apiVersion": {"const": group_version}, "kind": TEXT, "metadata": metadata}
    return _object(head | {"spec": spec})


STRIMZI = "kafka.strimzi.io/v1"
_OF_CLUSTER = TEXTS | {"required": ["strimzi.io/cluster"]}
_MATCH = _object({"matchLabels": TEXTS})
_SECURITY: Schema = {"type": "object"}
_RESOURCES = _object({"requests": {"type": "object"}, "limits": {"type": "object"}})
_LISTENER = _object(
    {
        "name": {"type": "string", "pattern": "^[a-z0-9]{1,11}$"},
        "port": {"type": "integer", "minimum": 9092},
        "type": {"const": "internal"},
        "tls": {"type": "boolean"},
    },
    {"networkPolicyPeers": _list(_object({"podSelector": _MATCH}))},
)
_OPERATOR = _object(
    {"topicOperator": {"type": "object", "maxProperties": 0}},
    {
        "template": _object(
            {
                "pod": _object({"securityContext": _SECURITY}),
                "topicOperatorContainer": _object(
                    {
                        "env": _list(_object({"name": TEXT, "value": TEXT})),
                        "securityContext": _SECURITY,
                    }
                ),
            }
        )
    },
)
_VOLUME = _object(
    {
        "id": {"type": "integer", "minimum": 0},
        "type": {"const": "persistent-claim"},
        "size": TEXT,
        "kraftMetadata": {"const": "shared"},
        "deleteClaim": {"type": "boolean"},
    },
    {"class": TEXT},
)
_ALERT = _object(
    {"alert": TEXT, "expr": TEXT, "labels": TEXTS, "annotations": TEXTS}, {"for": TEXT}
)

OF_KIND: dict[str, Schema] = {
    "Kafka": _kind(
        STRIMZI,
        _object(
            {
                "kafka": _object(
                    {
                        "version": {"type": "string", "pattern": "^4\\.[0-9]+\\.[0-9]+$"},
                        "listeners": _list(_LISTENER),
                        "config": {"type": "object", "minProperties": 1},
                    }
                ),
                "entityOperator": _OPERATOR,
            }
        ),
        {"type": "object"},
    ),
    "KafkaNodePool": _kind(
        STRIMZI,
        _object(
            {
                "replicas": COUNT,
                "roles": {"const": ["controller", "broker"]},
                "storage": _object({"type": {"const": "jbod"}, "volumes": _list(_VOLUME)}),
                "jvmOptions": _object({"-Xms": TEXT, "-Xmx": TEXT}),
                "resources": _RESOURCES,
                "template": _object(
                    {
                        "pod": _object({"securityContext": _SECURITY}),
                        "kafkaContainer": _object({"securityContext": _SECURITY}),
                    }
                ),
            }
        ),
        _OF_CLUSTER,
    ),
    "KafkaTopic": _kind(
        STRIMZI,
        _object({"topicName": TEXT, "partitions": COUNT, "replicas": COUNT, "config": TEXTS}),
        _OF_CLUSTER,
    ),
    "PodMonitor": _kind(
        "monitoring.coreos.com/v1",
        _object(
            {
                "selector": _MATCH,
                "podMetricsEndpoints": _list(
                    _object({"port": TEXT, "path": TEXT, "interval": TEXT})
                ),
            }
        ),
    ),
    "ServiceMonitor": _kind(
        "monitoring.coreos.com/v1",
        _object(
            {
                "selector": _MATCH,
                "endpoints": _list(_object({"port": TEXT, "path": TEXT, "interval": TEXT})),
            }
        ),
    ),
    "PrometheusRule": _kind(
        "monitoring.coreos.com/v1",
        _object(
            {
                "groups": _list(
                    _object({"name": TEXT, "interval": TEXT, "rules": _list(_ALERT)}),
                ),
            }
        ),
    ),
    "HTTPRoute": _kind(
        "gateway.networking.k8s.io/v1",
        _object(
            {
                "parentRefs": _list(
                    _object({"name": TEXT}, {"namespace": TEXT, "sectionName": TEXT})
                ),
                "hostnames": _list(TEXT),
                "rules": _list(
                    _object(
                        {
                            "backendRefs": _list(_object({"name": TEXT, "port": COUNT})),
                            "timeouts": _object({"request": {"const": "0s"}}),
                        }
                    )
                ),
            }
        ),
    ),
}


def problems(found: Any) -> list[str]:
    """Return what is wrong with an object of one of these kinds."""
    validator = Draft202012Validator(OF_KIND[found["kind"]])
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(found)]
