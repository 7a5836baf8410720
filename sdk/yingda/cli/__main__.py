"""`python -m yingda.cli` is `yingda`."""

from __future__ import annotations

import sys

from yingda.cli import main

if __name__ == "__main__":
    sys.exit(main())
