"""What can go wrong in chapter 12: a file of another network, a GPU that is not there, and one that is too small."""

from unittest import mock

import pytest
import torch

from helpers import data, models
from helpers.runtime import get_device
from helpers.training import Checkpoint, fit


def loader():
    animals = data.drawn_animals(40, seed=0)
    return data.make_loader(*animals, 20, normalize=models.pretrained_animals().normalize)


def cats_and_dogs():
    return models.replace_head(models.pretrained_animals(), 2)


def test_a_checkpoint_of_three_classes_is_refused_in_one_sentence_and_changes_nothing(tmp_path):
    path = tmp_path / "pets.pt"
    torch.save({"model": models.SmallCNN(3).state_dict(), "epoch": 1}, path)
    net = cats_and_dogs()
    before = [value.clone() for value in net.state_dict().values()]
    sentence = r"another architecture \(head.weight is \(3, 64\) in the file and \(2, 64\) in the model\): build"
    with pytest.raises(ValueError, match=sentence) as error:
        Checkpoint(path).load_weights(net)
    assert "\n" not in str(error.value)
    assert all(map(torch.equal, before, net.state_dict().values()))


def test_a_gpu_that_is_not_there_is_named_with_what_is():
    with (
        mock.patch("torch.cuda.is_available", return_value=False),
        pytest.raises(ValueError, match="device 'cuda' is not available here; use cpu"),
    ):
        get_device("cuda")


def test_a_gpu_that_is_too_small_says_what_to_turn_and_keeps_the_epochs_that_are_done(tmp_path):
    net, path, batches = cats_and_dogs(), tmp_path / "run.pt", 0

    def fill_up(layer, inputs):
        nonlocal batches
        batches += layer.training
        if batches > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    net.features[2].register_forward_pre_hook(fill_up)
    with pytest.raises(MemoryError, match=r"batch of shape \(20, 3, 32, 32\): halve batch_size") as error:
        fit(net, loader(), epochs=2, callbacks=[Checkpoint(path)], progress=False)
    assert "\n" not in str(error.value)
    kept = Checkpoint(path).load_weights(cats_and_dogs())
    assert all(map(torch.equal, net.parameters(), kept.parameters()))
