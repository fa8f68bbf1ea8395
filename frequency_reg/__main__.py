"""``python -m frequency_reg`` is the same as ``frequency-reg``."""

from frequency_reg.cli import main

if __name__ == "__main__":
    main()
