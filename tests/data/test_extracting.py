"""Features from images and texts, by the loading code of the libraries and networks that are made here."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

from gzslbench.data.backbones import load_backbone
from gzslbench.data.columns import Choices
from gzslbench.data.extracting import Raw, extract
from gzslbench.errors import DataError, UsageError

NAMES = ("ant", "bee", "cat", "dog")
SMALLEST = "resnet18"


@pytest.fixture
def photos(tmp_path):
    """Six images of each of four classes, each class of one colour."""
    from PIL import Image

    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for place, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 60, (40, 48, 3)) + 60 * np.array([place % 2, place // 2, place == 3])
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def attributes(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("name,red,green\n" + "".join(f"{name},{n % 2},{n // 2}\n" for n, name in enumerate(NAMES)))
    return path


@pytest.fixture
def encoder(monkeypatch):
    """Stand in for a network: the mean of an image's channels, or the letters of a text; counts what it encodes."""
    from gzslbench.data import backbones, extracting

    encoded = []

    def load(name, device="cpu", weights=None):
        def encode(items):
            encoded.extend(items)
            images = [isinstance(item, str) or np.asarray(backbones._image(item)) for item in items]
            return np.array(
                [
                    [item.count(letter) for letter in "abcdefg"] if isinstance(item, str) else image.mean((0, 1))
                    for item, image in zip(items, images, strict=True)
                ],
                dtype=np.float32,
            )

        return backbones.Backbone(name, f"{name}, weights sha256 0", encode)

    monkeypatch.setattr(extracting, "load_backbone", load)
    return encoded


def test_images_and_attributes(photos, attributes, encoder, tmp_path):
    told = []
    sources = extract(Raw(photos, attributes, batch=5), tmp_path / "work", lambda *at: told.append(at))
    with np.load(sources.features) as file:
        assert file["labels"].tolist() == [name for name in NAMES for _ in range(6)]
        assert file["features"].shape == (24, 3)
    assert (sources.semantics, sources.shared_space) == (attributes, False)
    assert sources.about["backbone"].startswith("torchvision:resnet101, weights sha256")
    assert told[-1] == ("torchvision:resnet101", 24, 24)


def test_an_interrupted_extraction_goes_on(photos, attributes, encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("gzslbench.data.extracting.CHUNK", 10)
    damaged = photos / "dog" / "5.png"
    content = damaged.read_bytes()
    damaged.write_bytes(b"no image")
    raw = Raw(photos, attributes, batch=5)
    with pytest.raises(DataError, match=r"dog/5\.png can't be read as an image .*; mend or remove it"):
        extract(raw, tmp_path / "work")
    damaged.write_bytes(content)
    encoder.clear()
    extract(raw, tmp_path / "work")
    assert len(encoder) == 4  # the third chunk alone
    encoder.clear()
    damaged.write_bytes((photos / "ant" / "0.png").read_bytes())
    extract(raw, tmp_path / "work")
    assert len(encoder) == 4


def test_texts_described_by_texts_share_a_space(encoder, tmp_path):
    (tmp_path / "requests.csv").write_text('intent,text\npay,"pay, now"\npay,a bill\nbook,a cab\n')
    (tmp_path / "intents.csv").write_text("intent,says\npay,to pay\nbook,to book\nask,to ask\n")
    sources = extract(Raw(tmp_path / "requests.csv", tmp_path / "intents.csv"), tmp_path / "work")
    with np.load(sources.features) as features, np.load(sources.semantics) as semantics:
        assert features["labels"].tolist() == ["pay", "pay", "book"]
        assert semantics["class_names"].tolist() == ["pay", "book", "ask"]
        assert features["features"].shape[1] == semantics["semantics"].shape[1]
    assert sources.shared_space
    assert sources.about["semantics"].startswith("texts of intents.csv by sentence-transformers:all-MiniLM-L6-v2")


def test_texts_of_classes_of_images_share_no_space_with_another_network(photos, encoder, tmp_path):
    (tmp_path / "classes.csv").write_text("name,text\n" + "".join(f"{name},a {name}\n" for name in NAMES))
    raw = Raw(photos, tmp_path / "classes.csv")
    assert not extract(raw, tmp_path / "work").shared_space
    both = Raw(photos, tmp_path / "classes.csv", backbone="sentence-transformers:clip-ViT-B-32")
    assert extract(both, tmp_path / "other").shared_space


@pytest.mark.parametrize(
    ("classes", "columns", "said"),
    [
        ("name,x\nant,1\n", Choices(), "0 columns of .*; 'bee' stands nowhere in it; name folders as"),
        ("name,also,x\n" + "".join(f"{n},{n},1\n" for n in NAMES), Choices(), "2 columns of .*by --class-column"),
        (
            "name,one,two\n" + "".join(f"{n},a,b\n" for n in NAMES),
            Choices(),
            "2 columns beside 'name'; .*--text-column",
        ),
    ],
)
def test_what_is_left_open_is_asked_for(photos, encoder, tmp_path, classes, columns, said):
    (tmp_path / "classes.csv").write_text(classes)
    with pytest.raises((DataError, UsageError), match=said):
        extract(Raw(photos, tmp_path / "classes.csv", columns=columns), tmp_path / "work")


def test_a_folder_without_images_is_refused(attributes, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no images in folders of classes; lay them out as FOLDER/CLASS/IMAGE"):
        extract(Raw(tmp_path / "empty", attributes), tmp_path / "work")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet101", "is no backbone; write one of torchvision:MODEL, timm:MODEL"),
        ("torchvision:", "is no backbone"),
        ("keras:resnet50", "is no backbone"),
    ],
)
def test_an_unknown_backbone_is_refused(name, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        load_backbone(name)


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(UsageError, match=r"timm:resnet18 needs timm .*pip install 'gzslbench\[extract\]'"):
        load_backbone("timm:resnet18")


def _needs(library):
    try:
        return importlib.import_module(library)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"needs {library}: pip install 'gzslbench[extract]' ({error})")


