"""``python -m spate_cli`` is the ``spate`` command."""

from __future__ import annotations

import sys

from spate_cli.main import main

sys.exit(main())
