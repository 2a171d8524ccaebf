"""`python -m generation COMMAND`."""

from generation.cli import main

raise SystemExit(main())
