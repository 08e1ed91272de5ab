"""Metrics against scikit-learn's, on random cases with classes that never occur."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from helpers.metrics import accuracy, auc, confusion_matrix, error_rate, precision_recall_fbeta, roc_curve

CLASSES = 5
labels = st.integers(0, CLASSES - 1)
pairs = st.lists(st.tuples(labels, labels), min_size=1, max_size=40).map(lambda rows: torch.tensor(rows).T)
# few distinct scores, so that many are tied
scored = (
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=40)
    .map(lambda rows: torch.tensor(rows).T)
    .filter(lambda pair: len(pair[1].unique()) == 2)
)


@given(pairs)
@settings(deadline=None)
def test_is_accuracy_scikit_learns(pair):
    predictions, targets = pair
    expected = oracle.accuracy_score(targets, predictions)
    assert accuracy(predictions, targets) == pytest.approx(expected, abs=1e-12)
    assert error_rate(predictions, targets) == pytest.approx(1 - expected, abs=1e-12)


@given(pairs)
@settings(deadline=None)
def test_is_the_confusion_matrix_scikit_learns(pair):
    predictions, targets = pair
    expected = oracle.confusion_matrix(targets, predictions, labels=range(CLASSES))
    assert np.array_equal(confusion_matrix(predictions, targets, CLASSES).numpy(), expected)


@given(pairs, st.sampled_from([0.5, 1.0, 2.0]))
@settings(deadline=None)
def test_are_precision_recall_and_fbeta_scikit_learns(pair, beta):
    predictions, targets = pair
    expected = oracle.precision_recall_fscore_support(
        targets, predictions, beta=beta, labels=range(CLASSES), zero_division=0
    )
    for ours, theirs in zip(precision_recall_fbeta(predictions, targets, beta, CLASSES), expected[:3], strict=True):
        assert ours.numpy() == pytest.approx(theirs, abs=1e-12)


@given(scored)
@settings(deadline=None)
def test_are_roc_curve_and_auc_scikit_learns(pair):
    scores, targets = pair
    ours = roc_curve(scores.float(), targets)
    theirs = oracle.roc_curve(targets, scores, drop_intermediate=False)
    for one, other in zip(ours, theirs, strict=True):
        assert one.numpy() == pytest.approx(other, abs=1e-12)
    assert auc(*ours[:2]) == pytest.approx(oracle.roc_auc_score(targets, scores), abs=1e-12)


def test_do_logits_count_as_their_largest_entry():
    logits, targets = torch.tensor([[0.1, 2.0, 0.3], [5.0, 1.0, 0.0], [0.0, 1.0, 0.5]]), torch.tensor([1, 0, 2])
    assert accuracy(logits, targets) == pytest.approx(2 / 3)
    assert confusion_matrix(logits, targets).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


def test_does_a_class_that_never_occurs_get_zero_and_no_warning(recwarn):
    precision, recall, f1 = precision_recall_fbeta(torch.tensor([0, 0]), torch.tensor([0, 0]), num_classes=2)
    assert [part[1].item() for part in (precision, recall, f1)] == [0.0, 0.0, 0.0]
    assert not recwarn.list


def test_is_auc_the_same_from_right_to_left():
    x, y = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.0, 0.8, 1.0])
    assert auc(x, y) == pytest.approx(auc(x.flip(0), y.flip(0))) == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy(torch.zeros(64, 1), torch.zeros(64)), r"\(64, 1\).*flatten a column"),
        (lambda: accuracy(torch.zeros(3), torch.zeros(4)), "both must be"),
        (lambda: accuracy(torch.zeros(0), torch.zeros(0)), "no samples"),
        (lambda: confusion_matrix(torch.tensor([0, 3]), torch.tensor([0, 1]), 3), "run from 0 to 3, but 3 classes"),
        (lambda: confusion_matrix(torch.tensor([0, -1]), torch.tensor([0, 1])), "run from -1"),
        (lambda: precision_recall_fbeta(torch.tensor([0]), torch.tensor([0]), beta=0), "beta is 0"),
        (lambda: roc_curve(torch.tensor([0.1, 0.2]), torch.tensor([1, 1])), "both of them"),
        (lambda: roc_curve(torch.tensor([0.1, 0.2]), torch.tensor([1, 2])), r"these are \[1, 2\]"),
        (lambda: roc_curve(torch.tensor([torch.nan, 0.2]), torch.tensor([1, 0])), "NaN"),
        (lambda: roc_curve(torch.zeros(2, 2), torch.zeros(2)), "of shape"),
        (lambda: auc(torch.tensor([0.0, 1.0, 0.5]), torch.zeros(3)), "neither rising nor falling"),
        (lambda: auc(torch.tensor([0.0]), torch.zeros(1)), "at least 2"),
    ],
)
def test_are_bad_arguments_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
