"""``python -m gzslbench``."""

from gzslbench.cli.main import main

if __name__ == "__main__":
    main()
