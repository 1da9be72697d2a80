"""Runs a program that must not outlive its parent: ``python -I -S leash.py PARENT_PID NICENESS PROGRAM ARGUMENT...``.

On Linux the kernel is asked to kill this process when its parent dies, even by ``kill -9``; the wish survives
``exec``, so the program takes this process's place and keeps its id. Elsewhere the program simply runs. Standard
library only: it starts in a few milliseconds and needs nothing installed.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask to die with the parent, step back behind others by ``NICENESS``, then become the program."""
    parent, niceness, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    if niceness:
        os.nice(niceness)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
