"""Cats and dogs among ImageNet's classes: against the names, and against sums written out by hand."""

import math

import pytest
import torch

from helpers import data, imagenet, models


def test_are_there_5_cats_and_118_dogs_and_nothing_else_in_the_groups():
    names = imagenet.class_names()
    assert len(names) == 1000
    cats, dogs = ([names[i] for i in group] for group in (imagenet.CATS, imagenet.DOGS))
    assert cats == ["tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"]
    assert (len(dogs), dogs[0], dogs[-1]) == (118, "Chihuahua", "Mexican hairless")
    assert {"beagle", "golden retriever", "pug", "Great Dane", "Border collie", "Samoyed"} <= set(dogs)
    # wild relatives, and things that only sound like one
    others = {"timber wolf", "dingo", "red fox", "hyena", "cougar", "lynx", "tiger", "hotdog", "hot dog", "dogsled"}
    assert not others & {*cats, *dogs}
    assert pytest.approx(3.1612, abs=1e-4) == imagenet.OFFSET


def test_are_the_log_odds_those_of_the_summed_probabilities():
    logits = torch.randn(7, 1000, generator=torch.Generator().manual_seed(0)) * 4
    p = logits.double().softmax(1)
    dog, cat = p[:, 151:269].sum(1), p[:, 281:286].sum(1)
    assert torch.allclose(imagenet.dog_log_odds(logits, 0).double(), (dog / cat).log(), atol=1e-4)
    shifted = imagenet.dog_log_odds(logits).double()
    assert torch.allclose(shifted, (dog / 118).log() - (cat / 5).log(), atol=1e-4)
    assert torch.allclose(imagenet.pet_share(logits).double(), dog + cat, atol=1e-5)


def test_a_network_that_knows_nothing_has_no_opinion_after_the_offset():
    nothing = torch.zeros(1, 1000)
    assert imagenet.dog_log_odds(nothing).item() == pytest.approx(0, abs=1e-5)
    assert imagenet.dog_log_odds(nothing, 0).sigmoid().item() == pytest.approx(118 / 123, abs=1e-5)


def test_a_verdict_names_the_animal_the_five_best_and_its_doubt():
    logits = torch.zeros(1000)
    logits[[281, 282]] = 12.0
    said = imagenet.verdict(logits)
    assert (said.label, [name for name, _ in said.top][:2]) == ("cat", ["tabby", "tiger cat"])
    p_cat = 2 * math.e**12 / 5 / (2 * math.e**12 / 5 + 1)
    assert said.probability == pytest.approx(p_cat, abs=1e-3)
    logits[imagenet.DOGS[7]] = 20.0
    assert imagenet.verdict(logits).label == "dog"
    logits[504] = 40.0  # coffee mug
    said = imagenet.verdict(logits[None])
    assert said.label == "neither"
    assert str(said).startswith("this looks like neither a cat nor a dog; perhaps coffee mug (100%)")


def test_logits_of_another_head_are_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"shape \(B, 1000\).*not \(4, 2\); a network whose head was replaced"):
        imagenet.dog_log_odds(torch.zeros(4, 2))


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_are_bundled_photographs_of_things_turned_away(name):
    net = models.backbone("efficientnet_lite0", fallback=False)
    picture = data.photograph(name).permute(2, 0, 1)[None].float()
    side = min(picture.shape[2:])
    picture = torch.nn.functional.interpolate(picture[..., :side, :side], (224, 224), mode="area").to(torch.uint8)
    assert imagenet.verdict(net.head(models.embed(net, picture))).label == "neither"
