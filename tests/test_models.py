"""The networks against counted parameters, torchvision and finite differences; the tools against hooks left behind."""

import copy
import pickle
from unittest import mock

import pytest
import torch
import torchvision
from torch import nn

from helpers import models
from helpers.data import logic_gate
from helpers.models import (
    MLP,
    LeNet5,
    Perceptron,
    ResidualBlock,
    SmallCNN,
    SmallResNet,
    count_parameters,
    feature_maps,
    freeze,
    grad_cam,
    replace_head,
    trace_shapes,
)


def hooks_of(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules())


def state_of(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def unchanged(model, state):
    return all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("model", "count", "shape", "classes"),
    [
        (lambda: MLP((784, 128, 64, 10)), 109386, (1, 28, 28), 10),
        (lambda: MLP((784, 10)), 7850, (1, 28, 28), 10),
        (lambda: LeNet5(), 61706, (1, 28, 28), 10),
        (lambda: LeNet5(size=32), 61706, (1, 32, 32), 10),
        (lambda: SmallCNN(), 23826, (3, 32, 32), 2),
        (lambda: SmallCNN(10, 1), 24058, (1, 8, 8), 10),
        (lambda: SmallCNN(), 23826, (3, 57, 41), 2),
        (lambda: SmallResNet(), 77522, (3, 32, 32), 2),
        (lambda: SmallResNet(skip=False), 77522 - 512 - 64 - 2048 - 128, (3, 33, 20), 2),
    ],
)
def test_parameters_are_as_counted_by_hand_and_logits_have_their_shape(model, count, shape, classes):
    net = model()
    assert count_parameters(net) == count
    assert net(torch.randn(2, *shape)).shape == (2, classes)


@pytest.mark.parametrize(("gate", "epoch"), [("and", 6), ("or", 4)])
def test_the_perceptron_rule_finds_a_separable_gate(gate, epoch):
    X, y = logic_gate(gate)
    unit = Perceptron(2)
    mistakes = unit.learn(X, y.float())
    assert len(mistakes) == epoch
    assert mistakes[-1] == 0
    assert torch.equal(unit(X), y.float())


def test_the_perceptron_rule_never_finds_xor():
    X, y = logic_gate("xor")
    assert min(Perceptron(2).learn(X, y.float(), max_epochs=300)) > 0


def test_mlp_with_dropout_drops_only_in_training():
    net, x = MLP((4, 100, 2), dropout=0.5), torch.randn(3, 4)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


def test_a_residual_block_whose_f_is_zero_is_relu_of_its_input():
    block = ResidualBlock(8, 8).eval()
    nn.init.zeros_(block.norm2.weight)
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(block(x), x.relu())
    assert isinstance(block.shortcut, nn.Identity)


@pytest.mark.parametrize(("channels", "stride"), [((8, 16), 1), ((8, 8), 2), ((8, 16), 2)])
def test_a_residual_block_is_torchvisions_basic_block(channels, stride):
    from torchvision.models.resnet import BasicBlock

    downsample = nn.Sequential(nn.Conv2d(*channels, 1, stride, bias=False), nn.BatchNorm2d(channels[1]))
    theirs = BasicBlock(*channels, stride=stride, downsample=downsample)
    ours = ResidualBlock(*channels, stride=stride)
    names = {"conv1": "conv1", "bn1": "norm1", "conv2": "conv2", "bn2": "norm2", "downsample": "shortcut"}
    ours.load_state_dict({names[k.split(".")[0]] + k[k.index(".") :]: v for k, v in theirs.state_dict().items()})
    x = torch.randn(3, channels[0], 9, 9)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("bad", [lambda: LeNet5(size=30), lambda: MLP((3,))])
def test_impossible_networks_are_refused(bad):
    with pytest.raises(ValueError, match="not"):
        bad()


