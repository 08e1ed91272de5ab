"""Sets that are always there: against truth tables, scikit-learn and their own promises."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_moons

from helpers import data


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("and", lambda a, b: a and b),
        ("or", lambda a, b: a or b),
        ("XOR", lambda a, b: a != b),
        ("nand", lambda a, b: not (a and b)),
        ("nor", lambda a, b: not (a or b)),
        ("xnor", lambda a, b: a == b),
    ],
)
def test_gates_are_their_truth_tables(name, rule):
    X, y = data.logic_gate(name)
    assert X.dtype == torch.float32
    assert y.dtype == torch.int64
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [int(rule(bool(a), bool(b))) for a, b in X]


def test_moons_without_noise_are_scikit_learns():
    X, y = data.moons(101, noise=0)
    theirs, labels = make_moons(101, shuffle=False, noise=None)
    ours = torch.cat([X, y[:, None]], dim=1).numpy()
    wanted = np.column_stack([theirs, labels])
    assert np.allclose(ours[np.lexsort(ours.T.round(4))], wanted[np.lexsort(wanted.T.round(4))], atol=1e-5)


def test_moons_noise_has_the_asked_size():
    clean, noisy = data.moons(4000, noise=0.0, seed=1), data.moons(4000, noise=0.3, seed=1)
    # The nearest point of the clean curves is closer than the noise, but not by much.
    distance = torch.cdist(noisy.X, clean.X).min(1).values
    assert 0.15 < float(distance.mean()) < 0.3


def test_spiral_has_arms_of_growing_radius():
    X, y = data.spiral(50, classes=4, noise=0)
    assert X.shape == (200, 2)
    assert torch.bincount(y).tolist() == [50] * 4
    for arm in range(4):
        torch.testing.assert_close(X[y == arm].norm(dim=1), torch.linspace(0, 1, 50))
    first, second = X[y == 0][1:], X[y == 1][1:]
    angles = torch.atan2(first[:, 0], first[:, 1]) - torch.atan2(second[:, 0], second[:, 1])
    torch.testing.assert_close(angles.cos(), torch.zeros(49), atol=1e-5, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_spiral_defeats_a_straight_line_only(seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    (X, y), (fresh, labels) = data.spiral(seed=seed), data.spiral(seed=seed + 50)
    assert LogisticRegression().fit(X, y).score(X, y) < 0.6
    assert KNeighborsClassifier(3).fit(X, y).score(fresh, labels) > 0.95


@pytest.mark.parametrize("draw", [data.moons, data.spiral])
def test_seeds_decide(draw):
    assert torch.equal(draw(seed=1).X, draw(seed=1).X)
    assert not torch.equal(draw(seed=1).X, draw(seed=2).X)
    assert "seed 2" in draw(seed=2).source


def test_digits_are_scikit_learns_cut_in_three():
    splits = data.digits()
    parts = (splits.train, splits.val, splits.test)
    assert [len(part) for part in parts] == [1077, 360, 360]
    images = torch.cat([part.images for part in parts])
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == torch.uint8
    theirs = load_digits()
    targets = torch.cat([part.targets for part in parts])
    levels = (images.double() / 255 * 16).round().flatten(1)
    ours = sorted(zip(levels.tolist(), targets.tolist(), strict=True))
    assert ours == sorted(zip(theirs.data.tolist(), theirs.target.tolist(), strict=True))
    share = torch.bincount(targets) / 1797
    for part in parts:
        assert float((torch.bincount(part.targets) / len(part) - share).abs().max()) < 0.005
    assert splits.classes == tuple("0123456789")
    assert "scikit-learn" in splits.source
    assert torch.equal(data.digits().val.images, splits.val.images)


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "coffee", "rocket", "camera"])
def test_photographs_are_scikit_images(name):
    from skimage import data as theirs

    photograph = data.photograph(name)
    wanted = getattr(theirs, name)()
    assert photograph.dtype == torch.uint8
    assert np.array_equal(photograph.numpy(), wanted if wanted.ndim == 3 else np.stack([wanted] * 3, axis=-1))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: data.logic_gate("maybe"), ValueError, "no gate 'maybe'; choose one of and, or"),
        (lambda: data.logic_gate(3), ValueError, "no gate 3"),
        (lambda: data.moons(100, noise=-0.1), ValueError, "noise must be at least 0"),
        (lambda: data.moons(1), ValueError, "n must be at least 2"),
        (lambda: data.moons(noise="much"), TypeError, "noise must be a number"),
        (lambda: data.moons(10.5), TypeError, "n must be a whole number"),
        (lambda: data.spiral(noise=float("nan")), ValueError, "noise must be at least 0"),
        (lambda: data.spiral(classes=1), ValueError, "classes must be at least 2"),
        (lambda: data.photograph("grumpy"), ValueError, "no photograph 'grumpy'"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_importing_the_data_sets_is_cheap():
    import subprocess
    import sys

    code = (
        "import sys, torch; old = set(sys.modules); import helpers.data, helpers.models; print(*set(sys.modules) - old)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torchvision", "sklearn", "skimage", "matplotlib", "PIL", "scipy", "tqdm", "torch._dynamo"}
    assert not heavy & (set(loaded) | {name.split(".")[0] for name in loaded})
