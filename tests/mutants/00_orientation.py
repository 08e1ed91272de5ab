"""Right and wrong answers to exercise 0, and the hint that each wrong one must get."""

from tests.mutants import Answers

REPORT = """
def environment_report():
    {device}
    return {{"python": {python}, "torch": {torch}, "device": device, "threads": {threads}}}
"""
REPORT_RIGHT = {
    "device": "device = 'cuda' if torch.cuda.is_available() else 'mps' if torch.backends.mps.is_available() else 'cpu'",
    "python": "platform.python_version()",
    "torch": "str(torch.__version__)",
    "threads": "torch.get_num_threads()",
}

METRICS = """
def error_rate(y, p):
    y, p = np.asarray(y), np.asarray(p)
    return {error}

def recall(y, p, positive):
    y, p = np.asarray(y), np.asarray(p)
    {recall}
"""
METRICS_RIGHT = {
    "error": "1 - float((y == p).mean())",
    "recall": "found, there = int(((y == positive) & (p == positive)).sum()), int((y == positive).sum())\n"
    "    return found / there if there else 0.0",
}

STEPS = "def optimizer_steps(n, batch_size, epochs, drop_last=False):\n    return {}\n"
VERDICTS = '\nVERDICTS = ["not better", "better", "cannot tell"]\n'
BASELINE = VERDICTS + "\ndef majority_baseline(y):\n    labels = {labels}\n    {rest}\n"
COUNT = "best = max(set(labels), key=labels.count)\n    return best, labels.count(best) / len(labels)"
TOLIST = "y.tolist() if hasattr(y, 'tolist') else list(y)"

SPURIOUS = """
def best_spurious(n_series, n_years, seed):
    rng = np.random.default_rng({seed})
    target = rng.normal(size={years}){sum}
    others = rng.normal(size=({series}, {years})){sums}
    r = [np.corrcoef(target, other)[0, 1] for other in others]
    return float({result})
"""
SPURIOUS_RIGHT = {
    "seed": "seed",
    "years": "n_years",
    "series": "n_series",
    "sum": ".cumsum()",
    "sums": ".cumsum(axis=1)",
    "result": "np.abs(r).max()",
}


def report(**changes):
    return REPORT.format(**(REPORT_RIGHT | changes))


def metrics(**changes):
    return METRICS.format(**(METRICS_RIGHT | changes))


def decides(*verdicts):
    return BASELINE.format(labels=TOLIST, rest=COUNT).replace(VERDICTS, f"\nVERDICTS = {list(verdicts)}\n")


def spurious(**changes):
    return SPURIOUS.format(**(SPURIOUS_RIGHT | changes))