def test_torchvision_gives_the_pooled_features_of_its_preprocessing(photos, tmp_path):
    torchvision = _needs("torchvision")
    import torch
    from PIL import Image

    torch.manual_seed(0)
    network = torchvision.models.get_model(SMALLEST, weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    backbone = load_backbone(f"torchvision:{SMALLEST}", weights=tmp_path / "weights.pth")
    item = photos / "bee" / "0.png"
    made = backbone.encode([item, item])
    network.fc = torch.nn.Identity()
    transform = torchvision.models.get_model_weights(SMALLEST).DEFAULT.transforms()
    with torch.inference_mode():
        expected = network(transform(Image.open(item).convert("RGB"))[None])
    assert made.shape == (2, 512)
    np.testing.assert_allclose(made[0], expected[0].numpy(), rtol=1e-4, atol=1e-5)
    assert re.search(r"weights sha256 [0-9a-f]{16}, ImageClassification\( crop_size=\[224\]", backbone.about)
    with pytest.raises(UsageError, match=r"torchvision has no model 'resnet19'.*resnet18"):
        load_backbone("torchvision:resnet19")
    (tmp_path / "weights.pth").write_bytes(b"")
    with pytest.raises(DataError, match="resnet18 can't be loaded"):
        load_backbone(f"torchvision:{SMALLEST}", weights=tmp_path / "weights.pth")


def test_timm_gives_pooled_features(photos, tmp_path):
    timm = _needs("timm")
    import torch

    network = timm.create_model(SMALLEST, pretrained=False).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    backbone = load_backbone(f"timm:{SMALLEST}", weights=tmp_path / "weights.pth")
    assert backbone.encode([photos / "bee" / "0.png"]).shape == (1, 512)
    assert "Normalize" in backbone.about


def test_sentence_transformers_embeds_texts(tmp_path):
    library = _needs("sentence_transformers")
    from sentence_transformers import models

    words = models.BoW(vocab=["cat", "dog", "red"])
    library.SentenceTransformer(modules=[words]).save(str(tmp_path / "model"))
    backbone = load_backbone(f"sentence-transformers:{tmp_path / 'model'}")
    assert backbone.encode(["red cat", "dog"]).tolist() == [[1, 0, 1], [0, 1, 0]]
