"""What is written for the page: the same network, and weights that come back within half a step."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers import data, imagenet, models
from helpers.interactive import classifier
from tools.classifier import as_the_page_has_it, export, layers, rounded


@pytest.fixture(scope="module")
def net():
    return models.backbone("efficientnet_lite0", fallback=False)


def test_are_the_folded_layers_the_network(net):
    """Run from their descriptions alone, as the page does."""
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x, kept = images, None
    *body, (about, weight, bias) = layers(net)
    for what, w, b in body:
        kept = x if what["block"] == "first" else kept
        k, s = what["kernel"], what["stride"]
        inputs = what["each"] // k**2
        before, after = (k - s) // 2, (k - s + 1) // 2
        x = F.pad(x, (before, after, before, after)) if k > 1 else x
        groups = x.shape[1] // inputs
        x = F.conv2d(x, torch.tensor(w).view(what["out"], inputs, k, k), torch.tensor(b), s, groups=groups)
        x = x.clamp(0, 6) if what["relu6"] else x
        x = x + kept if what["block"] == "add" else x
    logits = F.linear(x.mean((2, 3)), torch.tensor(weight), torch.tensor(bias))
    with torch.no_grad():
        assert torch.allclose(logits, net(images), atol=1e-3)
    assert about["out"] == 1000


def test_are_weights_rounded_to_the_nearest_of_4095_steps():
    weight = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)
    weight[2] = 0
    whole, scale = rounded(weight)
    assert whole.min() >= 1
    assert whole.max() <= 4095
    assert (np.abs((whole - 2048) * scale[:, None] - weight) <= scale[:, None] / 2 + 1e-7).all()


def test_do_rounded_weights_give_the_same_probabilities(net):
    """On bundled photographs; on 500 of cats and dogs it is recorded: `page` in helpers/tables/photographs.json."""
    page, before = as_the_page_has_it(net), {name: value.clone() for name, value in net.state_dict().items()}
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in page.modules())
    for name in ("chelsea", "coffee", "astronaut"):
        logits = [models.logits_of(one, data.photograph(name)) for one in (net, page)]
        first, second = (one.softmax(0) for one in logits)
        assert 0 < (first - second).abs().max() < 1e-2, name
        assert imagenet.verdict(logits[0]).label == imagenet.verdict(logits[1]).label
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_is_everything_within_12_megabytes(tmp_path):
    assert 9e6 < export(tmp_path / "out") <= 12e6
    text = (tmp_path / "out" / "network.js").read_text()
    network = json.loads(text.removeprefix("courseClassifier.network=").rstrip().removesuffix(";"))
    assert (network["size"], network["shorter"], len(network["names"])) == (224, 256, 1000)
    assert "http" not in text


def test_a_notebook_gets_a_button_and_the_page_the_dropping_place(net, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    classifier.drop_photograph(net)
    (bundle,) = shown
    assert bundle["text/html"] == classifier.classifier_html()
    assert "application/vnd.jupyter.widget-view+json" in bundle
