"""Runs ``python -m driver``."""

import sys

from driver.main import main

sys.exit(main())
