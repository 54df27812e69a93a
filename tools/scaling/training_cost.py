"""What a training run costs: device hours, storage, network. Arithmetic on given and measured rates alone."""

from dataclasses import dataclass

BYTES = 4  # of a number in float32


@dataclass(frozen=True)
class Run:
    """A recipe.

    Attributes:
        steps, batch: Of the recipe.
        trained, parameters: Numbers that learn, and all of the model.
        frames: Read from the shards per item.
        parallel: "ddp" or "fsdp".
    """

    steps: int
    batch: int
    trained: int
    parameters: int
    frames: int
    parallel: str = "ddp"


@dataclass(frozen=True)
class Rates:
    """What was measured or is known of the machines and the data.

    Attributes:
        devices: GPUs, or processes.
        item_s: Seconds of one item on one device.
        link_mb_s: Of one device to the others, for gradients.
        price: Of a device's hour.
        frame_bytes: Of a frame in the shards.
        hours: Of video in the data sets.
    """

    devices: int
    item_s: float
    link_mb_s: float
    price: float
    frame_bytes: float
    hours: float

    def __post_init__(self) -> None:
        for name in ("devices", "item_s", "link_mb_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"Rates.{name} must be above 0, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class Cost:
    """What a run costs.

    Attributes:
        step_s: Of a step: the items of one device one after another, then the exchange of gradients; nothing
            is assumed to overlap.
        exchange_share: Of that, the exchange.
        hours, device_hours, price: Of the whole run.
        exchanged_gb: Sent by each device in a step.
        read_mb_s: What all devices together read from the shards.
        shards_tb, state_gb: Stored; the state holds weights, Adam's two moments and the averages.
    """

    step_s: float
    exchange_share: float
    hours: float
    device_hours: float
    price: float
    exchanged_gb: float
    read_mb_s: float
    shards_tb: float
    state_gb: float


def training_cost(run: Run, rates: Rates) -> Cost:
    """The cost of a run.

    A ring adds up gradients with 2 (n - 1) / n of their bytes sent by each of n devices (Patarasuk and Yuan
    2009); FSDP sends (n - 1) / n of the weights' bytes for each of two gatherings and one distribution, and
    here does so for every item.

    Raises:
        ValueError: If the devices cannot share the batch evenly.
    """
    if run.batch % rates.devices:
        raise ValueError(f"a batch of {run.batch} cannot be shared evenly by {rates.devices} devices")
    items = run.batch // rates.devices
    times = 3 * items if run.parallel == "fsdp" else 2
    exchanged = times * (rates.devices - 1) / rates.devices * run.trained * BYTES
    exchange_s = exchanged / (rates.link_mb_s * 1e6)
    step_s = items * rates.item_s + exchange_s
    hours = run.steps * step_s / 3600
    return Cost(
        step_s, exchange_s / step_s, hours, hours * rates.devices, hours * rates.devices * rates.price,
        exchanged / 1e9, run.batch * run.frames * rates.frame_bytes / step_s / 1e6,
        rates.hours * 3600 * 25 * rates.frame_bytes / 1e12, (run.parameters + 3 * run.trained) * BYTES / 1e9,
    )  # fmt: skip
