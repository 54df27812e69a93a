"""`python -m mimictalk` is the program `mimictalk`."""

from mimictalk.cli import main

if __name__ == "__main__":
    main()
