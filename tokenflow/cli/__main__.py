"""`python -m tokenflow.cli`: the program by the interpreter that it is installed in."""

from tokenflow.cli import main

main()
