"""Measure the whole line on the reference clips:  python tools/measure_line.py --help"""

from measure_line.main import main

if __name__ == "__main__":
    raise SystemExit(main())
