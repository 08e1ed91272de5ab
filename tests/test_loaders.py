"""Loaders against oracles: plain indexing, torchvision's transforms, and the loader itself on another path."""

import pytest
import torch
from torchvision.transforms import v2

from helpers import data
from helpers.data import loaders


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(5)
    return (
        torch.randint(0, 256, (50, 3, 12, 10), dtype=torch.uint8, generator=generator),
        torch.randint(0, 4, (50,), generator=generator),
    )


def same(one, other):
    return len(one) == len(other) and all(
        torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)
    )


def test_every_image_comes_once_with_its_target(batch):
    images, targets = batch
    loader = data.make_loader(torch.arange(50.0).view(50, 1, 1, 1), torch.arange(50), 8, shuffle=True)
    got = [(x.flatten().long(), y) for x, y in loader]
    assert all(torch.equal(x, y) for x, y in got)
    assert torch.equal(torch.cat([y for _, y in got]).sort().values, torch.arange(50))


def test_unshuffled_batches_are_slices_divided_by_255(batch):
    images, targets = batch
    got = list(data.make_loader(images, targets, 16))
    assert [len(x) for x, _ in got] == [16, 16, 16, 2]
    torch.testing.assert_close(torch.cat([x for x, _ in got]), images / 255)
    assert torch.equal(torch.cat([y for _, y in got]), targets)
    assert got[0][0].dtype == torch.float32


@pytest.mark.parametrize(
    ("drop_last", "size", "batches"), [(False, 16, 4), (True, 16, 3), (False, 25, 2), (True, 50, 1)]
)
def test_len_is_the_number_of_batches(batch, drop_last, size, batches):
    loader = data.make_loader(*batch, size, drop_last=drop_last, shuffle=True)
    got = list(loader)
    assert len(loader) == len(got) == batches
    assert not drop_last or all(len(x) == size for x, _ in got)


