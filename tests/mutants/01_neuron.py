"""Right and wrong answers to exercise 1, and the hint that each wrong one must get."""

from tests.mutants import Answers

FIT = """
def perceptron_fit(X, y, max_epochs):
    w, b, mistakes = torch.zeros({inputs}), 0.0, []
    for _ in range(max_epochs):
        count = 0
        for x, target in zip(X, y):
            error = float(target) - float(x @ w + b {fires} 0)
            {weights}
            b = b + {bias}
            count += {count}
        mistakes.append(count)
        if {stop}:
            break
    return {result}
"""

SEARCH = """
def is_linearly_separable(table):
    rows = ROWS[len(table)]
    for w in torch.cartesian_prod(*[torch.tensor([{weights}])] * rows.shape[1]):
        for b in ({biases}):
            if (rows @ w + b > 0).int().tolist() == list(table):
                return True
    return False
"""
VERDICTS = '\nVERDICTS = ["line", "no line", "cannot tell"]\n'

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


def baseline(targets):
    {baseline}
"""
TOP = "x[:, :, :10].mean(dim=(1, 2, 3))"


def neuron(body):
    return f"\ndef neuron(x, w, b, activation):\n    {body}\n"


def gates(**changes):
    right = {"and": (-15, 10, 10), "or": (-5, 10, 10), "nand": (15, -10, -10), "nor": (5, -10, -10)}
    return f"\nGATES = {right | changes}\n"


def fit(**changes):
    parts = {"inputs": "X.shape[1]", "fires": ">", "weights": "w = w + error * x", "bias": "error"}
    parts |= {"count": "abs(error) > 0", "stop": "count == 0", "result": "w, b, mistakes"}
    return FIT.format(**(parts | changes))


def search(weights="-2.0, -1.0, 0.0, 1.0, 2.0", biases="k / 2 for k in range(-13, 14, 2)"):
    return VERDICTS + SEARCH.format(weights=weights, biases=biases)


def decides(*verdicts):
    return search().replace(VERDICTS, f"\nVERDICTS = {list(verdicts)}\n")


def animals(
    features=f"return torch.stack([{TOP}, x[:, 1].mean((1, 2)), x[:, 2].mean((1, 2)), x.amax((1, 2, 3)) - {TOP}], 1)",
    accuracy="return ((features @ w + b > 0).long() == targets).float().mean().item()",
    baseline="return targets.bincount().max().item() / len(targets)",
):
    return FEATURES.format(features=features, accuracy=accuracy, baseline=baseline)


ANSWERS = [
    Answers(
        "neuron",
        right={
            "sum of products": neuron("z = (x * w).sum(dim=-1) + b\n    return z, activation(z)"),
            "columns": neuron("z = w @ x.T + b if x.ndim == 2 else w @ x + b\n    return z, activation(z)"),
            "matmul": neuron("z = torch.matmul(x, w).add(b)\n    return (z, activation(z))"),
        },
        wrong={
            "the chapter's cell": (neuron("z = x @ w + b\n    return activation(z)"), "return two things"),
            "weights first": (neuron("z = w @ x + b\n    return z, activation(z)"), "write `x @ w`"),
            "forgets the bias": (neuron("z = x @ w\n    return z, activation(z)"), "bias is missing"),
            "forgets the activation": (neuron("z = x @ w + b\n    return z, z"), "apply the activation"),
            "the output twice": (
                neuron("z = activation(x @ w + b)\n    return z, z"),
                "z is the sum before the activation",
            ),
            "always the sigmoid": (
                neuron("z = x @ w + b\n    return z, torch.sigmoid(z)"),
                "activation that was handed in",
            ),
            "sums the whole batch": (
                neuron("z = (x * w).sum() + b\n    return z, activation(z)"),
                "one sum for each row",
            ),
            "a column": (
                neuron("z = x.reshape(-1, x.shape[-1]) @ w.reshape(-1, 1) + b\n    return z, activation(z)"),
                "is 15",
            ),
            "in place": (
                neuron("x *= w\n    z = x.sum(dim=-1) + b\n    return z, activation(z)"),
                "in place|own sum",
            ),
            "single precision": (
                neuron("z = x.float() @ w.float() + b\n    return z, activation(z)"),
                "dtype",
            ),
            "unfinished": (neuron("z = ...\n    a = ...\n    return z, a"), "is 15|still stands|an answer"),
        },
    ),
    Answers(
        "gates",
        right={
            "smaller": gates(**{"and": (-14.5, 9.6, 9.6), "nor": (5, -12, -12)}),
            "uneven": gates(**{"and": (-16, 10.5, 11), "or": (-6.0, 12.0, 11.5), "nand": [17, -11.5, -11]}),
        },
        wrong={
            "the chapter's weights": (
                gates(**{"and": (-30, 20, 20), "or": (-10, 20, 20), "nand": (30, -20, -20), "nor": (10, -20, -20)}),
                "above 12",
            ),
            "half of the chapter's": (gates(**{"and": (-20, 10, 10)}), "bias comes first"),
            "or on the line": (gates(**{"or": (-10, 10, 10)}), "bias comes first"),
            "bias last": (gates(**{"and": (10, 10, -15)}), "bias comes first"),
            "or like and": (gates(**{"or": (-15, 10, 10)}), "bias comes first"),
            "nand keeps a sign": (gates(nand=(-15, -10, -10)), "bias comes first"),
            "nor like nand": (gates(nor=(15, -10, -10)), "bias comes first"),
            "nor like or": (gates(nor=(-5, 10, 10)), "opposite gate"),
            "too soft": (gates(**{"and": (-1.5, 1, 1)}), "far from the line"),
            "one weight too large": (gates(nand=(20, -14, -12)), "above 12"),
            "capital letters": (
                "\nGATES = {'AND': (-15, 10, 10), 'OR': (-5, 10, 10), 'NAND': (15, -10, -10), 'NOR': (5, -10, -10)}\n",
                "small letters",
            ),
            "unfinished": ("\nGATES = None\n", "GATES|NoneType|an answer"),
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
            "the chapter's two inputs": (fit(inputs="2"), "inner sizes|three"),
            "fires at zero": (fit(fires=">="), "exactly 0 does not fire"),
            "subtracts": (fit(weights="w = w - error * x"), "add the inputs"),
            "subtracts truth values": (
                fit().replace("float(target) - float(x @ w + b > 0)", "target - (x @ w + b > 0)"),
                "True or False, which cannot be subtracted",
            ),
            "bias never learns": (fit(bias="0"), "the bias learns"),
            "never stops": (fit(stop="False"), "stop after the first epoch"),
            "counts only the missed": (fit(count="error > 0"), "count both"),
            "total of mistakes": (fit(result="w, b, sum(mistakes)"), "one count per epoch"),
            "no mistakes returned": (fit(result="w, b"), "three values"),
            "the input in place": (
                fit(weights="x *= error\n            w = w + x"),
                "in place|with a mistake|every mistake|add its inputs",
            ),
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
            "the rule": VERDICTS
            + """
