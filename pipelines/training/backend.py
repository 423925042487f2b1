"""Which library Keras computes with, and on what. Called once, before keras is first imported."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.plumbing.errors import UserError


def prepare(backend: str, device: str) -> str:
    """Import Keras on a backend, as deterministic as it can be made.

    Args:
        backend: tensorflow, jax or torch.
        device: cpu, gpu (must be there), or auto (a GPU where there is one).

    Returns:
        `cpu` or `gpu`, what will be used.

    Raises:
        UserError: the backend is not installed, another one is already in use, or there is no GPU.
    """
    if "keras" in sys.modules and os.environ.get("KERAS_BACKEND", backend) != backend:
        raise UserError(
            f"one process must use one backend, {os.environ['KERAS_BACKEND']} is in use and {backend} asked"
        )
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its greetings would hide our lines
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ["JAX_PLATFORMS"] = "cpu"
    try:
        found = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]()
    except ModuleNotFoundError as error:
        raise UserError(
            f"backend {backend} must be installed and {error.name} was not found: "
            f"install it, or set backend: tensorflow in params.yaml"
        ) from None
    if device == "gpu" and not found:
        raise UserError(
            f"device gpu must be there and {backend} sees none: set device: auto, or `make setup GPU=1`"
        )
    return "gpu" if found else "cpu"


def _tensorflow() -> bool:
    with _quiet_import():
        import tensorflow as tf

    # A fresh network per fold is retraced on purpose; its warning about that would hide our lines.
    tf.get_logger().setLevel("ERROR")
    # The same bytes from run to run; automatic XLA is off with it, which is slower on a CPU anyway.
    tf.config.experimental.enable_op_determinism()
    with _quiet_import():
        return bool(tf.config.list_physical_devices("GPU"))


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Keep TensorFlow's C++ greetings off the terminal; no setting does. Exceptions come through."""
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


def _jax() -> bool:
    import jax

    return any(device.platform == "gpu" for device in jax.devices())


def _torch() -> bool:
    import torch

    torch.use_deterministic_algorithms(True)
    return bool(torch.cuda.is_available())
