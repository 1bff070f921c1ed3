"""`python -m labeltree`."""

import sys

from labeltree.cli import main

sys.exit(main())
