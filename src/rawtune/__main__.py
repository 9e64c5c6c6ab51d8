"""``python -m rawtune`` is the program ``rawtune``."""

from rawtune.cli import main

main()
