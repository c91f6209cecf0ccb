"""What each section of the page says before its table, as Markdown."""

from __future__ import annotations

from typing import Final

CLOSED: Final = """\
64 connections, each of which sends again as soon as it is answered: a GET that is answered with
32 bytes. CPU is user and system time of the tool's processes. A tool that is slower than the target
lets it fall asleep between requests, and pays for waking it, so what separates the tools is a
little more than their own code.
"""

OPEN: Final = """\
Every tool that can hold a rate sends at one that all can hold, half of what the slowest of them
reached in the closed loop of this run. *Sent* is the target's count against the plan. The latencies
are what each tool says; hey and Locust give each connection its own pace, and wait for an answer
before they think of the next request. *Lag* is how late Spate itself was; the others do not say.

Spate then sends at nine tenths of its own rate in the closed loop.
"""

MEMORY: Final = """\
The most memory that the tool's processes had resident (`VmHWM`, added up) while all connections
sent in a closed loop. *A connection* is the difference divided by the 9,000 connections that are
more. A tool that keeps every result grows with the number of requests as well, so a faster one of
that kind shows more.
"""

TLS: Final = """\
The closed loop over TLS, with connections that stay open, so this is the cost of encryption. Spate,
oha and vegeta verify the certificate; wrk, hey, k6 and Locust do not.
"""

HANDSHAKES: Final = """\
The target closes the connection after each answer, so a request costs a connection and a TLS
handshake. Sessions are resumed by the tools that do so by default.
"""

BODIES: Final = """\
Files of random bytes that the target sends from the page cache; the closed loop as above, on 64
connections, and on 8 for 10 MB. Tools may read a body without keeping it.
"""

LAW: Final = """\
A target of our own draws how long each answer takes, from a fixed seed: 60 ms and an exponential of
the same mean, 500 ms at most. The load is 500 requests a second. The target keeps when each request
came and when its answer left, and the truth is the time from when a request was due to when its
answer left, so the target's own lateness is in it. The times are long so that what the way between
two processes adds, about 0.2 ms, is little beside 1 %.

A tool has *kept* the schedule if 99.9 % of its requests came within 10 ms of when they were due.
One that has not is compared with what users who came by the schedule would have met. Tools with a
schedule have 1,000 connections, more than it needs. hey and Locust run with 100, at five requests a
second each. wrk knows no rate and runs as it is used, in a closed loop of 64. Each figure is the
median of the runs, with that of its errors.
"""

STALL: Final = """\
The same, but the target stands still for one second when two fifths of the requests have come: what
falls due meanwhile is answered at the end of it.
"""
