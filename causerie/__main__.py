"""`python -m causerie` is the same as `causerie`."""

from causerie.cli import main

if __name__ == "__main__":
    main()
