"""Networks that make features: of torchvision and timm for images, of sentence-transformers for texts or for both.

Each is loaded by its name, with its weights through the cache of its own library, or from a file of weights.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError, UsageError, nearest

if TYPE_CHECKING:
    import torch
    from PIL import Image

Item = Path | str
"""An image by its file, or a text."""
Features = NDArray[np.float32]
FOR_IMAGES, FOR_TEXTS = "torchvision:resnet101", "sentence-transformers:all-MiniLM-L6-v2"
"""What features are made with where nothing is named."""
IMAGE_READERS = 4


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network: ``encode`` makes features (n, d) of n items, ``about`` says by which weights and preprocessing."""

    name: str
    about: str
    encode: Callable[[Sequence[Item]], Features]


def load_backbone(name: str, device: str = "cpu", weights: Path | None = None) -> Backbone:
    """Load a network by ``LIBRARY:MODEL``; ``weights`` is a file of them in place of those that the library fetches.

    Raises :class:`UsageError` for an unknown name or a library that is not installed, and :class:`DataError` where
    weights can't be had.
    """
    library, _, model = name.partition(":")
    if library not in _LOADERS or not model:
        known = ", ".join(f"{each}:MODEL" for each in _LOADERS)
        raise UsageError(f"'{name}' is no backbone", f"write one of {known}, such as {FOR_IMAGES}")
    try:
        module = importlib.import_module(library.replace("-", "_"))
    except (ImportError, RuntimeError) as error:  # the latter where torchvision was built for another torch
        raise UsageError(f"{name} needs {library} ({error})", "pip install 'gzslbench[extract]'") from error
    try:
        network, preprocessing, encode = _LOADERS[library](module, model, device, weights)
    except (EOFError, KeyError, OSError, RuntimeError, UnpicklingError, ValueError) as error:
        what = " ".join(f"{name} can't be loaded: {error}".split())
        raise DataError(what, "check its name and the connection, or give a file by --weights") from error
    return Backbone(name, f"{name}, weights sha256 {_digest(network)}, {preprocessing}", encode)


Loaded = tuple["torch.nn.Module", str, Callable[[Sequence[Item]], Features]]


def _torchvision(library: Any, model: str, device: str, weights: Path | None) -> Loaded:
    import torch

    models = importlib.import_module(f"{library.__name__}.models")
    if model not in models.list_models(module=models):
        raise UsageError(f"torchvision has no model '{model}'", nearest(model, models.list_models(module=models)))
    published = models.get_model_weights(model).DEFAULT
    network = models.get_model(model, weights=None if weights else published)
    if weights:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    heads = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    if not heads:
        raise UsageError(f"torchvision:{model} has no last linear layer to take the input of", "choose another network")
    pooled: list[torch.Tensor] = []
    heads[-1].register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0]))

    def features(batch: torch.Tensor) -> torch.Tensor:
        pooled.clear()
        network(batch)
        return pooled[-1]

    return _of_images(network, published.transforms(), features, device)


def _timm(library: Any, model: str, device: str, weights: Path | None) -> Loaded:
    if not library.is_model(model.partition(".")[0]):
        raise UsageError(f"timm has no model '{model}'", nearest(model, library.list_models()))
    local = {"pretrained_cfg_overlay": {"file": str(weights)}} if weights else {}
    network = library.create_model(model, pretrained=True, num_classes=0, **local)
    about = library.data.resolve_model_data_config(network)
    return _of_images(network, library.data.create_transform(**about, is_training=False), network, device)


def _of_images(network: Any, transform: Any, features: Callable[[Any], Any], device: str) -> Loaded:
    import torch

    network.to(device).eval()

    def encode(items: Sequence[Item]) -> Features:
        with ThreadPoolExecutor(IMAGE_READERS) as readers:
            images = list(readers.map(lambda item: transform(_image(item)), items))
        with torch.inference_mode():
            made = features(torch.stack(images).to(device)).flatten(1)
        return np.asarray(made.float().cpu().numpy())

    return network, " ".join(str(transform).split()), encode


def _sentence_transformers(library: Any, model: str, device: str, weights: Path | None) -> Loaded:
    if weights:
        raise UsageError(
            "--weights is of networks for images", "name the folder of a model: sentence-transformers:FOLDER"
        )
    network = library.SentenceTransformer(model, device=device)

    def encode(items: Sequence[Item]) -> Features:
        read = [_image(item) if isinstance(item, Path) else item for item in items]
        made = network.encode(read, batch_size=len(read), show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(made, dtype=np.float32)

    return network, "the model's own preprocessing", encode


_LOADERS: Mapping[str, Callable[[Any, str, str, Path | None], Loaded]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "sentence-transformers": _sentence_transformers,
}


def _image(path: Item) -> Image.Image:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        what = f"{path} can't be read as an image ({error})"
        raise DataError(what, "mend or remove it, and say the same again, which goes on") from error


def _digest(network: torch.nn.Module) -> str:
    """Hash all weights by their names: 16 hexadecimal digits."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
