"""The command `mimbench`, also as `python -m mimbench`."""

import sys
import traceback

__all__ = ["main"]


def main() -> int:
    """Run the command line; what happens while it is being imported has its exit code too."""
    try:
        from mimbench.cli import main as command_line

        return command_line()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return 130
    except BaseException:  # a damaged installation: Python itself would end with 1, a gate's answer
        traceback.print_exc()
        return 70


if __name__ == "__main__":
    sys.exit(main())
