"""Where to compute: which device, in which number format, with how many threads, and why."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass, replace
from typing import Literal, get_args

from hugtweets.config import Precision, TrainConfig
from hugtweets.devices.hardware import Device, Hardware, ask_hardware
from hugtweets.errors import ConfigurationError

# oneDNN keeps the code that it made for products of one shape, a thousand of them by default. Rows of posts have nearly
# as many lengths as there are steps, so that this grew by up to 0.8 GiB in a training: see benchmarks/LOG.md.
KEPT_KERNELS = 64

Quantised = Literal["8bit", "4bit"]
QUANTISED: tuple[Quantised, ...] = get_args(Quantised)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeviceChoice:
    """``device`` and the weights' ``dtype`` as torch names them, ``threads`` of the processor; people read ``reason``.

    With ``autocast`` training multiplies float32 weights in that format; evaluation and sampling never do. A base model
    that is ``quantised`` is held in 8 or 4 bits a weight, and multiplied in ``dtype``.
    """

    device: str
    dtype: str
    autocast: str | None
    threads: int
    reason: str
    quantised: Quantised | None = None

    @property
    def trains_in(self) -> str:
        """The number format of training: models that differ in it differ by more than the rounding of sums."""
        return self.quantised or self.autocast or self.dtype

    @property
    def scales_gradients(self) -> bool:
        """Whether gradients would vanish unless the loss is made larger: float16 has few numbers below 1."""
        return "float16" in (self.autocast, self.dtype)


def choose_device(config: TrainConfig) -> DeviceChoice:
    """Pick device and number format, and set the threads of torch; each choice is announced once.

    ``ONEDNN_PRIMITIVE_CACHE_CAPACITY`` is set too, unless the environment says otherwise.

    Raises:
        ConfigurationError: ``train.device`` or ``train.precision`` asks for what this machine lacks.
    """
    import torch

    # Read by oneDNN when it computes its first product.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KEPT_KERNELS))
    choice = _choice(config.device, config.precision)
    torch.set_num_threads(choice.threads)
    return choice


def visible_gpus() -> tuple[str, ...]:
    """The CUDA devices that this process may use, each as ``CUDA_VISIBLE_DEVICES`` names it; empty if there is none."""
    import torch

    number = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(name.strip() for name in named.split(",")[:number]) if named else tuple(map(str, range(number)))


def best_hardware(wanted: str) -> Hardware:
    """The answers of the device that ``train.device`` names, or of the fastest that is there.

    Raises:
        ConfigurationError: it is not there.
    """
    import torch

    available: dict[Device, bool] = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    device = next(name for name, there in available.items() if (there if wanted == "auto" else name == wanted))
    if not available[device]:
        raise ConfigurationError(f"train.device={device} is not available on this machine: use auto")
    return ask_hardware(device)


def choose_format(hardware: Hardware, precision: Precision, threads: int, why: str) -> DeviceChoice:
    """The number format that a device computes in: ``train.precision``, or the fastest that it has in hardware.

    ``why`` says for which reason it is this device.

    Raises:
        ConfigurationError: the device lacks what is asked for.
    """
    if precision in ("8bit", "4bit"):
        return _quantised(hardware, precision, threads, why)
    wanted, reason = (precision, "as train.precision says") if precision != "auto" else _fastest(hardware)
    if hardware.device == "cpu":
        if wanted == "float16":
            raise ConfigurationError("train.precision=float16 is of no use on a processor: use auto")
        what = f"processor, {threads} thread{'s' * (threads > 1)}, training in {wanted}, {reason}; {why}"
        return DeviceChoice("cpu", "float32", None if wanted == "float32" else wanted, threads, what)
    return DeviceChoice(hardware.device, wanted, None, threads, f"{hardware.name} in {wanted}, {reason}; {why}")


def training_format(choice: DeviceChoice, config: TrainConfig) -> DeviceChoice:
    """Weights that are trained stay in float32 and are only multiplied in less: small updates would be lost."""
    if config.method == "lora" or choice.dtype == "float32":
        return choice
    return replace(choice, dtype="float32", autocast=choice.dtype)


def few_bits(number_format: str | None) -> Quantised | None:
    """The few bits a weight that a number format stands for; None if it has all of them."""
    return next((bits for bits in QUANTISED if bits == number_format), None)


def precision_to_read(hardware: Hardware, asked: Precision, trained_in: str | None) -> Precision:
    """The precision by which a base model is read beside an adapter: as few bits a weight as it learned beside.

    Not if another one is asked for, or the device can hold no such weights. Else a base that only just fitted while it
    was trained would not fit any more, and each reader would predict something else.
    """
    bits = few_bits(trained_in)
    return bits if asked == "auto" and hardware.quantises and bits else asked


def options_to_read(config: TrainConfig, trained_in: str | None) -> TrainConfig:
    """The options by which to choose a device for a model that was trained in a number format, as its manifest has it.

    What the device cannot hold in so few bits is read in its own format, which is told once. On the device.
    """
    bits = few_bits(trained_in)
    if config.precision != "auto" or bits is None:
        return config
    precision = precision_to_read(best_hardware(config.device), config.precision, trained_in)
    if precision == "auto":
        _tell_more_bits(bits)
    return config.model_copy(update={"precision": precision})


@functools.cache
def _tell_more_bits(trained_in: Quantised) -> None:
    log.warning(
        "A model learned beside weights of %s bits, which need an NVIDIA GPU and bitsandbytes: "
        "here it is read beside all bits of them, and predicts something slightly different.",
        trained_in.removesuffix("bit"),
    )


def unscaled(choice: DeviceChoice) -> DeviceChoice:
    """For steps that cannot scale their gradients: float32 in the place of float16."""
    if not choice.scales_gradients:
        return choice
    return replace(choice, dtype="float32", autocast=None, reason=f"{choice.reason}; in float32 without scaling")


def _fastest(hardware: Hardware) -> tuple[str, str]:
    """A number format and why it is this one."""
    if hardware.bfloat16:
        return "bfloat16", "for which it has instructions"
    if hardware.float16:
        return "float16", "with scaled gradients, since it only emulates bfloat16"
    if hardware.device == "mps":
        return "float32", "since nothing narrower was tried on it"
    return "float32", "since it has no instructions for less"


def _quantised(hardware: Hardware, precision: Quantised, threads: int, why: str) -> DeviceChoice:
    """Weights in 8 or 4 bits, multiplied in the fastest format."""
    if not hardware.quantises:
        raise ConfigurationError(
            f"train.precision={precision} needs an NVIDIA GPU and bitsandbytes: install it with "
            "`pip install 'hugtweets[quantised]'`, or use auto"
        )
    dtype, reason = _fastest(hardware)
    what = f"{hardware.name}, weights in {precision.removesuffix('bit')} bits, computing in {dtype}, {reason}; {why}"
    return DeviceChoice(hardware.device, dtype, None, threads, what, precision)


@functools.cache
def _choice(wanted: str, precision: Precision) -> DeviceChoice:
    hardware = best_hardware(wanted)
    why = (
        "as asked for" if wanted != "auto" else ("no GPU was found" if hardware.device == "cpu" else "the fastest here")
    )
    choice = choose_format(hardware, precision, _threads(), why)
    log.info("Device: %s.", choice.reason)
    return choice


def _threads() -> int:
    """``OMP_NUM_THREADS``, else all cores that this process may use but one.

    Threads wait for the slowest at every layer, so that one which shares its core with the rest of the run holds up
    all. Measured with two cores, one of them busy: one thread 230 tokens a second, two threads 15 to 190.
    """
    import torch

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else torch.get_num_threads()
    threads = min(torch.get_num_threads(), allowed)
    return threads if "OMP_NUM_THREADS" in os.environ else max(1, threads - 1)
