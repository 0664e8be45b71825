"""Become another program, tied to the life of the process that asked for it (run as a script, standard library only).

    python -I -S child.py PARENT SIGNAL UID:GID PROGRAM ARGUMENT…

On Linux the kernel then sends SIGNAL to this process when its parent ends, however it ends; the guard does the
same elsewhere and where this is not enough. `UID:GID` is `-` to stay who we are. The process id stays the
same, since the program replaces this one. A function run between fork and exec could do this too, but it is
not safe in a process that has threads, and changing the user clears what was asked of the kernel before.
"""

import os
import sys

PR_SET_PDEATHSIG = 1
STARTED_BY_NOBODY = 125


def main(arguments: list[str]) -> None:
    """Change the user, tie the knot, and become the program."""
    parent, number, account, *program = arguments
    prctl = None
    if sys.platform == "linux":
        import ctypes

        prctl = ctypes.CDLL(None, use_errno=True).prctl
    if account != "-":
        user, group = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before the knot was tied
        sys.exit(STARTED_BY_NOBODY)
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
