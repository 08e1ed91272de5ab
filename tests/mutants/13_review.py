"""Right and wrong answers to exercise 13, and the hint that each wrong one must get."""

from tests.mutants import Answers

SURE = "TRUE_CLASS = [0.25, 0.99]\n"
FIELD = "STACK = {{'size': {}, 'receptive_field': {}}}"
COUNTS = "PARAMETERS = {}\nREMEMBERED = {}"
CURES = {"A": 2, "B": 3, "C": 4, "D": 5, "E": 6}
HEADS = {
    "breed": (37, "CrossEntropyLoss"),
    "album": (5, "BCEWithLogitsLoss"),
    "rent": (1, "MSELoss"),
    "cat": (1, "BCEWithLogitsLoss"),
    "delay": (1, "L1Loss"),
}


def cures(**changes):
    return f"CURES = {CURES | changes}"


def heads(**changes):
    return f"HEADS = {HEADS | changes}"


ANSWERS = [
    Answers(
        "cat",
        right={
            "by hand": SURE + "CAT_LOSSES = [1.3863, 0.0101]",
            "a pair, to four digits": SURE + "CAT_LOSSES = 1.386, 0.01005",
            "torch": SURE + "CAT_LOSSES = [-torch.log(torch.tensor(p)).item() for p in (0.25, 0.99)]",
        },
        wrong={
            "unfinished": (SURE + "CAT_LOSSES = None", r"list of two numbers"),
            "the dog's probability": (SURE + "CAT_LOSSES = [-math.log(0.75), -math.log(0.01)]", r"before, then after"),
            "the dog's probability, blank 1": (
                "TRUE_CLASS = [0.75, 0.01]\nCAT_LOSSES = [1.3863, 0.01005]",
                r"these are the dog's",
            ),
            "after, then before": (
                "TRUE_CLASS = [0.99, 0.25]\nCAT_LOSSES = [0.01005, 1.3863]",
                r"before first",
            ),
            "blank 1 left": ("TRUE_CLASS = None\nCAT_LOSSES = [1.3863, 0.01005]", r"TRUE_CLASS"),
            "no minus": (SURE + "CAT_LOSSES = [math.log(0.25), math.log(0.99)]", r"take minus it"),
            "one minus": (SURE + "CAT_LOSSES = [0.75, 0.01]", r"1 - p is not"),
            "softmax of probabilities": (SURE + "CAT_LOSSES = [0.9741, 0.3185]", r"no second softmax"),
            "base 2": (SURE + "CAT_LOSSES = [2.0, 0.0145]", r"natural logarithm"),
            "base 10": (SURE + "CAT_LOSSES = [0.6021, 0.0044]", r"natural logarithm"),
            "rounded to zero": (SURE + "CAT_LOSSES = [1.3863, 0.0]", r"four digits"),
            "both terms": (
                SURE + "CAT_LOSSES = [-2 * math.log(0.25), -2 * math.log(0.99)]",
                r"natural logarithm.*nothing else",
            ),
            "the difference alone": (SURE + "CAT_LOSSES = math.log(0.99 / 0.25)", r"a list of two numbers"),
            "decimal commas": (SURE + "CAT_LOSSES = [1,3863, 0,99]", r"with a point, as in 0.25"),
            "texts": (SURE + 'CAT_LOSSES = ["1,3863", "0,0101"]', r"without quotation marks"),
        },
    ),
    Answers(
        "stack",
        right={
            "by hand": FIELD.format(8, 27),
            "measured": "x = torch.zeros(1, 1, 64, 64, requires_grad=True)\n"
            "f = nn.Sequential(nn.AvgPool2d(7, 2, 3), nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 1, 1), nn.AvgPool2d(3, 2, 1))\n"
            "y = f(x)\ny[0, 0, 4, 4].backward()\n"
            "STACK = {'size': y.shape[-1], 'receptive_field': int((x.grad[0, 0].sum(0) > 0).sum())}",
        },
        wrong={
            "unfinished": ("STACK = None", r"a dict with two keys"),
            "strides ignored": (FIELD.format(8, 13), r"product of the strides"),
            "own stride counted": (FIELD.format(8, 45), r"product of the strides"),
            "one stride forgotten": (FIELD.format(16, 27), r"layer by layer"),
            "no padding": (FIELD.format(5, 27), r"layer by layer"),
            "a float": (FIELD.format(8.0, 27), r"ints"),
            "a pair": ("STACK = (8, 27)", r"a dict with two keys"),
        },
    ),
    Answers(
        "parameters",
        right={
            "by hand": COUNTS.format([1216, 32, 4608, 64, 330], 98),
            "a tuple": COUNTS.format((1216, 32, 4608, 64, 330), 98),
            "counted": "net = [nn.Conv2d(3, 16, 5), nn.BatchNorm2d(16), nn.Conv2d(16, 32, 3, bias=False), "
            "nn.BatchNorm2d(32), nn.Linear(32, 10)]\n"
            "PARAMETERS = [sum(p.numel() for p in layer.parameters()) for layer in net]\n"
            "REMEMBERED = sum(v.numel() for layer in net for v in layer.state_dict().values()) - sum(PARAMETERS)",
        },
        wrong={
            "unfinished": (COUNTS.format(None, None), r"a list of five ints"),
            "no bias": (COUNTS.format([1200, 32, 4608, 64, 330], 98), r"one bias per output channel"),
            "a bias too many": (COUNTS.format([1216, 32, 4640, 64, 330], 98), r"unless bias=False"),
            "one number per channel": (COUNTS.format([1216, 16, 4608, 32, 330], 98), r"a scale and a shift"),
            "no count of batches": (COUNTS.format([1216, 32, 4608, 64, 330], 96), r"one count of batches"),
            "all of the state": (COUNTS.format([1216, 32, 4608, 64, 330], 6348), r"how many are not learned"),
            "head without biases": (COUNTS.format([1216, 32, 4608, 64, 320], 98), r"10 biases"),
            "the sum": (COUNTS.format(6250, 98), r"a list of five ints"),
        },
    ),
    Answers(
        "loops",
        right={
            "another order": "CURES = {'E': 6, 'D': 5, 'C': 4, 'B': 3, 'A': 2}",
            "zipped": "CURES = dict(zip('ABCDE', range(2, 7)))",
        },
        wrong={
            "unfinished": ("CURES = None", r"a dict"),
            "smaller steps": (cures(A=1), r"gradients of the batch before"),
            "more epochs": (cures(B=7), r"takes the softmax itself"),
            "a larger batch": (cures(C=8), r"act differently in training"),
            "shuffled features": (cures(D=6, E=8), r"on which scale"),
            "smaller steps for sorted files": (cures(E=1), r"which classes does one batch hold"),
            "one cure for all": ("CURES = dict.fromkeys('ABCDE', 2)", r"a cure of its own"),
            "a letter missing": ("CURES = {'A': 2, 'B': 3, 'C': 4, 'D': 5}", r"five letters"),
        },
    ),
    Answers(
        "heads",
        right={
            "lists": f"HEADS = { {name: list(pair) for name, pair in HEADS.items()} }",
            "names of classes": "HEADS = dict(breed=(37, nn.CrossEntropyLoss.__name__), "
            "album=(5, nn.BCEWithLogitsLoss.__name__), rent=(1, nn.MSELoss.__name__), "
            "cat=(1, nn.BCEWithLogitsLoss.__name__), delay=(1, nn.L1Loss.__name__))",
        },
        wrong={
            "unfinished": ("HEADS = None", r"a dict"),
            "one output for all breeds": (heads(breed=(1, "CrossEntropyLoss")), r"breed: exclusive classes"),
            "one softmax over labels": (heads(album=(5, "CrossEntropyLoss")), r"a yes or no of its own"),
            "median for the mean": (heads(rent=(1, "L1Loss")), r"smallest at the mean"),
            "two outputs": (heads(cat=(2, "CrossEntropyLoss")), r"one logit is enough"),
            "softmax over one output": (heads(cat=(1, "CrossEntropyLoss")), r"over a single output is always 1"),
            "an amount": (heads(cat=(1, "MSELoss")), r"is a class, not an amount"),
            "two outputs for a delay": (heads(delay=(2, "L1Loss")), r"delay: the loss fits"),
            "a number alone": (heads(breed=37), r"no number alone"),
            "mean for the median": (heads(delay=(1, "MSELoss")), r"smallest at the median"),
            "an unknown loss": (heads(rent=(1, "mse")), r"one of the four names"),
        },
    ),
]
