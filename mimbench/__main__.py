"""The command `mimbench`, also as `python -m mimbench`."""

import gc
import sys
import traceback

__all__ = ["main"]


def main() -> int:
    """Run the command line; what happens while it is being imported has its exit code too."""
    try:
        from mimbench.cli import main as command_line

        code = command_line()
        gc.freeze()  # the process ends; looking through all objects once more takes up to 0.4 s
        return code
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return 130
    except BaseException:  # a damaged installation: Python itself would end with 1, a gate's answer
        traceback.print_exc()
        return 70


if __name__ == "__main__":
    sys.exit(main())
