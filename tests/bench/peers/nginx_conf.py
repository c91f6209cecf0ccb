"""The configuration of the target: one process, no log, connections that stay open."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

SMALL: Final = "a small answer of 32 bytes here\n"
BODIES: Final = {"1k": 1_000, "100k": 100_000, "10m": 10_000_000}
"""The files that are served, by name, in bytes."""

_TEMPLATE: Final = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; use epoll; multi_accept on; }}
http {{
  access_log off;
  server_tokens off;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  open_file_cache max=16 inactive=600s;
  server {{
    listen 127.0.0.1:{http} backlog=16384;
    listen 127.0.0.1:{https} ssl backlog=16384;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    root {files_folder};
    location = /small {{ default_type text/plain; return 200 "{small}"; }}
    location = /once {{ keepalive_timeout 0; default_type text/plain; return 200 "{small}"; }}
    location = /status {{ stub_status; }}
  }}
}}
"""


def nginx_conf(
    *,
    folder: Path,
    files_folder: Path,
    http: int,
    https: int,
    certificate: Path,
    key: Path,
    files: int,
) -> str:
    """Return the configuration.

    ``files`` is how many files the process may open; ``http`` and ``https`` are ports. Keys and
    tickets of TLS sessions are those of nginx by default.
    """
    return _TEMPLATE.format(
        folder=folder,
        files_folder=files_folder,
        http=http,
        https=https,
        certificate=certificate,
        key=key,
        files=files,
        connections=files - 64,
        small=SMALL.replace("\n", "\\n"),
    )


def requests_of(status: str) -> int:
    """Return how many requests nginx has read since its start, by its ``stub_status`` page.

    Raises:
        ValueError: if the page is none.
    """
    lines = status.splitlines()
    for head, row in pairwise(lines):
        if head.split() == ["server", "accepts", "handled", "requests"]:
            return int(row.split()[2])
    raise ValueError("no count of requests")
