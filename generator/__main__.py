"""`vmgen`, and `python -m generator`: where a run begins."""

import sys

from generator import __version__


def main() -> None:
    """Run a command. The version is told without the library of the command line: scripts ask for it often."""
    if sys.argv[1:] == ["--version"]:
        print(f"vmgen {__version__}")
        return
    from generator.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
