"""The archive's tables, the same in SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 1

METADATA = sa.MetaData()

SCHEMA = sa.Table("spate_schema", METADATA, sa.Column("version", sa.Integer, primary_key=True))

# In the order of code points, as SQLite and Python have it: pages of the list rest on that.
_RUN_ID = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")

RUNS = sa.Table(
    "spate_runs",
    METADATA,
    sa.Column("id", _RUN_ID, primary_key=True),
    sa.Column("created_at_ns", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("started_at", sa.String(40)),
    sa.Column("ended_at", sa.String(40), nullable=False),
    sa.Column("passed", sa.Boolean),
    sa.Column("idempotency_key", sa.String(256), unique=True),
    sa.Column("body_digest", sa.String(64)),
    sa.Column("report", sa.LargeBinary, nullable=False),
    sa.Column("windows", sa.LargeBinary, nullable=False),
    sa.Index("spate_runs_newest", "created_at_ns", "id"),
)

LABELS = sa.Table(
    "spate_run_labels",
    METADATA,
    sa.Column("run_id", _RUN_ID, sa.ForeignKey("spate_runs.id"), primary_key=True),
    sa.Column("key", sa.String(256), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
