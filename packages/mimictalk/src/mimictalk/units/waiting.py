"""Units that wait for a device that suits them."""

from collections import deque
from collections.abc import Iterable

from mimictalk.units.devices import ANY, DEVICES
from mimictalk.units.unit import Unit


class Waiting:
    """A line for each kind of device, and one of units that may run on any.

    Args:
        units: In the order in which they are to be begun.
    """

    def __init__(self, units: Iterable[Unit]) -> None:
        self._lines: dict[str, deque[Unit]] = {device: deque() for device in DEVICES}
        for unit in units:
            self.put(unit)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, unit: Unit) -> None:
        """Let a unit wait behind the others."""
        self._lines[unit.device].append(unit)

    def take(self, kind: str, flexible: bool = True) -> Unit | None:
        """The next unit for a device: one that can go nowhere else, so that none of these is left for the end
        while other devices idle; otherwise, if `flexible`, one that may run on any."""
        for line in (kind, ANY) if flexible else (kind,):
            if self._lines[line]:
                return self._lines[line].popleft()
        return None