def is_linearly_separable(table):
    rows = ROWS[len(table)]
    return models.Perceptron(rows.shape[1]).learn(rows, torch.tensor(table), max_epochs=30)[-1] == 0
""",
        },
        wrong={
            "only XOR": (
                VERDICTS + "\ndef is_linearly_separable(table):\n    return table != [0, 1, 1, 0]\n",
                "XNOR",
            ),
            "XOR and XNOR only": (
                VERDICTS + "\ndef is_linearly_separable(table):\n"
                "    return table not in ([0, 1, 1, 0], [1, 0, 0, 1])\n",
                "odd number of three",
            ),
            "two ones never": (
                VERDICTS + "\ndef is_linearly_separable(table):\n    return sum(table) != 2\n",
                "side by side",
            ),
            "no constant tables": (
                search().replace(
                    "    rows =", "    if sum(table) in (0, len(table)):\n        return False\n    rows ="
                ),
                "never fires",
            ),
            "two inputs only": (search().replace("ROWS[len(table)]", "ROWS[4]"), "x1 . x2|two of three"),
            "no bias": (search(biases="0,"), "a bias is needed"),
            "only positive weights": (search(weights="0.0, 1.0, 2.0"), "side by side|always fires"),
            "weights too small": (search(weights="-1.0, 0.0, 1.0"), "more weights"),
            "too few epochs": (
                VERDICTS
                + """
def is_linearly_separable(table):
    X = ROWS[len(table)]
    return models.Perceptron(X.shape[1]).learn(X, torch.tensor(table), max_epochs=5)[-1] == 0