TORCHVISION = {
    "resnet18": (512, "fc"),
    "densenet121": (1024, "classifier"),
    "alexnet": (4096, "classifier.6"),
    "vgg11": (4096, "classifier.6"),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_heads_of_torchvisions_networks_are_replaced(name):
    with torch.device("meta"):
        net = torchvision.models.get_model(name, weights=None)
        before = count_parameters(net)
        width, head = TORCHVISION[name]
        freeze(net)
        assert replace_head(net, 2) is net
    assert (net.get_submodule(head).in_features, net.get_submodule(head).out_features) == (width, 2)
    assert count_parameters(net, trainable=True) == 2 * width + 2
    assert count_parameters(net) == before - 998 * (width + 1)


@pytest.mark.parametrize(
    ("net", "shape"),
    [(SmallCNN(5), (3, 32, 32)), (SmallResNet(5), (3, 32, 32)), (LeNet5(), (1, 28, 28)), (MLP((12, 7, 5)), (3, 2, 2))],
)
def test_heads_of_our_networks_are_replaced_and_the_body_stays(net, shape):
    net = copy.deepcopy(net).double().eval()
    x = torch.randn(2, *shape, dtype=torch.float64)
    body = {key: value for key, value in state_of(net).items()}
    replace_head(net, 3)
    assert net(x).shape == (2, 3)
    assert sum(not torch.equal(body[k], v) for k, v in net.state_dict().items() if body[k].shape == v.shape) == 0
    assert next(iter(reversed(list(net.parameters())))).dtype == torch.float64


def test_a_head_needs_a_linear_layer_and_a_class():
    with pytest.raises(ValueError, match="no linear layer"):
        replace_head(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()), 2)
    with pytest.raises(ValueError, match="no linear layer"):
        replace_head(nn.Linear(3, 2), 2)
    with pytest.raises(ValueError, match="at least 1"):
        replace_head(SmallCNN(), 0)


def test_frozen_batch_norm_stays_put_while_the_head_learns():
    torch.manual_seed(0)
    net = replace_head(freeze(SmallCNN(5)), 2)
    state = state_of(net)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        net.train()
        nn.functional.cross_entropy(net(torch.randn(8, 3, 16, 16)), torch.randint(2, (8,))).backward()
        optimizer.step()
    changed = {key for key, value in net.state_dict().items() if not torch.equal(value, state[key])}
    assert changed == {"head.weight", "head.bias"}


def test_requires_grad_alone_would_not_have_been_enough():
    net = SmallCNN().requires_grad_(False).train()
    state = state_of(net)
    net(torch.randn(8, 3, 16, 16))
    assert not unchanged(net, state)


def test_thawing_undoes_freezing():
    net = freeze(freeze(SmallCNN()))
    assert count_parameters(net, trainable=True) == 0
    twin = pickle.loads(pickle.dumps(copy.deepcopy(net)))
    twin.train()(torch.randn(4, 3, 16, 16))
    assert unchanged(net, twin.state_dict())
    freeze(net, frozen=False)
    assert hooks_of(net) == 0
    assert count_parameters(net, trainable=True) == count_parameters(net)
    state = state_of(net)
    net.train()(torch.randn(8, 3, 16, 16))
    assert not unchanged(net, state)


def test_shared_parameters_count_once():
    layer = nn.Linear(3, 3)
    assert count_parameters(nn.Sequential(layer, nn.ReLU(), layer)) == 12


def test_shapes_are_traced_in_the_order_of_work():
    steps = trace_shapes(LeNet5(), (1, 1, 28, 28))
    assert [s.shape for s in steps if s.kind in ("Conv2d", "AvgPool2d", "Linear")] == [
        (1, 6, 28, 28), (1, 6, 14, 14), (1, 16, 10, 10), (1, 16, 5, 5), (1, 120), (1, 84), (1, 10)
    ]  # fmt: skip
    assert sum(s.parameters for s in steps) == 61706
    assert steps[0].name == "features.0"


def test_alexnet_has_the_sizes_of_its_paper():
    shapes = [
        s.shape
        for s in trace_shapes(torchvision.models.alexnet(weights=None), (1, 3, 224, 224))
        if s.kind == "MaxPool2d"
    ]
    assert [shape[-1] for shape in shapes] == [27, 13, 6]


