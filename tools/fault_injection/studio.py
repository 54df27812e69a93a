"""Jobs of the studio in a real browser while page, network, server and worker go away: all finish.

    python tools/fault_injection/studio.py                     # 20 jobs, about two minutes
    python tools/fault_injection/studio.py --jobs 5 --keep tools/bench/results/studio.json

Every job is disturbed half-way, each kind of disturbance as often as the others: the page is loaded again,
or closed and opened later; the browser's network is cut; the server is killed (kill -9) and started again,
or its worker is. Right is: the page shows the job half-way again, by itself; let go, it ends, no step twice,
and the page shows what it made. The jobs only count (tests/support/quick_studio.py): store, worker, server
and page are the studio's own. Needs Chromium and playwright; the last line of stdout is one JSON object.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools")]

from bench.reliability import promise, report  # noqa: E402
from mimictalk.studio.client import StudioClient  # noqa: E402
from studio_files import MP4  # noqa: E402

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
AWAY = 2.0  # seconds
PATIENCE_MS = 60_000
HALF = "#work >> text=adapt 10/20"
CONNECTED = "#connection[data-state=on]"


class Studio:
    """A server, started again at the same port as often as needed, and a browser that looks at it."""

    def __init__(self, folder: Path, browser: Any) -> None:
        self.folder, self.port = folder / "studio", "0"
        self.start()
        self.context = browser.new_context()
        self.context.set_default_timeout(PATIENCE_MS)
        self.open()

    def start(self) -> None:
        """Start the server."""
        command = [sys.executable, str(ROOT / "tests/support/quick_server.py"), str(self.folder), self.port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port, self.token = self.process.stdout.readline().split()
        self.client = StudioClient(f"http://127.0.0.1:{self.port}", self.token)

    def open(self) -> None:
        """Open the page."""
        self.page = self.context.new_page()
        self.page.goto(f"http://127.0.0.1:{self.port}/#token={self.token}")
        self.page.wait_for_selector(CONNECTED)

    def kill(self) -> None:
        """kill -9 of the server."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def close(self) -> None:
        """End all."""
        self.context.close()
        self.process.terminate()
        self.process.wait(timeout=30)


def reload(studio: Studio) -> None:
    """The page is loaded again."""
    studio.page.reload()


def close(studio: Studio) -> None:
    """The page is closed, and opened later."""
    studio.page.close()
    time.sleep(AWAY)
    studio.open()


def cut(studio: Studio) -> None:
    """The browser has no network for a while."""
    studio.context.set_offline(True)
    time.sleep(AWAY)
    studio.context.set_offline(False)


def restart(studio: Studio) -> None:
    """The server is killed and started again."""
    studio.kill()
    studio.page.wait_for_selector("#connection[data-state=waiting]")
    studio.start()


def kill_worker(studio: Studio) -> None:
    """The worker is killed."""
    for worker in psutil.Process(studio.process.pid).children():
        worker.kill()


DISTURBANCES: dict[str, Callable[[Studio], None]] = {
    "the page loaded again": reload,
    "the page closed and opened later": close,
    "the network cut": cut,
    "the server killed and started again": restart,
    "the worker killed": kill_worker,
}


def name_of(number: int) -> str:
    """An avatar's name; a card goes on with the date, so that a number must not end it."""
    return f"Person {number} of the studio"


def survives(studio: Studio, number: int, disturb: Callable[[Studio], None]) -> str:
    """One job, disturbed half-way; returns what went wrong, or nothing."""
    name = name_of(number)
    clip = studio.folder.parent / "clip.mp4"
    clip.write_bytes(MP4 + b"held")
    job = studio.client.adapt(studio.client.upload(clip), name, consent="yes")
    try:
        studio.page.wait_for_selector(HALF)
        disturb(studio)
        studio.page.wait_for_selector(CONNECTED)
        studio.page.wait_for_selector(HALF)
        (studio.folder / "jobs" / job.id / "go").touch()
        studio.page.wait_for_selector(f".avatar:has-text('{name}') img[src]")
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    ended = studio.client.job(job.id)
    if (ended.state, ended.files) != ("done", ["preview.png"]):
        return f"it is {ended.state} with {ended.files}"
    counted = [int(line) for line in (studio.folder / "jobs" / job.id / "history").read_text().split()]
    return "" if counted == list(range(1, 21)) else f"it counted {counted}"


def main() -> int:
    """Disturb and report; 1 if a job was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    given = parser.parse_args()
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    faults: list[dict[str, Any]] = []
    tried: dict[str, list[int]] = {name: [] for name in DISTURBANCES}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        studio = Studio(Path(folder), browser)
        for number in range(given.jobs):
            words = list(DISTURBANCES)[number % len(DISTURBANCES)]
            fault = survives(studio, number, DISTURBANCES[words])
            tried[words].append(bool(fault))
            print(f"job {number}, {words}: {fault or 'finished'}", file=sys.stderr, flush=True)
            if fault:
                faults.append({"job": number, "disturbed": words, "fault": fault})
        lost = [name for name in map(name_of, range(given.jobs)) if name not in names(studio)]
        studio.close()
        browser.close()
    promises = [
        promise(f"a job goes on and ends, no step twice: {words}", len(each), sum(each))
        for words, each in tried.items()
        if each
    ]
    promises.append(promise("at the end every job is there, done", given.jobs, len(lost)))
    report("studio", 0, promises, given.keep, faults=faults)
    return 1 if faults or lost else 0


def names(studio: Studio) -> set[str]:
    """Names of the avatars that are done."""
    return {job.title for job in studio.client.jobs() if job.state == "done"}


if __name__ == "__main__":
    sys.exit(main())