""",
                "six epochs",
            ),
            "C cannot": (decides("line", "no line", "no line"), "may need more epochs"),
            "C will": (decides("line", "no line", "line"), "proves no line either"),
            "B is undecided": (decides("line", "cannot tell", "cannot tell"), "came back"),
            "A is undecided": (decides("cannot tell", "no line", "cannot tell"), "What does that prove"),
        },
    ),
    Answers(
        "xor-weights",
        right={
            "lists": XOR.format("[[2, -2], [-2, 2]], [0, 0], [0.5, 0.5], 0"),
            "scaled": XOR.format(
                "torch.tensor([[-4.0, 4.0], [1.0, -1.0]]), torch.zeros(2), torch.tensor([0.25, 1.0]), torch.tensor(0.0)"
            ),
        },
        wrong={
            "the chapter's network": (
                XOR.format("torch.ones(2, 2), torch.tensor([0.0, -1.0]), torch.tensor([1.0, -2.0]), 0.0"),
                "biases are to be 0",
            ),
            "all zeros": (XOR.format("torch.zeros(2, 2), torch.zeros(2), torch.zeros(2), 0.0"), "must give 1"),
            "three units": (
                XOR.format("torch.ones(3, 2), torch.tensor([0.0, -1.0, -5.0]), torch.tensor([1.0, -2.0, 0.0]), 0.0"),
                "exactly two",
            ),
            "a constant": (XOR.format("torch.zeros(2, 2), torch.zeros(2), torch.zeros(2), 0.5"), "00 must give"),
            "OR": (
                XOR.format("torch.ones(2, 2), torch.tensor([0.0, -1.0]), torch.tensor([1.0, -1.0]), 0.0"),
                "take back",
            ),
            "sum": (
                XOR.format("torch.eye(2), torch.zeros(2), torch.ones(2), 0.0"),
                "take back",
            ),
            "columns for rows": (
                XOR.format("torch.tensor([[1.0, -1.0], [2.0, -2.0]]), torch.zeros(2), torch.tensor([1.0, 1.0]), 0.0"),
                "each row of W1",
            ),
            "made for the sigmoid": (
                XOR.format(
                    "torch.tensor([[20.0, 20.0], [-20.0, -20.0]]), torch.tensor([-10.0, 30.0]), "
                    "torch.tensor([20.0, 20.0]), -30.0"
                ),
                "with ReLU",
            ),
            "unfinished": (XOR.format("None"), "NoneType|an answer"),
        },
    ),
    Answers(
        "signed-distance",
        right={
            "own length": DISTANCE.format("((X * w).sum(dim=1) + b) / (w**2).sum() ** 0.5"),
            "unit normal": DISTANCE.format("X @ (w / w.norm()) + b / w.norm()"),
        },
        wrong={
            "the sum itself": (DISTANCE.format("X @ w + b"), "divide z by the length"),
            "square of the length": (DISTANCE.format("(X @ w + b) / (w @ w)"), "not by its square"),
            "no sign": (DISTANCE.format("(X @ w + b).abs() / w.norm()"), "on which side"),
            "bias in the length": (DISTANCE.format("(X @ w + b) / (w @ w + b * b) ** 0.5"), "bias is no part"),
            "bias not divided": (DISTANCE.format("X @ w / w.norm() + b"), "the bias too"),
            "asks for the sum of the weights": (
                DISTANCE.format("(X @ w + b) / w.norm()").replace("not w.any()", "w.sum() == 0"),
                "not for their sum",
            ),
            "asks whether any weight is 0": (
                DISTANCE.format("(X @ w + b) / w.norm()").replace("not w.any()", "not w.all()"),
                "only if .every. weight is 0",
            ),
            "no error": ("\ndef signed_distance(X, w, b):\n    return (X @ w + b) / w.norm()\n", "ValueError"),
        },
    ),
    Answers(
        "animals",
        right={
            "colours": animals(),
            "counts": animals(
                accuracy="agree = sum(int(f @ w + b > 0) == int(t) for f, t in zip(features, targets))\n"
                "    return agree / len(targets)",
                baseline="return max((targets == k).float().mean().item() for k in targets.unique())",
            ),
        },
        wrong={
            "the chapter's features": (
                animals(
                    "asymmetry = (x - x.flip(dims=[3])).abs().mean(dim=(1, 2, 3))\n"
                    "    edges = (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3))\n"
                    "    return torch.stack([x.mean(dim=(1, 2, 3)), x.flatten(1).std(dim=1), asymmetry, edges], dim=1)"
                ),
                "upside down",
            ),
            "standardised in the batch": (
                animals(
                    f"f = torch.stack([{TOP}, x[:, 1].mean((1, 2)), x[:, 2].mean((1, 2)), x.amax((1, 2, 3)) - {TOP}], 1)\n"
                    "    return (f - f.mean(0)) / f.std(0)"
                ),
                "image alone",
            ),
            "constant feature": (
                animals(
                    f"m = {TOP}\n    return torch.stack([m, m**2, x[:, 0].mean(dim=(1, 2)), torch.ones(len(x))], dim=1)"
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
                "not a percentage",
            ),
            "forgets the bias": (
                animals(accuracy="return ((features @ w > 0).long() == targets).float().mean().item()"),
                "bias missing",
            ),
            "infinite": (
                animals(
                    f"m = x.mean(dim=(2, 3))\n    return torch.cat([m, (1 / (m[:, :1] - m[:, :1])).abs() + {TOP}[:, None]], 1)"
                ),
                "finite",
            ),
            "asymmetry without a sign": (
                animals(
                    "upside = (x - x.flip(dims=[2])).abs().mean(dim=(1, 2, 3))\n"
                    "    edges = (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3))\n"
                    "    return torch.stack([x.mean(dim=(1, 2, 3)), x.flatten(1).std(dim=1), upside, edges], dim=1)"
                ),
                "keep the sign",
            ),
            "two classes only": (
                animals(baseline="ones = targets.float().mean().item()\n    return max(ones, 1 - ones)"),
                "count each class",
            ),
            "only 0 and 1": (
                animals(baseline="return max((targets == k).float().mean().item() for k in (0, 1))"),
                "neither 0 nor 1",
            ),
            "always the ones": (animals(baseline="return targets.float().mean().item()"), "count each class"),
            "always cat": (animals(baseline="return (targets == 0).float().mean().item()"), "neither 0 nor 1"),
            "a tensor": (animals(baseline="return targets.bincount().max() / len(targets)"), "Python number"),
            "unfinished": (
                animals("...  # your code here", "...  # your code here", "...  # your code here"),
                "not written yet",
            ),
        },
    ),
]
