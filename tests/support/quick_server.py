"""A studio server whose jobs only count (quick_studio.py):  python quick_server.py ROOT [PORT]

Prints its port and its owner's token.
"""

import sys
from pathlib import Path

from mimictalk.studio.limits import Limits
from mimictalk.studio.server import ServerSettings, first_token, listen, serve

QUICK = str(Path(__file__).with_name("quick_studio.py"))
WORKER, PREVIEWS = (sys.executable, QUICK), (sys.executable, QUICK, "preview")


def main(root: str, port: str = "0") -> None:
    limits = Limits(free_bytes=1, idle_seconds=2, connections=64)
    settings = ServerSettings(
        port=int(port), root=Path(root), limits=limits, worker=WORKER, previews=PREVIEWS
    )
    server = listen(settings)
    print(server.getsockname()[1], first_token(settings), flush=True)
    serve(settings, server)


if __name__ == "__main__":
    main(*sys.argv[1:])
