"""Drawn animals: the same pixels every time, masks where the animal is, and a difficulty that teaches."""

import pytest
import torch
import torch.nn.functional as F

from helpers.data import SPECIES, channel_stats, drawn_animals, make_loader, random_flip
from helpers.data import drawn as module
from helpers.models import MLP, SmallCNN, evaluating, pretrained_animals

ALL = tuple(SPECIES)


def test_there_are_enough_species():
    assert len(ALL) >= 12
    assert {"cat", "dog"} <= set(ALL)


def test_images_are_balanced_bytes_with_class_indices():
    animals = drawn_animals(10, ("dog", "owl", "cat"), size=33)
    images, targets = animals
    assert images.shape == (10, 3, 33, 33)
    assert images.dtype == torch.uint8
    assert targets.dtype == torch.int64
    assert torch.bincount(targets).tolist() == [4, 3, 3]
    assert animals.classes == ("dog", "owl", "cat")
    assert "seed 0" in animals.source
    assert "drawn" in animals.source


def test_the_same_seed_gives_the_same_pixels_whatever_happened_before():
    torch.manual_seed(1)
    first = drawn_animals(40, ALL[:5], seed=3).images
    torch.manual_seed(2)
    assert torch.equal(drawn_animals(40, ALL[:5], seed=3).images, first)
    assert not torch.equal(drawn_animals(40, ALL[:5], seed=4).images, first)


@pytest.mark.parametrize("n", [1, 5, 127, 128, 129, 250])
def test_the_first_images_do_not_depend_on_how_many_are_asked_for(n):
    images, _, masks = drawn_animals(300, seed=5, return_masks=True)
    fewer, _, fewer_masks = drawn_animals(n, seed=5, return_masks=True)
    assert torch.equal(fewer, images[:n])
    assert torch.equal(fewer_masks, masks[:n])


@pytest.mark.parametrize("block_of_pixels", [1, 5])
def test_pixels_do_not_depend_on_how_they_are_batched(monkeypatch, block_of_pixels):
    images = drawn_animals(60, ALL, seed=6).images
    paint = module._paint

    def one_by_one(name, look, size, want_mask):
        rows = [
            {k: v[i : i + block_of_pixels] for k, v in look.items()} for i in range(0, len(look["x"]), block_of_pixels)
        ]
        canvases = [paint(name, row, size, want_mask)[0] for row in rows]
        return torch.cat(canvases), None

    monkeypatch.setattr(module, "_paint", one_by_one)
    assert torch.equal(drawn_animals(60, ALL, seed=6).images, images)


def test_no_two_seeds_share_animals():
    images = torch.cat([drawn_animals(200, seed=seed).images for seed in range(4)])
    assert len(torch.unique(images.flatten(1), dim=0)) == 800


@pytest.mark.parametrize("size", [32, 48, 64, 100, 224])
def test_every_size_shows_the_same_animals(size):
    small = drawn_animals(6, seed=2).images.float()
    images = drawn_animals(6, size=size, seed=2).images.float()
    assert images.shape == (6, 3, size, size)
    error = (F.interpolate(images, (32, 32), mode="area") - small).abs().mean((1, 2, 3))
    assert float(error.max()) < 22  # the noise alone makes about 14


def test_masks_cover_the_head_and_not_what_hides_it():
    images, targets, masks = drawn_animals(200, ALL, size=64, seed=1, return_masks=True)
    assert masks.shape == (200, 64, 64)
    assert masks.dtype == torch.bool
    share = masks.float().mean((1, 2))
    assert float(share.min()) > 0.03
    assert 0.1 < float(share.mean()) < 0.4
    # Painted without the animal, the picture differs inside the mask and, but for whiskers and the mane, nowhere else.
    species = dict(module.SPECIES)
    try:
        module.SPECIES.update({name: [] for name in species})
        bare = drawn_animals(200, ALL, size=64, seed=1).images
    finally:
        module.SPECIES.update(species)
    changed = (images.int() - bare.int()).abs().sum(1) > 24
    assert float(changed[~masks].float().mean()) < 0.04
    assert float(changed[masks].float().mean()) > 0.85


def test_all_species_look_different_and_none_is_empty():
    means = torch.stack([drawn_animals(64, (name,), seed=1).images.float().mean(0) for name in ALL])
    # The same seed gives the same scenes, so only the animal makes the difference.
    distance = torch.cdist(means.flatten(1), means.flatten(1)) + 1e9 * torch.eye(len(ALL))
    assert float(distance.min()) > 100


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "n must be"),
        ({"n": 2.0}, "n must be"),
        ({"species": ("cat", "unicorn")}, "species must be different names out of cat, dog"),
        ({"species": ()}, "species must be"),
        ({"species": ("cat", "cat")}, "species must be"),
        ({"size": 31}, "size must be .* 32 to 224"),
        ({"size": 225}, "size must be"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        drawn_animals(**({"n": 4} | settings))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_paints_the_same_animals():
    ours, theirs = drawn_animals(64, ALL).images, drawn_animals(64, ALL, device="cuda").images.cpu()
    assert float((ours.int() - theirs.int()).abs().float().mean()) < 0.1


def fit(model, images, targets, epochs, lr, batch_size=64, augment=None, seed=0):
    loader = make_loader(
        images, targets, batch_size, shuffle=True, seed=seed, augment=augment, normalize=((0.5,) * 3, (0.25,) * 3)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * len(loader))
    model.train()
    for _ in range(epochs):
        for batch, labels in loader:
            loss = F.cross_entropy(model(batch), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
    return model


@torch.no_grad()
def accuracy(model, images, targets):
    with evaluating(model):
        loader = make_loader(images, targets, 250, normalize=((0.5,) * 3, (0.25,) * 3))
        return sum(int((model(batch).argmax(1) == labels).sum()) for batch, labels in loader) / len(targets)


@pytest.mark.parametrize("seed", range(3))
def test_single_pixels_do_not_give_the_class_away(seed):
    train, test = drawn_animals(2000, seed=seed), drawn_animals(1000, seed=100 + seed)
    torch.manual_seed(seed)
    assert 0.45 < accuracy(fit(MLP((3072, 2)), *train, epochs=5, lr=1e-3), *test) < 0.70


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_small_cnn_sees_the_difference(seed):
    train, test = drawn_animals(2000, seed=seed), drawn_animals(1000, seed=100 + seed)
    torch.manual_seed(seed)
    assert accuracy(fit(SmallCNN(), *train, epochs=8, lr=1e-2, augment=random_flip), *test) > 0.88


@torch.no_grad()
def embed(net, images):
    with evaluating(net):
        return torch.cat(
            [net.embed(x) for x, _ in make_loader(images, images[:, 0, 0, 0].long(), 250, normalize=net.normalize)]
        )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_was_learned_from_other_species_transfers(seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    net = pretrained_animals()
    assert not {"cat", "dog"} & set(net.classes)
    train, test = drawn_animals(100, seed=seed), drawn_animals(1000, seed=100 + seed)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    probe.fit(embed(net, train.images), train.targets)
    probed = probe.score(embed(net, test.images), test.targets)
    torch.manual_seed(seed)
    scratch = accuracy(fit(SmallCNN(), *train, epochs=30, lr=1e-2, batch_size=20, augment=random_flip), *test)
    assert probed > 0.85
    assert probed > scratch + 0.10


def test_colours_and_light_vary():
    mean, std = channel_stats(drawn_animals(500).images)
    assert all(0.3 < value < 0.7 for value in mean)
    assert all(0.2 < value < 0.4 for value in std)
