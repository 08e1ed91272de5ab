"""Figures: what they show, what they refuse, and that they leave everything as they found it."""

import colorsys
import itertools
import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from helpers import canvas
from helpers.plotting import (
    PALETTE,
    plot_bands,
    plot_circuit,
    plot_confusion_matrix,
    plot_decision_regions,
    plot_embedding,
    plot_feature_maps,
    plot_graph,
    plot_images,
    plot_kernels,
    use_style,
)

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("a plot called plt.show"))
    with mpl.rc_context():
        use_style()
        yield
    plt.close("all")


class Value:
    """A node as chapter 03 builds it."""

    def __init__(self, data, parents=(), op="", label=""):
        self.data, self.parents, self.op, self.label, self.grad = data, parents, op, label, 0.0


POINTS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
SIDES = torch.tensor([0, 0, 1, 1])


def graph():
    x, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    f = (x * w).sqrt()
    f.backward()
    return f, {"x": x, "w": w, "f": f}


def circuit():
    """(x + y) x, whose x feeds both gates; the walk backward has reached q, but not yet x and y."""
    x, y = Value(-2, label="x"), Value(5, label="y")
    q = Value(3, (x, y), "+", "q")
    f = Value(-6, (q, x), "×", "f")
    f.grad, q.grad, x.grad, y.grad = 1, -2, None, None
    return f


