"""Right and wrong answers to exercise 1, and the hint that each wrong one must get."""

from tests.mutants import Answers

FIT = """
def perceptron_fit(X, y, max_epochs):
    w, b, mistakes = torch.zeros(X.shape[1]), 0.0, []
    for _ in range(max_epochs):
        count = 0
        for x, target in zip(X, y):
            error = float(target) - float(x @ w + b {fires} 0)
            w = w + {sign} error * x
            b = b + {bias}
            count += {count}
        mistakes.append(count)
        if {stop}:
            break
    return {result}
"""

SEARCH = """
def is_linearly_separable(table):
    for w1 in ({weights}):
        for w2 in ({weights}):
            for b in ({biases}):
                if [int(b + w1 * x1 + w2 * x2 > 0) for x1 in (0, 1) for x2 in (0, 1)] == list(table):
                    return True
    return False
"""

XOR = """
def xor_weights():
    return {}
"""

DISTANCE = """
def signed_distance(X, w, b):
    if not w.any():
        raise ValueError("no hyperplane")
    return {}
"""

FEATURES = """
def handmade_features(images):
    x = images.float() / 255
    {features}


def neuron_accuracy(features, targets, w, b):
    {accuracy}
"""


def neuron(body):
    return f"\ndef neuron(x, w, b, activation):\n    {body}\n"


def gates(**changes):
    return f"\nGATES = {dict({'and': (-30, 20, 20), 'or': (-10, 20, 20), 'nand': (30, -20, -20), 'nor': (10, -20, -20)} | changes)}\n"


def fit(**changes):
    parts = {"fires": ">", "sign": "", "bias": "error", "count": "abs(error) > 0", "stop": "count == 0"}
    return FIT.format(**(parts | {"result": "w, b, mistakes"} | changes))


def search(weights="-1, 0, 1", biases="-1.5, -0.5, 0.5, 1.5"):
    return SEARCH.format(weights=weights, biases=biases)


def animals(features=None, accuracy="return ((features @ w + b > 0).long() == targets).float().mean().item()"):
    four = "x[:, 0].mean(dim=(1, 2)), x[:, 1].mean(dim=(1, 2)), x[:, 2].mean(dim=(1, 2)), x.amax(dim=(1, 2, 3)) - x.mean(dim=(1, 2, 3))"
    return FEATURES.format(features=features or f"return torch.stack([{four}], dim=1)", accuracy=accuracy)


