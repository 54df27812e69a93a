"""A live server in a process of its own, whose frames are as bright as their sound is loud."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

SERVER = Path(__file__).parents[2] / "support" / "quick_stream.py"


@dataclass
class Server:
    """Where a server is and how to talk to it."""

    address: str
    token: str
    delay: float
    process: subprocess.Popen

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def state(self) -> dict:
        return httpx.get(f"{self.address}api/v1/state", headers=self.headers, timeout=20).json()

    def wait(self, wished, seconds: float = 20) -> dict:
        """Waits until the state is as wished; returns it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if wished(state := self.state()):
                return state
            time.sleep(0.05)
        raise AssertionError(f"still {state}")


@pytest.fixture(scope="module")
def start_server():
    """Starts servers; all are ended after the module."""
    started = []

    def start(**settings) -> Server:
        command = [sys.executable, str(SERVER), json.dumps(settings)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        facts = json.loads(process.stdout.readline())
        assert facts["ok"], facts
        return Server(facts["address"], facts["token"], facts["delay"], process)

    yield start
    for process in started:
        process.terminate()
        assert process.wait(timeout=20) in (0, -15, 143)
        process.stdout.close()


@pytest.fixture(scope="module")
def server(start_server) -> Server:
    return start_server(size=256, delay=16)