PLOTS = {
    "bands": lambda ax: plot_bands([1, 2, 3], [[1, 2, 3], [2, 3, 4]], "Adam", ax=ax),
    "regions": lambda ax: plot_decision_regions(nn.Linear(2, 2), POINTS, SIDES, ax=ax, resolution=20),
    "images": lambda ax: plot_images(torch.rand(5, 3, 8, 8), ax=ax),
    "kernels": lambda ax: plot_kernels(nn.Conv2d(1, 4, 3).weight, ax=ax),
    "feature maps": lambda ax: plot_feature_maps(torch.rand(4, 6, 6), ax=ax),
    "confusion matrix": lambda ax: plot_confusion_matrix([[3, 1], [0, 4]], ax=ax),
    "embedding": lambda ax: plot_embedding(torch.randn(12, 4), torch.arange(12) % 3, ax=ax),
    "graph": lambda ax: plot_graph(graph()[0], ax=ax),
    "circuit": lambda ax: plot_circuit(circuit(), ax=ax),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_does_a_plot_draw_on_the_axes_given_and_return_them(draw):
    _, (left, right) = plt.subplots(1, 2)
    assert draw(right) is right
    assert right.has_data() or right.texts or right.patches
    assert not left.has_data()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_does_a_plot_make_a_figure_with_an_opaque_light_ground(draw):
    figure = draw(None).figure
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    assert (pixels[..., 3] == 255).all()
    assert pixels[0, 0, :3].min() > 245, "the corner is nearly white"
    assert (pixels[..., :3].min(-1) < 150).mean() > 0.002, "something is drawn"


def lightness(color):
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Viénot, Brettel and Mollon (1999): what people without green or red cones see, on linear RGB
DEUTAN = np.array([[0.292, 0.708, 0.0], [0.292, 0.708, 0.0], [-0.022, 0.022, 1.0]])
PROTAN = np.array([[0.112, 0.888, 0.0], [0.112, 0.888, 0.0], [0.004, -0.004, 1.0]])


@pytest.mark.parametrize("eye", [np.eye(3), DEUTAN, PROTAN], ids=["all cones", "deuteranopia", "protanopia"])
def test_can_the_colours_be_told_apart_by_any_eye(eye):
    seen = [eye @ np.array(mpl.colors.to_rgb(color)) ** 2.2 for color in PALETTE]
    nearest = min(np.abs(one - other).max() for one, other in itertools.combinations(seen, 2))
    assert nearest > 0.06


def test_are_the_first_colours_readable_on_the_ground():
    for color in PALETTE[:3]:
        contrast = (lightness(canvas.GROUND) + 0.05) / (lightness(color) + 0.05)
        assert contrast > 3, f"{color}: WCAG asks 3 to 1 of graphics"
    assert len({round(colorsys.rgb_to_hsv(*mpl.colors.to_rgb(c))[0], 2) for c in PALETTE}) >= 7


def test_does_a_band_reach_from_the_smallest_to_the_largest_run():
    ax = plot_bands([0, 1], [[0.0, 1.0], [2.0, 5.0]], "runs")
    assert list(ax.lines[0].get_ydata()) == [1.0, 3.0]
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == 0.0
    assert corners[:, 1].max() == 5.0
    again = plot_bands([0, 1], [[1.0, 1.0]], "more", ax=ax)
    assert again.lines[0].get_color() != again.lines[1].get_color()


@pytest.mark.parametrize(
    ("outputs", "threshold"),
    [
        (lambda x: torch.stack([0.5 - x[:, 0], x[:, 0] - 0.5], 1), 0.0),
        (lambda x: x[:, 0] - 0.5, 0.0),
        (lambda x: x[:, :1] - 0.5, 0.0),
        (lambda x: torch.sigmoid(x[:, 0] - 0.5), 0.5),
        (lambda x: (x[:, 0] > 0.5).long(), 0.0),
    ],
    ids=["two logits", "one logit", "a column", "probability", "classes"],
)
def test_do_regions_follow_any_kind_of_output(outputs, threshold):
    ax = plot_decision_regions(outputs, POINTS, SIDES, resolution=50, threshold=threshold)
    region = np.asarray(ax.collections[0].get_array()).reshape(50, 50)
    assert (region[:, :20] == 0).all()
    assert (region[:, 30:] == 1).all()


@pytest.mark.parametrize("training", [True, False])
def test_does_a_plot_leave_the_model_as_it_found_it(training):
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plot_decision_regions(model, POINTS, SIDES, resolution=10)
    assert all(module.training is training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    "images",
    [
        torch.rand(6, 8, 10),
        torch.rand(6, 1, 8, 10),
        torch.rand(6, 3, 8, 10),
        torch.rand(6, 8, 10, 3),
        (torch.rand(6, 3, 8, 10) * 255).byte(),
        torch.randn(6, 3, 8, 10) * 3,
        [torch.rand(3, 8, 10)] * 6,
        np.random.rand(6, 8, 10),
    ],
)
def test_do_images_of_any_layout_show(images):
    ax = plot_images(images, titles=list("abcdef"))
    assert len(ax.images) == 6
    assert [text.get_text() for text in ax.texts] == list("abcdef")
    assert all(image.get_array().shape[:2] == (8, 10) for image in ax.images)
    assert all(0 <= image.get_array().min() <= image.get_array().max() <= 1 for image in ax.images)


def test_is_a_uint8_image_shown_with_its_own_brightness():
    ax = plot_images(torch.full((1, 4, 4), 51, dtype=torch.uint8))
    assert ax.images[0].get_array().max() == pytest.approx(0.2)
    assert ax.images[0].get_clim() == (0, 1)


def test_is_zero_white_in_kernels_and_the_scale_common():
    weight = torch.zeros(2, 1, 3, 3)
    weight[0, 0, 0, 0] = -4.0
    ax = plot_kernels(weight)
    assert [image.get_clim() for image in ax.images] == [(-4, 4), (-4, 4)]
    assert ax.images[0].to_rgba(np.array([[0.0]]))[0, 0, :3] == pytest.approx(1.0, abs=0.01)


def test_do_kernels_of_many_channels_fill_a_row_each():
    ax = plot_kernels(torch.randn(3, 5, 3, 3))
    rows = {round(image.get_extent()[3], 3) for image in ax.images}
    assert (len(ax.images), len(rows)) == (15, 3)


def test_does_a_confusion_matrix_count_and_name():
    ax = plot_confusion_matrix(torch.tensor([[8, 2], [1, 9]]), ["cat", "dog"])
    assert [text.get_text() for text in ax.texts] == ["8", "2", "1", "9"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
    assert ax.get_ylabel() == "target"
    assert np.allclose(ax.images[0].get_array(), [[0.8, 0.2], [0.1, 0.9]])


def test_does_an_embedding_show_the_widest_directions():
    generator = torch.Generator().manual_seed(0)
    flat = torch.randn(50, 2, generator=generator) * torch.tensor([10.0, 1.0])
    turn, _ = torch.linalg.qr(torch.randn(5, 5, generator=generator))
    ax = plot_embedding(flat @ turn[:2], torch.zeros(50, dtype=torch.long))
    shown = np.asarray(ax.collections[0].get_offsets())
    assert shown.std(0) == pytest.approx(np.linalg.svd(flat - flat.mean(0))[1] / math.sqrt(50), rel=1e-4)
    assert "99%" in ax.get_xlabel()


def test_do_many_classes_all_look_different():
    ax = plot_embedding(torch.randn(60, 3), torch.arange(60) % 20)
    looks = {(tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.tobytes()) for c in ax.collections}
    assert len(looks) == 20


def test_does_a_graph_of_tensors_show_names_values_and_gradients():
    root, names = graph()
    texts = [text.get_text() for text in plot_graph(root, names=names).texts if text.get_text()]
    assert "x\n2\ngrad 0.6124" in "|".join(texts)
    assert any(text.startswith("f = Sqrt\n2.449") for text in texts)
    assert "Mul" in texts
    assert not any("grad" in t.get_text() for t in plot_graph(root, names=names, show_grad=False).texts)


def test_does_a_graph_of_scalar_nodes_run_from_left_to_right():
    x, y, z = Value(-2, label="x"), Value(5, label="y"), Value(-4, label="z")
    q = Value(3, (x, y), "+", "q")
    f = Value(-12, (q, z), "*", "f")
    ax = plot_graph(f)
    place = {t.get_text().split("\n")[0]: t.get_position() for t in ax.texts if t.get_text()}
    assert set(place) == {"x", "y", "z", "q = +", "f = *"}
    assert place["x"][0] < place["q = +"][0] == place["z"][0] < place["f = *"][0]
    assert len(set(place.values())) == 5, "no two nodes overlap"


def test_is_a_node_used_twice_drawn_once():
    x = Value(3, label="x")
    ax = plot_graph(Value(9, (x, x), "*", "y"))
    assert sum(bool(text.get_text()) for text in ax.texts) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot_bands([1, 2], [[1, 2, 3]], "x"), ValueError, "2 positions need"),
        (lambda: plot_decision_regions(nn.Linear(3, 2), torch.rand(4, 3), SIDES), ValueError, r"points \(N, 2\)"),
        (lambda: plot_decision_regions(nn.Linear(2, 2), POINTS, SIDES[:3]), ValueError, r"targets \(N,\)"),
        (lambda: plot_images(torch.rand(2, 5, 8, 8)), ValueError, "C 1 or 3"),
        (lambda: plot_images(torch.rand(8, 8)), ValueError, "is needed"),
        (lambda: plot_images(torch.rand(2, 8, 8), titles=["a"]), ValueError, "1 titles for 2 images"),
        (lambda: plot_kernels(torch.rand(3, 3)), ValueError, "pass conv.weight"),
        (lambda: plot_feature_maps(torch.rand(2, 3, 4, 4)), ValueError, "one image"),
        (lambda: plot_confusion_matrix([[1, 2, 3]]), ValueError, "square"),
        (lambda: plot_confusion_matrix([[1]], ["a", "b"]), ValueError, "2 names for 1 classes"),
        (lambda: plot_embedding(torch.rand(5, 1), torch.zeros(5)), ValueError, "need embeddings"),
        (lambda: plot_graph(torch.ones(1)), ValueError, "requires_grad=True"),
        (lambda: plot_graph("x"), TypeError, "not a str"),
        (lambda: plot_graph(sum(torch.ones(80, requires_grad=True).unbind())), ValueError, "too many to read"),
    ],
)
def test_are_bad_arguments_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_does_a_circuit_write_values_above_and_forces_below_the_same_wire():
    ax = plot_circuit(circuit())
    at = {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}
    for value, force in (("f = -6", "1 ↑"), ("q = 3", "-2 ↓")):
        assert at[value][0] == at[force][0]
        assert at[value][1] > at[force][1]
    assert {"x", "y", "+", "×", "-2", "5"} <= set(at)
    assert sum("↑" in text or "↓" in text for text in at) == 2  # x and y have no force yet


def test_does_a_value_used_twice_have_one_wire_to_each_user():
    assert len(plot_circuit(circuit()).lines) == 4 + 1 + 2  # four uses, the output, two gates


def test_does_a_circuit_without_forces_show_none():
    assert not any("↑" in text.get_text() for text in plot_circuit(circuit(), show_grad=False).texts)


def test_is_a_circuit_that_nobody_could_read_refused():
    node = Value(1)
    for _ in range(30):
        node = Value(1, (node, node), "+")
    with pytest.raises(ValueError, match="31 nodes, too many to read"):
        plot_circuit(node)
