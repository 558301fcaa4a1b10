"""The command `mimbench`, also as `python -m mimbench`."""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line; Ctrl-C while it is being imported is no traceback either."""
    try:
        from mimbench.cli import main as command_line

        return command_line()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
