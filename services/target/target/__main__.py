"""``python -m target`` runs the sample target."""

from __future__ import annotations

import sys

from target.main import main

sys.exit(main())
