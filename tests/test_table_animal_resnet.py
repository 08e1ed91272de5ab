"""Is the small residual network's rung of the ladder recorded, and does it keep its test pictures apart?"""

from helpers.tables import rows
from tools.tables import animal_resnet


def test_is_the_rung_recorded_as_the_script_would_train_it():
    (row,) = rows("animal_resnet")
    assert row["epochs"] == animal_resnet.EPOCHS
    assert min(row["test"]) > 0.9


def test_are_the_test_pictures_others_than_those_of_the_seeds():
    assert animal_resnet.TEST_SEED not in animal_resnet.SEEDS
