"""`python -m microstream`."""

from microstream.cli import main

if __name__ == "__main__":
    main()
