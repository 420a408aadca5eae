"""`python -m unbraid` is the command line."""

import sys

from unbraid.cli.main import main

sys.exit(main())