@pytest.mark.parametrize("training", [True, False])
def test_looking_leaves_no_trace(training):
    net = SmallCNN()
    net.train(training)
    net.features[1].eval()
    modes = [m.training for m in net.modules()]
    state = state_of(net)
    x = torch.randn(3, 3, 16, 16)
    trace_shapes(net, x)
    feature_maps(net, x, ["features.0"])
    grad_cam(net, x)
    assert [m.training for m in net.modules()] == modes
    assert unchanged(net, state)
    assert hooks_of(net) == 0
    assert all(p.grad is None for p in net.parameters())


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError("broken on purpose")


@pytest.mark.parametrize(
    "look",
    [
        lambda net, x: trace_shapes(net, x),
        lambda net, x: feature_maps(net, x, "0"),
        lambda net, x: grad_cam(net, x, layer="0"),
    ],
)
def test_hooks_come_off_after_an_error(look):
    net = nn.Sequential(nn.Conv2d(3, 2, 1), Broken()).train()
    with pytest.raises(RuntimeError, match="on purpose"):
        look(net, torch.randn(1, 3, 4, 4))
    assert hooks_of(net) == 0
    assert net.training


@pytest.mark.parametrize("look", [feature_maps, lambda net, x, name: grad_cam(net, x, layer=name)])
def test_an_unknown_layer_is_named(look):
    net = SmallCNN()
    with pytest.raises(ValueError, match="no layer 'features.9'; it has features"):
        look(net, torch.randn(1, 3, 16, 16), "features.9")
    assert hooks_of(net) == 0


def test_feature_maps_are_what_the_layers_put_out():
    net, x = SmallCNN().eval(), torch.randn(2, 3, 16, 16)
    maps = feature_maps(net, x, ["features.0.0", "features.1", "pool"])
    assert list(maps) == ["features.0.0", "features.1", "pool"]
    torch.testing.assert_close(maps["features.0.0"], net.features[0][0](x))
    torch.testing.assert_close(maps["features.1"], net.features[1](net.features[0](x)))
    assert not any(m.requires_grad for m in maps.values())


def test_feature_maps_survive_layers_that_work_in_place():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True)).eval()
    x = torch.randn(1, 3, 6, 6)
    assert float(feature_maps(net, x, "0")["0"].min()) < 0
    cam = grad_cam(nn.Sequential(net, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), x, layer="0.0")
    assert cam.shape == (1, 6, 6)


def test_grad_cam_equals_class_activation_mapping_for_a_linear_head():
    """With a global average and one linear layer on top, Grad-CAM is CAM: the maps weighted by the head (Zhou 2016)."""
    torch.manual_seed(1)
    net, x = SmallCNN(3).eval(), torch.randn(4, 3, 32, 32)
    targets = torch.tensor([0, 1, 2, 1])
    maps = feature_maps(net, x, "features")["features"]
    cam = torch.einsum("bchw,bc->bhw", maps, net.head.weight[targets]).relu()
    cam = nn.functional.interpolate(cam[:, None], (32, 32), mode="bilinear")[:, 0]
    cam = cam / cam.amax((1, 2), keepdim=True).clamp(min=1e-30)
    torch.testing.assert_close(grad_cam(net, x, targets), cam.detach(), rtol=1e-4, atol=1e-5)


def test_grad_cam_works_on_frozen_networks_and_explains_the_prediction_by_default():
    net, x = freeze(SmallResNet(3)), torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(grad_cam(net, x), grad_cam(net, x, net.eval()(x).argmax(1)))
    assert not x.requires_grad


def test_grad_cam_points_at_what_the_network_was_built_to_see():
    net = nn.Sequential(
        nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)
    )
    nn.init.constant_(net[0].weight, 1.0)
    with torch.no_grad():
        net[4].weight.copy_(torch.tensor([[1.0], [-1.0]]))
    x = torch.zeros(1, 1, 16, 16)
    x[..., 10:13, 3:6] = 1
    (cam,) = grad_cam(net, x, [0], layer="1")
    assert divmod(int(cam.argmax()), 16) == (11, 4)
    assert float(cam.max()) == 1
    assert float(cam[:8].max()) == 0
    assert float(grad_cam(net, x, [1], layer="1").max()) == 0