ANSWERS = [
    Answers(
        "environment-report",
        right={
            "one line each": report(),
            "sys.version": report(
                python="__import__('sys').version.split()[0]", torch="torch.__version__.split('+')[0]"
            ),
        },
        wrong={
            "a device object": (report().replace('"device": device', '"device": torch.device(device)'), "strings"),
            "only cuda": (
                report(device="device = 'cuda' if torch.cuda.is_available() else 'cpu'"),
                "cuda first, then mps",
            ),
            "cpu for ever": (report(device="device = 'cpu'"), "ask torch for the device"),
            "guessed threads": (report(threads="1"), "get_num_threads"),
            "all of sys.version": (report(python="__import__('sys').version"), "says more than the version"),
            "a TorchVersion": (report(torch="torch.__version__"), r"write str\(torch"),
            "mps taken for cuda": (
                report(device="device = 'cuda' if torch.backends.mps.is_available() else 'cpu'"),
                "cuda first, then mps",
            ),
            "a blank left": (report(threads="None"), "threads is an int"),
            "swapped versions": (
                report(python="str(torch.__version__)", torch="platform.python_version()"),
                "version of",
            ),
        },
    ),
    Answers(
        "metrics",
        right={
            "counting": metrics(),
            "plain python": """
def error_rate(y, p):
    return sum(bool(a != b) for a, b in zip(y, p)) / len(y)

def recall(y, p, positive):
    hits = [bool(b == positive) for a, b in zip(y, p) if a == positive]
    return sum(hits) / len(hits) if hits else 0.0
""",
        },
        wrong={
            "accuracy": (metrics(error="float((y == p).mean())"), "error rate = wrong"),
            "precision": (
                metrics(
                    recall="there = int((p == positive).sum())\n    return int(((y == positive) & (p == positive)).sum()) / max(there, 1)"
                ),
                "true class",
            ),
            "positive is one": (
                metrics(recall="return float((p[y == 1] == 1).mean()) if (y == 1).any() else 0.0"),
                "whichever class",
            ),
            "divides by zero": (
                metrics(recall="return float((p[y == positive] == positive).mean())"),
                "no positives|Mean of empty",
            ),
            "lists compared": (
                metrics().replace("y, p = np.asarray(y), np.asarray(p)\n    return 1", "return 1"),
                "raised",
            ),
        },
    ),
    Answers(
        "optimizer-steps",
        right={
            "ceil": STEPS.format("epochs * (n // batch_size if drop_last else math.ceil(n / batch_size))"),
            "remainder": STEPS.format("epochs * (n // batch_size + (0 if drop_last else int(n % batch_size > 0)))"),
        },
        wrong={
            "floor": (STEPS.format("epochs * (n // batch_size)"), "short one"),
            "floor plus one": (STEPS.format("epochs * (n // batch_size + (not drop_last))"), "exact multiple"),
            "forgets drop_last": (STEPS.format("epochs * math.ceil(n / batch_size)"), "drop_last leaves"),
            "one epoch": (STEPS.format("math.ceil(n / batch_size)"), "three times"),
            "all samples in one row": (
                STEPS.format("(epochs * n // batch_size) if drop_last else math.ceil(epochs * n / batch_size)"),
                "three times",
            ),
            "a float": (
                STEPS.format("float(epochs * (n // batch_size if drop_last else math.ceil(n / batch_size)))"),
                "an int",
            ),
        },
    ),
    Answers(
        "majority-baseline",
        right={
            "count": BASELINE.format(labels=TOLIST, rest=COUNT),
            "numpy": VERDICTS
            + """
def majority_baseline(y):
    values, counts = np.unique(np.asarray(y), return_counts=True)
    return values[counts.argmax()].item(), counts.max() / counts.sum()
""",
        },
        wrong={
            "the count": (
                BASELINE.format(
                    labels=TOLIST, rest="n = max(map(labels.count, labels))\n    return n, n / len(labels)"
                ),
                "not how often",
            ),
            "the largest label": (
                BASELINE.format(
                    labels=TOLIST, rest="best = max(labels)\n    return best, labels.count(best) / len(labels)"
                ),
                "most frequent",
            ),
            "numbers only": (
                VERDICTS
                + "\ndef majority_baseline(y):\n    counts = np.bincount(np.asarray(y))\n    return int(counts.argmax()), counts.max() / counts.sum()\n",
                "raised",
            ),
            "share of the labels there are": (
                BASELINE.format(
                    labels=TOLIST,
                    rest="best = max(set(labels), key=labels.count)\n    return best, 1 / len(set(labels))",
                ),
                "share of all",
            ),
            "lists only": (BASELINE.format(labels="y", rest=COUNT), "raised"),
            "no verdicts": (decides(), "for A, B and C"),
            "accuracy alone": (decides("better", "better", "better"), "calls everybody healthy"),
            "no model at all": (decides("not better", "not better", "cannot tell"), "what would the baseline reach"),
            "few samples never decide": (
                decides("not better", "cannot tell", "cannot tell"),
                "what would the baseline reach",
            ),
            "two more right are better": (decides("not better", "better", "better"), "ten blind picks"),
        },
    ),
    Answers(
        "best-spurious",
        right={
            "vectorised": spurious(),
            "torch": """
def best_spurious(n_series, n_years, seed):
    g = torch.Generator().manual_seed(seed)
    walks = torch.randn(n_series + 1, n_years, generator=g).cumsum(1)
    return torch.corrcoef(walks)[0, 1:].abs().max().item()
""",
        },
        wrong={
            "no walk": (spurious(sum="", sums=""), "cumulative sums"),
            "signed": (
                spurious(result="np.max(r)").replace("return float(", "return float(-0.2 + "),
                "between 0 and 1|cumulative|absolute|over seeds",
            ),
            "a generator for each": (
                spurious().replace("others = rng.normal", "others = np.random.default_rng(seed).normal"),
                "averages between",
            ),
            "summed over series": (spurious(sums=".cumsum(axis=0)"), "cumulative sums"),
            "the mean": (spurious(result="np.abs(r).mean()"), "best of 200"),
            "always 200": (spurious(series="200"), "use n_series"),
            "always 11 years": (spurious(years="11").replace("(200", "(n_series"), "use n_years"),
            "no seed": (spurious(seed="None"), "same seed"),
            "seed ignored": (spurious(seed="0"), "another seed"),
            "perfect": (
                "def best_spurious(n_series, n_years, seed):\n    return 1.0 - 1e-9 * (seed % 97)\n",
                "averages",
            ),
        },
    ),
]
