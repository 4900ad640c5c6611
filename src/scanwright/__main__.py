"""`python -m scanwright`: the command line, where no script is on the path."""

from scanwright.cli import main

if __name__ == "__main__":
    main()