def test_normalisation_equals_torchvision(batch):
    images, targets = batch
    mean, std = data.channel_stats(images)
    reference = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])(images)
    got = torch.cat([x for x, _ in data.make_loader(images, targets, 7, normalize=(mean, std))])
    torch.testing.assert_close(got, reference, rtol=1e-5, atol=2e-6)
    torch.testing.assert_close(got.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(got.std((0, 2, 3), correction=0), torch.ones(3), rtol=0, atol=1e-5)


def test_float_data_is_left_as_it_is_and_not_shared_after_normalising(batch):
    X = torch.randn(20, 5)
    got = torch.cat([x for x, _ in data.make_loader(X, torch.zeros(20), 6)])
    assert torch.equal(got, X)
    images = batch[0] / 255
    before = images.clone()
    list(data.make_loader(images, batch[1], normalize=((0.5,) * 3, (0.2,) * 3)))
    assert torch.equal(images, before)


def test_same_seed_same_order_and_a_new_order_each_epoch(batch):
    one, other = (data.make_loader(*batch, 8, shuffle=True, seed=3) for _ in range(2))
    first, second = list(one), list(one)
    assert same(first, list(other))
    assert same(second, list(other))
    assert not same(first, second)
    assert not same(first, list(data.make_loader(*batch, 8, shuffle=True, seed=4)))


def test_set_epoch_repeats_the_order_of_that_epoch(batch):
    loader = data.make_loader(*batch, 8, shuffle=True, augment=data.random_flip)
    epochs = [list(loader) for _ in range(3)]
    loader.set_epoch(1)
    assert same(list(loader), epochs[1])
    assert same(list(loader), epochs[2])


def test_global_random_numbers_play_no_part(batch):
    loader = data.make_loader(*batch, 8, shuffle=True, augment=data.random_flip)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = list(loader)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    loader.set_epoch(0)
    assert same(list(loader), first)


@pytest.mark.parametrize("shuffle", [False, True])
def test_streaming_gives_the_same_batches_as_resident_data_with_any_number_of_workers(batch, shuffle):
    settings = {
        "shuffle": shuffle,
        "augment": [data.random_flip, data.random_crop],
        "normalize": ((0.5,) * 3, (0.2,) * 3),
    }
    resident = list(data.make_loader(*batch, 16, **settings))
    for workers in (0, 1, 2):
        assert same(list(data.make_loader(*batch, 16, workers=workers, **settings)), resident)


def test_streaming_without_augmentation_and_with_drop_last(batch):
    resident = list(data.make_loader(*batch, 16, shuffle=True, drop_last=True))
    assert same(list(data.make_loader(*batch, 16, shuffle=True, drop_last=True, workers=0)), resident)


def test_what_does_not_fit_is_streamed(batch, monkeypatch):
    assert data.make_loader(*batch).workers is None
    monkeypatch.setattr(loaders, "_free_memory", lambda device: 1000)
    assert data.make_loader(*batch).workers == 2


def test_flip_is_torchvisions_flip_for_half_of_the_images(batch):
    images = batch[0].repeat(20, 1, 1, 1)
    got = data.random_flip(images, torch.Generator().manual_seed(0))
    flipped = v2.functional.horizontal_flip(images)
    is_flipped = (got == flipped).flatten(1).all(1)
    assert bool((is_flipped | (got == images).flatten(1).all(1)).all())
    assert 0.45 < is_flipped.float().mean() < 0.55
    assert torch.equal(data.random_flip(images, torch.Generator(), p=0.0), images)
    assert torch.equal(data.random_flip(images, torch.Generator(), p=1.0), flipped)


@pytest.mark.parametrize(("mode", "theirs"), [("reflect", "reflect"), ("edge", "edge"), ("zeros", "constant")])
@pytest.mark.parametrize("padding", [0, 1, 4])
def test_crop_is_a_window_of_torchvisions_padding(batch, mode, theirs, padding):
    images = batch[0]
    before = images.clone()
    got = data.random_crop(images, torch.Generator().manual_seed(1), padding, mode)
    top, left = torch.randint(2 * padding + 1, (2, 50), generator=torch.Generator().manual_seed(1))
    for image, crop, y, x in zip(images, got, top.tolist(), left.tolist(), strict=True):
        padded = v2.functional.pad(image, [padding] * 4, padding_mode=theirs)
        assert torch.equal(crop, v2.functional.crop(padded, y, x, 12, 10))
    assert torch.equal(images, before)
    assert padding == 0 or len({(int(y), int(x)) for y, x in zip(top, left, strict=True)}) > 5


def test_channel_stats_are_those_of_the_values(batch):
    mean, std = data.channel_stats(batch[0])
    values = batch[0].double().div(255).transpose(0, 1).flatten(1)
    torch.testing.assert_close(torch.tensor(mean, dtype=torch.float64), values.mean(1))
    torch.testing.assert_close(torch.tensor(std, dtype=torch.float64), values.std(1, correction=0))


def test_a_loader_moves_with_its_data(batch):
    loader = data.make_loader(*batch, 16, shuffle=True, normalize=((0.5,) * 3, (0.2,) * 3))
    twin = loader.to("meta")
    assert twin.images.device.type == twin.targets.device.type == "meta"
    assert loader.images.device.type == "cpu"
    assert same(
        list(loader.to("cpu")), list(data.make_loader(*batch, 16, shuffle=True, normalize=((0.5,) * 3, (0.2,) * 3)))
    )


IMAGES = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("images", "targets", "settings", "error", "message"),
    [
        (IMAGES, torch.zeros(3).long(), {}, ValueError, "4 images but 3 targets"),
        (IMAGES[:0], torch.zeros(0).long(), {}, ValueError, "empty"),
        (IMAGES.long(), torch.zeros(4).long(), {}, TypeError, "uint8"),
        (IMAGES, torch.zeros(4, dtype=torch.int32), {}, TypeError, r"targets\.long"),
        (IMAGES, torch.tensor([0, 1, -1, 0]), {}, ValueError, "start at 0"),
        (IMAGES.numpy(), torch.zeros(4).long(), {}, TypeError, "must be a tensor"),
        (IMAGES, [0, 1, 0, 1], {}, TypeError, "must be a tensor"),
        (IMAGES, torch.zeros(4).long(), {"batch_size": 0}, ValueError, "at least 1"),
        (IMAGES, torch.zeros(4).long(), {"batch_size": 8, "drop_last": True}, ValueError, "leaves nothing"),
        (IMAGES, torch.zeros(4).long(), {"normalize": ((0.5, 0.5), (0.1, 0.1))}, ValueError, "3 channels"),
        (IMAGES, torch.zeros(4).long(), {"normalize": ((0.5,), (0.0,))}, ValueError, "not positive"),
        (torch.zeros(4, 2), torch.zeros(4).long(), {"normalize": ((0.5,), (0.1,))}, ValueError, r"\(N, C, H, W\)"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(images, targets, settings, error, message):
    with pytest.raises(error, match=message):
        data.make_loader(images, targets, **settings)


def test_bad_crops_are_refused():
    with pytest.raises(ValueError, match="mode"):
        data.random_crop(IMAGES, torch.Generator(), mode="mirror")
    with pytest.raises(ValueError, match="padding"):
        data.random_crop(IMAGES, torch.Generator(), padding=8)


def test_indices_split_without_overlap_and_in_proportion():
    targets = torch.tensor([0] * 70 + [1] * 30)[torch.randperm(100, generator=torch.Generator().manual_seed(0))]
    parts = data.split_indices(targets, (0.6, 0.2, 0.2), seed=1)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(100))
    for part, zeros in zip(parts, (42, 14, 14), strict=True):
        assert abs(int((targets[part] == 0).sum()) - zeros) <= 1
    again = data.split_indices(targets, (0.6, 0.2, 0.2), seed=1)
    assert all(torch.equal(a, b) for a, b in zip(parts, again, strict=True))
    assert not torch.equal(parts[0], data.split_indices(targets, (0.6, 0.2, 0.2), seed=2)[0])
    with pytest.raises(ValueError, match="at most 100"):
        data.split_indices(targets, (90, 30))
