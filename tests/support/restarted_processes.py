"""Two processes that join under the store of a torchrun that has started them before."""

import os
import subprocess
import sys
import time

from torch.distributed import TCPStore

APART_S = 3.0  # the second one comes so much later: the first reads what the store has of the second
JOIN = "from {module} import Processes; both = Processes.join(); both.wait(); print(both.count)"


def join_and_join_again(module: str, limit_s: float = 100.0) -> list[str]:
    """What the processes of the second start say; raises TimeoutExpired if they do not find each other."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    told: list[str] = []
    for restart, apart_s in (("0", 0.0), ("1", APART_S)):
        processes = []
        for rank in ("0", "1"):
            environment = os.environ | {
                "PYTHONPATH": os.pathsep.join(place for place in sys.path if place),
                "OMP_NUM_THREADS": "1",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(store.port),
                "RANK": rank,
                "LOCAL_RANK": rank,
                "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2",
                "TORCHELASTIC_USE_AGENT_STORE": "True",
                "TORCHELASTIC_RESTART_COUNT": restart,
            }
            command = [sys.executable, "-c", JOIN.format(module=module)]
            processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
            time.sleep(apart_s)
        try:
            told = [process.communicate(timeout=limit_s)[0].strip() for process in processes]
        finally:
            for process in processes:
                process.kill()
    return told
