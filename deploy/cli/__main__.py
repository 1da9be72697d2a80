"""``python -m deploy.cli``: the same as ``puente``."""

from deploy.cli import main

main()