def test_grad_cam_needs_maps():
    with pytest.raises(ValueError, match="no layer with maps"):
        grad_cam(MLP((12, 4, 2)), torch.randn(1, 3, 2, 2))


# ------------------------------------------------------------------------------------------- torchvision's weights


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_pretrained_weights_are_loaded_from_where_torchvision_keeps_them(hub):
    torch.manual_seed(4)
    theirs = torchvision.models.resnet18(weights=None)
    torch.save(theirs.state_dict(), hub / "resnet18-f37072fd.pth")
    net = models.pretrained("resnet18")
    assert unchanged(net, theirs.state_dict())
    assert not net.training
    assert len(net.classes) == 1000
    assert "tabby" in net.classes
    mean, std = net.normalize
    theirs = torchvision.models.ResNet18_Weights.DEFAULT.transforms()
    assert (list(mean), list(std)) == (theirs.mean, theirs.std)


def test_missing_weights_name_file_and_remedy(hub):
    with pytest.raises(OSError, match="resnet18-f37072fd.pth is not there and COURSE_OFFLINE"):
        models.pretrained("resnet18")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", "alexnet"])
def test_damaged_weights_name_the_file(hub, content):
    path = hub / "resnet18-f37072fd.pth"
    if content == "alexnet":
        torch.save({"weight": torch.zeros(2)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises((ValueError, OSError), match="resnet18-f37072fd.pth"):
        models.pretrained("resnet18")


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_a_backbone_comes_from_the_cache_or_is_replaced_by_ours_and_says_which(hub, name, monkeypatch):
    def no_network(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.delenv("COURSE_OFFLINE")  # it must not take this to stay away from the network
    with mock.patch("helpers.data.download._download", no_network):
        ours = models.backbone(name)
        assert f"instead of {name}" in ours.source
        assert (ours.size, len(ours.classes)) == (32, 12)
        with pytest.raises(OSError, match=f"weights of {name} are not in torchvision's cache"):
            models.backbone(name, fallback=False)

        weights = torchvision.models.get_model_weights(name).DEFAULT
        theirs = torchvision.models.get_model(name, weights=None)
        torch.save(theirs.state_dict(), hub / weights.url.rpartition("/")[2])
        net = models.backbone(name)
        assert unchanged(net, theirs.state_dict())
        assert f"torchvision's {name}" in net.source
        assert (net.size, len(net.classes)) == (224, 1000)


def test_our_own_backbone_needs_nothing(hub):
    net = models.backbone("animals")
    assert net.source.startswith("our own small network, trained on 12 other drawn animals")
    assert "instead" not in net.source


def test_a_damaged_backbone_is_no_reason_to_take_another(hub):
    (hub / "resnet18-f37072fd.pth").write_bytes(b"not a checkpoint")
    with pytest.raises((ValueError, OSError), match="resnet18-f37072fd.pth"):
        models.backbone("resnet18")


def test_unknown_networks_are_refused(hub):
    for load in (models.pretrained, models.backbone):
        with pytest.raises(ValueError, match="no network 'resnet19'"):
            load("resnet19")


@pytest.mark.parametrize("make", [lambda: SmallCNN(5), lambda: torchvision.models.resnet18(num_classes=5)])
def test_embedded_images_give_the_logits_through_the_head_alone(make):
    torch.manual_seed(0)
    net = make().train()
    net.normalize = ((0.2, 0.3, 0.4), (0.5, 0.6, 0.7))
    before = state_of(net)
    images = torch.randint(0, 256, (5, 3, 40, 40), dtype=torch.uint8)
    features = models.embed(net, images, batch_size=2)
    assert unchanged(net, before)
    assert net.training
    assert hooks_of(net) == 0
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in net.normalize)
    with torch.no_grad():
        expected = net.eval()((images / 255 - mean) / std)
        _, head = models.last_linear(net)
        assert torch.allclose(head(features), expected, atol=1e-4)
