"""`python -m generator` is `vmgen`."""

from generator.cli.app import main

if __name__ == "__main__":
    main()
