"""`python -m tlcore`."""

from tlcore.cli import main

if __name__ == "__main__":
    main()