ANSWERS = [
    Answers(
        "neuron",
        right={
            "sum of products": neuron("return activation((x * w).sum(dim=-1) + b)"),
            "matmul": neuron("return activation(torch.matmul(x, w).add(b))"),
        },
        wrong={
            "forgets the bias": (neuron("return activation(x @ w)"), "bias"),
            "forgets the activation": (neuron("return x @ w + b"), "apply the activation"),
            "always the sigmoid": (neuron("return torch.sigmoid(x @ w + b)"), "weighted sum|handed in"),
            "sums the whole batch": (neuron("return activation((x * w).sum() + b)"), "one output for each row"),
            "a column": (
                neuron("return activation(x.reshape(-1, x.shape[-1]) @ w.reshape(-1, 1) + b)"),
                "weighted sum",
            ),
            "in place": (neuron("x *= w\n    return activation(x.sum(dim=-1) + b)"), "in place|weighted sum|sum over"),
            "single precision": (neuron("return activation(x.float() @ w.float() + b)"), "dtype"),
            "unfinished": (neuron("...  # your code here"), "not written yet"),
        },
    ),
    Answers(
        "gates",
        right={
            "smaller": gates(**{"and": (-15, 10, 10), "nor": (5, -10, -10)}),
            "uneven": gates(**{"and": (-30, 12, 25), "or": (-6.0, 30.0, 12.0), "nand": [25, -15, -18]}),
        },
        wrong={
            "bias last": (gates(**{"and": (20, 20, -30)}), "AND: order"),
            "or like and": (gates(**{"or": (-30, 20, 20)}), "one weight is enough"),
            "nand keeps a sign": (gates(nand=(-30, -20, -20)), "NAND is the opposite"),
            "nor like nand": (gates(nor=(30, -20, -20)), "NOR is the opposite"),
            "too soft": (gates(**{"and": (-1.5, 1, 1)}), "larger together"),
            "capital letters": (
                "\nGATES = {'AND': (-30, 20, 20), 'OR': (-10, 20, 20), 'NAND': (30, -20, -20), 'NOR': (10, -20, -20)}\n",
                "small letters",
            ),
            "unfinished": ("\nGATES = None\n", "GATES|NoneType"),
        },
    ),
    Answers(
        "perceptron-fit",
        right={
            "bias as a weight": """
def perceptron_fit(X, y, max_epochs):
    rows = torch.cat([torch.ones(len(X), 1), X], dim=1)
    weights, mistakes = torch.zeros(rows.shape[1]), []
    while len(mistakes) < max_epochs and (not mistakes or mistakes[-1]):
        wrong = 0
        for row, target in zip(rows, y):
            error = int(target) - int(row @ weights > 0)
            weights = weights + error * row
            wrong += abs(error)
        mistakes.append(wrong)
    return weights[1:], weights[0], mistakes
""",
            "the helper": """
def perceptron_fit(X, y, max_epochs):
    perceptron = models.Perceptron(X.shape[1])
    mistakes = perceptron.learn(X, y, max_epochs)
    return perceptron.weight, perceptron.bias, mistakes
""",
        },
        wrong={
            "fires at zero": (fit(fires=">="), "z = 0 does not fire"),
            "subtracts": (fit(sign="-"), "add the inputs"),
            "bias never learns": (fit(bias="0"), "the bias learns"),
            "never stops": (fit(stop="False"), "stop after the first epoch"),
            "counts only the missed": (fit(count="error > 0"), "count every mistake"),
            "total of mistakes": (fit(result="w, b, sum(mistakes)"), "one count per epoch"),
            "no mistakes returned": (fit(result="w, b"), "three values"),
            "ignores max_epochs": (
                fit(stop="count == 0 or len(mistakes) >= 20").replace("range(max_epochs)", "range(20)"),
                "max_epochs|first epoch|one count per epoch",
            ),
            "once per epoch": (
                """
def perceptron_fit(X, y, max_epochs):
    w, b, mistakes = torch.zeros(X.shape[1]), torch.tensor(0.0), []
    for _ in range(max_epochs):
        error = y - (X @ w + b > 0).float()
        w, b = w + error @ X, b + error.sum()
        mistakes.append(int((error != 0).sum()))
        if mistakes[-1] == 0:
            break
    return w, b, mistakes
""",
                "after each row",
            ),
        },
    ),
    Answers(
        "separable",
        right={
            "search": search(),
            "diagonals": """
def is_linearly_separable(table):
    a, b, c, d = table
    return not (a == d and b == c and a != b)
""",
        },
        wrong={
            "only XOR": ("\ndef is_linearly_separable(table):\n    return table != [0, 1, 1, 0]\n", "XNOR"),
            "two ones never": ("\ndef is_linearly_separable(table):\n    return sum(table) != 2\n", "side by side"),
            "no constant tables": (
                "\ndef is_linearly_separable(table):\n"
                "    return 0 < sum(table) < 4 and table not in ([0, 1, 1, 0], [1, 0, 0, 1])\n",
                "constant tables",
            ),
            "no bias": (search(biases="0,"), "a bias is needed"),
            "only positive weights": (search(weights="0, 1", biases="-1.5, -0.5, 0.5"), "side by side"),
            "too few epochs": (
                """
def is_linearly_separable(table):
    X = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float32)
    return models.Perceptron(2).learn(X, torch.tensor(table), max_epochs=5)[-1] == 0
""",
                "six epochs",
            ),
        },
    ),
    Answers(
        "xor-weights",
        right={
            "one unit for each side": XOR.format(
                "torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), torch.zeros(2), torch.tensor([1.0, 1.0]), 0.0"
            ),
            "lists": XOR.format("[[2, 2], [2, 2]], [0, -2], [0.5, -1], 0"),
        },
        wrong={
            "three units": (
                XOR.format("torch.ones(3, 2), torch.tensor([0.0, -1.0, -5.0]), torch.tensor([1.0, -2.0, 0.0]), 0.0"),
                "exactly two",
            ),
            "a constant": (XOR.format("torch.zeros(2, 2), torch.zeros(2), torch.zeros(2), 0.5"), "for 00"),
            "OR": (
                XOR.format("torch.ones(2, 2), torch.tensor([0.0, -1.0]), torch.tensor([1.0, -1.0]), 0.0"),
                "take back",
            ),
            "columns for rows": (
                XOR.format(
                    "torch.tensor([[1.0, -1.0], [2.0, -2.0]]).T * torch.tensor([[1.0], [1.0]]), "
                    "torch.zeros(2), torch.tensor([1.0, 1.0]), 0.0"
                ),
                "each row of W1",
            ),
            "made for the sigmoid": (
                XOR.format(
                    "torch.tensor([[20.0, 20.0], [-20.0, -20.0]]), torch.tensor([-10.0, 30.0]), "
                    "torch.tensor([20.0, 20.0]), -30.0"
                ),
                "with ReLU",
            ),
            "unfinished": (XOR.format("None"), "NoneType"),
        },
    ),
    Answers(
        "signed-distance",
        right={
            "own length": DISTANCE.format("((X * w).sum(dim=1) + b) / (w**2).sum() ** 0.5"),
            "unit normal": DISTANCE.format("X @ (w / w.norm()) + b / w.norm()"),
        },
        wrong={
            "the sum itself": (DISTANCE.format("X @ w + b"), "divide z"),
            "square of the length": (DISTANCE.format("(X @ w + b) / (w @ w)"), "divide z"),
            "no sign": (DISTANCE.format("(X @ w + b).abs() / w.norm()"), "the sign says"),
            "bias in the length": (DISTANCE.format("(X @ w + b) / (w @ w + b * b) ** 0.5"), "divide z"),
            "bias not divided": (DISTANCE.format("X @ w / w.norm() + b"), "on the line|divide z"),
            "no error": ("\ndef signed_distance(X, w, b):\n    return (X @ w + b) / w.norm()\n", "ValueError"),
        },
    ),
    Answers(
        "animals",
        right={
            "colours": animals(),
            "counts": animals(
                accuracy="agree = sum(int(f @ w + b > 0) == int(t) for f, t in zip(features, targets))\n    return agree / len(targets)"
            ),
        },
        wrong={
            "standardised in the batch": (
                animals(
                    "f = torch.stack([x[:, 0].mean((1, 2)), x[:, 1].mean((1, 2)), x[:, 2].mean((1, 2)), x.amax((1, 2, 3)) - x.mean((1, 2, 3))], 1)\n    return (f - f.mean(0)) / f.std(0)"
                ),
                "that image alone",
            ),
            "constant feature": (
                animals(
                    "m = x.mean(dim=(1, 2, 3))\n    return torch.stack([m, m**2, x[:, 0].mean(dim=(1, 2)), torch.ones(len(x))], dim=1)"
                ),
                "differ between images",
            ),
            "three features": (animals("return x.mean(dim=(2, 3))"), "four features"),
            "fires at zero": (
                animals(accuracy="return ((features @ w + b >= 0).long() == targets).float().mean().item()"),
                "does not fire",
            ),
            "percent": (
                animals(accuracy="return 100 * ((features @ w + b > 0).long() == targets).float().mean().item()"),
                "three of four",
            ),
            "forgets the bias": (
                animals(accuracy="return ((features @ w > 0).long() == targets).float().mean().item()"),
                "three of four",
            ),
            "infinite": (
                animals("m = x.mean(dim=(2, 3))\n    return torch.cat([m, (1 / (m[:, :1] - m[:, :1])).abs()], dim=1)"),
                "finite",
            ),
            "unfinished": (animals("...  # your code here", "...  # your code here"), "not written yet"),
        },
    ),
]
