"""The command line: `python -m ortlet`."""

import os
import signal
import sys

from ._ortlet import run_program


def main() -> int:
    """Runs the command line with the arguments of this process; gives the exit code."""
    # Python would only see Ctrl-C once the command is over.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # An ONNX Runtime that is installed beside this package is found without the environment being activated.
    if sys.prefix != sys.base_prefix:
        os.environ.setdefault("VIRTUAL_ENV", sys.prefix)
    return run_program(["ortlet", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
