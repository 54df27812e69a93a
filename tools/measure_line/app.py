"""The commands of the app that are measured, as a user would type them."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from measure_line.process import Run, run

PROGRAM = str(Path(sys.executable).with_name("mimictalk"))
CONSENT = ("--consent", "Clip given for measuring; the avatar stays in the measurement's folder.")


@dataclass(frozen=True)
class App:
    """Calls the installed `mimictalk` and keeps its logs.

    Attributes:
        folder: Where logs and results go.
        seed: Of everything random.
        reuse: Take avatars and videos of an earlier run of the same folder, with the costs measured then.
    """

    folder: Path
    seed: int
    reuse: bool

    def adapt(self, clip: Path, avatar: Path, options: list[str]) -> Run:
        """Learn a person from a clip; `options` are those of `mimictalk adapt`."""
        return self._run("adapt", [str(clip), "--out", str(avatar), "--force", *CONSENT, *options], avatar)

    def render(self, avatar: Path, out: Path, options: list[str]) -> Run:
        """Render an avatar; `options` say what drives it."""
        return self._run("render", [str(avatar), "--out", str(out), *options], out)

    def motion(self, sound: Path, style: Path, out: Path) -> Run:
        """Turn speech into motion in the style of a clip."""
        return self._run("motion", [str(sound), "--style", str(style), "--out", str(out)], out)

    def track(self, clip: Path, out: Path) -> Run:
        """Follow the face in a clip."""
        return self._run("track", [str(clip), "--out", str(out)], out, seeded=False)

    def ablate(self, clip: Path, out: Path, options: list[str]) -> Run:
        """Learn a person in several ways; `options` are those of `mimictalk ablate`."""
        return self._run("ablate", [str(clip), "--out", str(out), *options], out)

    def demo(self, folder: Path) -> Run:
        """Run the main job on embedded data."""
        return self._run("demo", ["--out", str(folder)], folder, seeded=False)

    def _run(self, command: str, arguments: list[str], made: Path, seeded: bool = True) -> Run:
        costs = self.folder / f"{made.name}.costs.json"
        if self.reuse and made.exists() and costs.exists():
            return Run(**json.loads(costs.read_text()))
        costs.unlink(missing_ok=True)
        seed = ["--seed", str(self.seed)] if seeded else []
        state = {"XDG_STATE_HOME": str(self.folder / "state")}  # leaves the last avatar of the user alone
        log = self.folder / f"{made.name}.log"
        result = run([PROGRAM, command, *arguments, *seed, "--json"], log, state)
        costs.write_text(json.dumps(asdict(result)))
        return result
