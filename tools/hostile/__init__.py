"""Bad inputs made on the spot, each with the verdict that is wanted, and the program run on all of them.

.venv/bin/python tools/hostile_inputs.py --help
"""
