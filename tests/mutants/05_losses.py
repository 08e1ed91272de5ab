"""Right and wrong answers to exercise 5, and the hint that each wrong one must get."""

from tests.mutants import Answers

MSE_MAE = """
def mse(predictions, targets, reduction="mean"):
    {guard}
    losses = (predictions - targets) ** 2
    {end}

def mae(predictions, targets, reduction="mean"):
    {guard}
    losses = {absolute}
    {end}
"""
BLANKS = """
def differences(predictions, targets):
    {refuse}
    return predictions - targets

def reduced(losses, reduction):
    if reduction == "none":
        return losses
    {number}

def mse(predictions, targets, reduction="mean"):
    losses = differences(predictions, targets).square()
    return reduced(losses, reduction)

def mae(predictions, targets, reduction="mean"):
    {losses}
    return reduced(losses, reduction)
"""
CHAPTER_MSE = """
def mse(predictions, targets):
    return (predictions - targets).square().mean()

def mae(predictions, targets):
    return (predictions - targets).abs().mean()
"""
GUARD = """if predictions.shape != targets.shape:
        raise ValueError("the shape of predictions and targets must agree")"""
REDUCE = """if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()"""

SOFTMAX = """
def log_softmax(z, dim, T=1.0):
    {shift}
    return {log}

def softmax(z, dim, T=1.0):
    return {softmax}
"""
CHAPTER_SOFTMAX = """
def log_softmax(z, dim):
    shifted = z - z.amax(dim=dim, keepdim=True)
    log_sum = shifted.exp().sum(dim=dim, keepdim=True).log()
    return shifted - log_sum

def softmax(z, dim):
    return log_softmax(z, dim).exp()
"""

CROSS = """
def nll_loss(log_probabilities, targets, reduction="mean"):
    losses = {pick}
    {end}

def cross_entropy(logits, targets, reduction="mean"):
    return {cross}
"""
CHAPTER_CROSS = """
def cross_entropy(logits, targets):
    log_probabilities = logits.log_softmax(dim=1)
    rows = torch.arange(len(targets))
    of_the_truth = log_probabilities[rows, targets]
    return -of_the_truth.mean()

nll_loss = cross_entropy
"""
PICK = "-log_probabilities[torch.arange(len(targets)), targets]"

BCE = """
def bce_with_logits(z, y, pos_weight=1.0):
    {body}
"""

SMOOTH = """
def label_smoothing_ce(logits, targets, eps):
    k = logits.shape[1]
    hot = F.one_hot(targets, k).float()
    soft = {soft}
    return {end}
"""

FBETA = """
def confusion(predictions, targets, k):
    {confusion}

def precision_recall_fbeta(predictions, targets, k, beta=1.0, average=None):
    matrix = confusion(predictions, targets, k).float()
    right = matrix.diagonal()
    precision = {zero}(right / matrix.sum(dim={columns}))
    recall = {zero}(right / matrix.sum(dim={rows}))
    fbeta = {zero}((1 + {b}) * precision * recall / ({b} * precision + recall))
    if average == "macro":
        {macro}
    return precision, recall, fbeta
"""
COUNT = """matrix = torch.zeros(k, k, dtype=torch.int64)
    for p, t in zip(predictions.tolist(), targets.tolist()):
        matrix[t, p] += 1
    return matrix"""
FAULTY = """
def confusion(predictions, targets, k):
    return torch.bincount(targets * k + predictions, minlength=k * k).reshape(k, k)

def precision_recall_fbeta(predictions, targets, k, beta=1.0, average=None):
    matrix = confusion(predictions, targets, k).float()
    right = matrix.diagonal()
    precision = right / matrix.sum(dim=1)
    recall = right / matrix.sum(dim=0)
    fbeta = (1 + beta) * precision * recall / (beta * precision + recall)
    if average == "macro":
        return precision.mean(), recall.mean(), fbeta.mean()
    return precision, recall, fbeta
"""

RECIPE = """
def recipe(name):
    if name == "house price":
        return 1, nn.Identity(), {price}, torch.float32
    if name == "cat or dog":
        return {cat}, torch.float32
    if name == "digit":
        return {digit}
    if name == "objects":
        return {objects}, torch.float32
    return 1, nn.Identity(), {disease}, torch.float32
"""

BETTER = """
def better_loss_worse_accuracy():
    first = torch.tensor({first})
    second = torch.tensor({second})
    return {end}

CHOICE = {choice}
"""
CHOICE = '{"accuracy": "A", "hospital": "D", "reminder": "B"}'
FIRST = "[[0.5, 0.3, 0.1, 0.1], [0.3, 0.5, 0.1, 0.1]]"
SECOND = "[[0.97, 0.01, 0.01, 0.01], [0.6, 0.38, 0.01, 0.01]]"


def mse_mae(**parts):
    return MSE_MAE.format(**{"guard": GUARD, "end": REDUCE, "absolute": "(predictions - targets).abs()"} | parts)


def blanks(**parts):
    usual = {
        "refuse": GUARD,
        "number": 'return losses.mean() if reduction == "mean" else losses.sum()',
        "losses": "losses = differences(predictions, targets).abs()",
    }
    return BLANKS.format(**usual | parts)


def softmax(**parts):
    usual = {
        "shift": "z = (z - z.max(dim=dim, keepdim=True).values) / T",
        "log": "z - torch.log(torch.exp(z).sum(dim=dim, keepdim=True))",
        "softmax": "torch.exp(log_softmax(z, dim, T))",
    }
    return SOFTMAX.format(**usual | parts)


def cross(**parts):
    usual = {"pick": PICK, "end": REDUCE, "cross": "nll_loss(torch.log_softmax(logits, 1), targets, reduction)"}
    return CROSS.format(**usual | parts)


def smooth(**parts):
    return SMOOTH.format(
        **{"soft": "hot * (1 - eps) + eps / k", "end": "-(soft * logits.log_softmax(1)).sum(1).mean()"} | parts
    )


def fbeta(**parts):
    usual = {
        "confusion": COUNT,
        "zero": "torch.nan_to_num",
        "columns": 0,
        "rows": 1,
        "b": "beta**2",
        "macro": "return precision.mean(), recall.mean(), fbeta.mean()",
    }
    return FBETA.format(**usual | parts)


def recipe(**parts):
    usual = {
        "price": "nn.MSELoss()",
        "cat": "1, nn.Identity(), nn.BCEWithLogitsLoss()",
        "digit": "10, nn.Identity(), nn.CrossEntropyLoss(), torch.int64",
        "objects": "5, nn.Identity(), nn.BCEWithLogitsLoss()",
        "disease": "nn.BCEWithLogitsLoss(pos_weight=torch.tensor([99.0]))",
    }
    return RECIPE.format(**usual | parts)


def better(first=FIRST, second=SECOND, end="first, second, torch.tensor([0, 1])", choice=CHOICE):
    return BETTER.format(first=first, second=second, end=end, choice=choice)


ANSWERS = [
    Answers(
        "mse-mae",
        right={
            "branches": mse_mae(),
            "blanks": blanks(),
            "blanks with another order": blanks(
                refuse='if tuple(predictions.size()) != tuple(targets.size()): raise ValueError("other shape")',
                number='if reduction == "sum": return torch.sum(losses)\n    return torch.mean(losses)',
                losses="losses = torch.abs(differences(targets, predictions))",
            ),
            "the larger of both signs": blanks(
                losses="d = differences(predictions, targets)\n    losses = torch.maximum(d, -d)",
            ),
            "one sign or the other": blanks(
                losses="d = differences(predictions, targets)\n    losses = torch.where(d > 0, d, -d)",
            ),
            "by size": mse_mae(
                end="count = losses.numel() if reduction == 'mean' else 1\n"
                "    return losses if reduction == 'none' else losses.sum() / count"
            ),
        },
        wrong={
            "broadcasts": (mse_mae(guard="pass"), "compare the shapes first"),
            "compares the number of axes": (
                mse_mae(guard=GUARD.replace("predictions.shape != targets.shape", "predictions.ndim != targets.ndim")),
                "compare the whole shapes",
            ),
            "always the mean": (mse_mae(end="return losses.mean()"), "adds all entries"),
            "mean per row": (
                mse_mae(end=REDUCE.replace("losses.mean()", "losses.mean(0)")),
                "mean is over all entries",
            ),
            "no absolute value": (mse_mae(absolute="predictions - targets"), "absolute differences"),
            "in place": (
                mse_mae().replace("losses = (predictions - targets) ** 2", "losses = predictions.sub_(targets) ** 2"),
                "mse: do not change",
            ),
            "mae in place": (
                mse_mae(absolute="targets.sub_(predictions).abs()"),
                "mae: do not change",
            ),
            "cut off from its input": (
                mse_mae(end=REDUCE.replace("losses.mean()", "torch.tensor(losses.mean().item())")),
                "cut off",
            ),
            "a Python float": (mse_mae(end=REDUCE.replace("losses.mean()", "losses.mean().item()")), "a float"),
            "the chapter's own": (CHAPTER_MSE, "unexpected keyword"),
            "prints that the shapes differ": (
                blanks(refuse=GUARD.replace("raise ValueError", "print")),
                "compare the shapes first",
            ),
            "asserts equal shapes": (
                blanks(refuse='assert predictions.shape == targets.shape, "shape"'),
                "a ValueError, got a AssertionError",
            ),
            "compares the number of rows": (
                blanks(refuse=GUARD.replace("predictions.shape != targets.shape", "len(predictions) != len(targets)")),
                "compare the shapes first",
            ),
            "no word of shapes": (
                blanks(refuse=GUARD.replace("the shape of predictions", "predictions")),
                "message contains",
            ),
            "the mean of everything": (blanks(number="return losses.mean()"), "adds all entries"),
            "mean and sum exchanged": (
                blanks(number='return losses.sum() if reduction == "mean" else losses.mean()'),
                'reduction is "mean" or "sum"',
            ),
            "blank 2 along an axis": (
                blanks(number='return losses.mean(dim=0) if reduction == "mean" else losses.sum(dim=0)'),
                "without a `dim`",
            ),
            "a loop that makes numbers": (
                blanks(
                    number="total = sum(losses.flatten().tolist())\n"
                    '    return torch.tensor(total / losses.numel() if reduction == "mean" else total)'
                ),
                "cut off",
            ),
            "blank 2 without a return": (blanks(number="losses.mean()"), "does not `return` it"),
            "blank 3 without abs": (blanks(losses="losses = differences(predictions, targets)"), "cancel"),
            "squares in blank 3": (
                blanks(losses="losses = differences(predictions, targets).square()"),
                "these are the squares",
            ),
            "subtracts without the guard": (
                blanks(losses="losses = (predictions - targets).abs()"),
                "`differences` does that",
            ),
            "the root of the square": (
                blanks(losses="losses = differences(predictions, targets).square().sqrt()"),
                "infinity times 0 is nan",
            ),
            "the root as a power": (
                blanks(losses="losses = (differences(predictions, targets) ** 2) ** 0.5"),
                "infinity times 0 is nan",
            ),
            "blank 3 takes the mean": (
                blanks(losses="losses = differences(predictions, targets).abs().mean()"),
                "reduced before `reduced`",
            ),
            "blank 3 still open": (blanks(losses="..."), "a blank still open"),
            "a root too many": (
                mse_mae().replace("(predictions - targets) ** 2", "((predictions - targets) ** 2) ** 0.5"),
                "square the differences",
            ),
        },
    ),
    Answers(
        "softmax",
        right={
            "maximum": softmax(),
            "in 64 bits": softmax(
                shift="kind, z = z.dtype, z.double() / T\n    z = z - z.amax(dim, True)",
                log="(z - torch.logsumexp(z, dim=dim, keepdim=True)).to(kind)",
            ),
            "logsumexp": softmax(
                shift="z = (z - z.amax(dim, True)) / T", log="z - torch.logsumexp(z, dim=dim, keepdim=True)"
            ),
        },
        wrong={
            "the chapter's own": (CHAPTER_SOFTMAX, "unexpected keyword"),
            "no temperature": (softmax(shift="z = z - z.amax(dim=dim, keepdim=True)"), "does not reach the logits"),
            "softmax forgets the temperature": (
                softmax(softmax="torch.exp(log_softmax(z, dim))"),
                "does not reach the logits",
            ),
            "multiplies by the temperature": (
                softmax(shift="z = (z - z.amax(dim=dim, keepdim=True)) * T"),
                "multiplied by T",
            ),
            "divides the logarithm": (
                softmax(
                    shift="z = z - z.amax(dim=dim, keepdim=True)",
                    log="(z - z.exp().sum(dim=dim, keepdim=True).log()) / T",
                ),
                "no longer sum to 1",
            ),
            "divides first": (
                softmax(shift="z = z / T\n    z = z - z.amax(dim=dim, keepdim=True)"),
                "subtract the maximum first",
            ),
            "limits the logits": (
                softmax(
                    shift="z = z / T",
                    log="z - torch.logsumexp(z, dim=dim, keepdim=True)",
                    softmax="(lambda e: (e / e.sum(dim=dim, keepdim=True)).to(z.dtype))((z.float() / T).clamp(-80, 80).exp())",
                ),
                "makes 200 and 190 equal",
            ),
            "limits the logits of the logarithm": (
                softmax(
                    shift="z = ((z - z.amax(dim=dim, keepdim=True)) / T + 500).clamp(0, 500) - 500",
                ),
                "a limit for the logits or the probabilities",
            ),
            "limits them in the logarithm": (
                softmax(
                    shift="kind, z = z.dtype, (z.float() / T).clamp(-80, 80)",
                    log="(z - z.logsumexp(dim, True)).to(kind)",
                ),
                "makes 200 and 190 equal",
            ),
            "adds a little before the logarithm": (
                softmax(log="(z.exp() / z.exp().sum(dim=dim, keepdim=True) + 1e-12).log()"),
                "a limit for the logits or the probabilities",
            ),
            "divides first, in float32": (
                softmax(
                    shift="kind, z = z.dtype, z.float() / T\n    z = z - z.amax(dim, True)",
                    log="(z - z.logsumexp(dim, True)).to(kind)",
                ),
                "float32 only puts that off",
            ),
            "adds in 64 bits before it subtracts": (
                softmax(
                    shift="kind, z = z.dtype, z.double() / T",
                    log="(z - z.logsumexp(dim, True)).to(kind)",
                ),
                "lost in rounding",
            ),
            "everything in float32": (
                softmax(
                    shift="kind, z = z.dtype, z.float()\n    z = (z - z.amax(dim, True)) / T",
                    log="(z - z.logsumexp(dim, True)).to(kind)",
                ),
                "not in float32",
            ),
            "one maximum instead of `.values`": (
                softmax(shift="z = (z - z.max(dim=dim, keepdim=True)) / T"),
                "take `.max\\(dim\\).values`",
            ),
            "softmax in float32": (softmax(softmax="log_softmax(z.float(), dim, T).exp()"), "softmax: the result has"),
            "textbook": (softmax(shift="z = z / T"), "subtract the maximum"),
            "maximum of everything": (
                softmax(shift="z = (z - z.max()) / T"),
                "subtract the maximum along dim|subtract log",
            ),
            "log of the softmax": (
                softmax(log="(z.exp() / z.exp().sum(dim=dim, keepdim=True)).log()"),
                "logarithm of 0 is infinite",
            ),
            "always the last axis": (
                softmax(
                    shift="z = (z - z.amax(dim=-1, keepdim=True)) / T",
                    log="z - z.exp().sum(dim=-1, keepdim=True).log()",
                ),
                "for every dim",
            ),
            "rows or columns only": (
                """
def log_softmax(z, dim, T=1.0):
    if dim == 0:
        return log_softmax(z.mT, 1, T).mT
    z = (z - z.amax(dim=1, keepdim=True)) / T
    return z - z.exp().sum(dim=1, keepdim=True).log()

def softmax(z, dim, T=1.0):
    return log_softmax(z, dim, T).exp()
""",
                "however many axes",
            ),
            "hides what overflows": (
                softmax(
                    shift="z = z / T",
                    log="z - torch.logsumexp(z, dim=dim, keepdim=True)",
                    softmax="torch.nan_to_num((z / T).exp() / (z / T).exp().sum(dim=dim, keepdim=True))",
                ),
                "exp overflows",
            ),
            "torch's own": (softmax(shift="z = z / T", log="torch.log_softmax(z, dim)"), "yourself"),
            "changes its input": (softmax(shift="z -= z.amax(dim=dim, keepdim=True)\n    z = z / T"), "in place"),
            "float32 out": (softmax(shift="z = (z - z.amax(dim=dim, keepdim=True)).float() / T"), "dtype of the input"),
        },
    ),
    Answers(
        "cross-entropy",
        right={
            "indexing": cross(),
            "one-hot": cross(
                pick="-(F.one_hot(targets, log_probabilities.shape[1]) * log_probabilities).sum(dim=1)",
                cross="nll_loss(logits - logits.logsumexp(1, keepdim=True), targets, reduction)",
            ),
        },
        wrong={
            "the chapter's own": (CHAPTER_CROSS, "unexpected keyword"),
            "forgets the minus": (cross(pick=PICK[1:]), "minus the log-probability"),
            "these columns from every row": (cross(pick="-log_probabilities[:, targets]"), "from \\*every\\* row"),
            "a logarithm too many": (
                cross(pick="-log_probabilities.exp().log1p()[torch.arange(len(targets)), targets]"),
                "minus the log-probability",
            ),
            "log of softmax": (
                cross(cross="nll_loss(torch.softmax(logits, 1).log(), targets, reduction)"),
                "10000",
            ),
            "softmax over the batch": (
                cross(cross="nll_loss(torch.log_softmax(logits, 0), targets, reduction)"),
                "along dim=0",
            ),
            "softmax in both": (
                cross(
                    pick="-log_probabilities.log_softmax(1)[torch.arange(len(targets)), targets]",
                    cross="nll_loss(logits, targets, reduction)",
                ),
                "true class as it is",
            ),
            "maximum of everything": (
                cross(
                    cross="nll_loss((s := logits - logits.max()) - s.exp().sum(1, keepdim=True).log(), targets, reduction)"
                ),
                "maximum of each row",
            ),
            "one-hot of the classes that occur": (
                cross(pick="-(F.one_hot(targets) * log_probabilities).sum(dim=1)"),
                "how many there are",
            ),
            "no log": (cross(cross="nll_loss(torch.softmax(logits, 1), targets, reduction)"), "log-softmax first"),
            "torch's own": (cross(cross="F.cross_entropy(logits, targets, reduction=reduction)"), "yourself"),
            "no gradient": (
                cross(cross="nll_loss(torch.log_softmax(logits.detach(), 1), targets, reduction)"),
                "detach|does not require grad",
            ),
            "ignores the reduction": (
                cross(cross="nll_loss(torch.log_softmax(logits, 1), targets)"),
                "keeps one loss per sample",
            ),
        },
    ),
    Answers(
        "bce-with-logits",
        right={
            "log1p": BCE.format(
                body="soft = torch.log1p(torch.exp(-z.abs()))\n"
                "    return (pos_weight * y * (soft + (-z).clamp(min=0)) + (1 - y) * (soft + z.clamp(min=0))).mean()"
            ),
            "softplus": BCE.format(body="return (pos_weight * y * F.softplus(-z) + (1 - y) * F.softplus(z)).mean()"),
        },
        wrong={
            "the chapter's own": (
                "def bce_with_logits(z, y):\n"
                "    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()\n",
                "unexpected keyword",
            ),
            "through the sigmoid": (
                BCE.format(
                    body="p = torch.sigmoid(z)\n    return -(pos_weight * y * p.log() + (1 - y) * (1 - p).log()).mean()"
                ),
                "logsigmoid or log1p",
            ),
            "clamps the probability": (
                BCE.format(
                    body="p = torch.sigmoid(z).clamp(1e-7, 1 - 1e-7)\n"
                    "    return -(pos_weight * y * p.log() + (1 - y) * (1 - p).log()).mean()"
                ),
                "hides the infinity",
            ),
            "limits the logarithms": (
                BCE.format(
                    body="p = torch.sigmoid(z)\n"
                    "    return -(pos_weight * y * p.log().clamp(min=-100) + (1 - y) * (1 - p).log().clamp(min=-100)).mean()"
                ),
                "hides the infinity",
            ),
            "exp of 200 thrown away": (
                BCE.format(
                    body="soft = lambda z: torch.where(z > 30, z, torch.log1p(torch.exp(z)))\n"
                    "    return (pos_weight * y * soft(-z) + (1 - y) * soft(z)).mean()"
                ),
                "also in the branch",
            ),
            "looks whether y is 1": (
                BCE.format(body="return torch.where(y == 1, pos_weight * F.softplus(-z), F.softplus(z)).mean()"),
                "both terms count",
            ),
            "one weight for both terms": (
                BCE.format(
                    body="w = 1 + (pos_weight - 1) * y\n"
                    "    return (w * (y * F.softplus(-z) + (1 - y) * F.softplus(z))).mean()"
                ),
                "also where y is 0.25",
            ),
            "divides by the rows": (
                BCE.format(body="return (pos_weight * y * F.softplus(-z) + (1 - y) * F.softplus(z)).sum() / len(z)"),
                "not by the number of rows",
            ),
            "no pos_weight": (
                BCE.format(body="return (y * F.softplus(-z) + (1 - y) * F.softplus(z)).mean()"),
                "pos_weight multiplies",
            ),
            "weights both": (
                BCE.format(body="return pos_weight * (y * F.softplus(-z) + (1 - y) * F.softplus(z)).mean()"),
                "pos_weight multiplies",
            ),
            "sum": (
                BCE.format(body="return (pos_weight * y * F.softplus(-z) + (1 - y) * F.softplus(z)).sum()"),
                "then the mean",
            ),
            "minus only before the first term": (
                BCE.format(body="return (-pos_weight * y * F.logsigmoid(z) + (1 - y) * F.logsigmoid(-z)).mean()"),
                "for y = 0",
            ),
            "torch's own": (
                BCE.format(
                    body="return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.as_tensor(pos_weight))"
                ),
                "yourself",
            ),
        },
    ),
    Answers(
        "label-smoothing",
        right={
            "soft targets": smooth(),
            "two terms": smooth(
                end="(1 - eps) * F.nll_loss(logits.log_softmax(1), targets) - eps * logits.log_softmax(1).mean()"
            ),
        },
        wrong={
            "spread over the others": (
                smooth(soft="hot * (1 - eps) + (1 - hot) * eps / (k - 1)"),
                "ln 3|true one included",
            ),
            "not divided by K": (smooth(soft="hot * (1 - eps) + eps"), "ln 3"),
            "keeps the whole one-hot": (smooth(soft="hot + eps / k"), "ln 3"),
            "K from the targets": (
                smooth(soft="hot * (1 - eps) + eps / (int(targets.max()) + 1)"),
                "logits.shape",
            ),
            "log of the softmax": (
                smooth(end="-(soft * logits.softmax(1).log()).sum(1).mean()"),
                "its logarithm is lost",
            ),
            "log of a little more": (
                smooth(end="-(soft * (logits.softmax(1) + 1e-12).log()).sum(1).mean()"),
                "its logarithm is lost",
            ),
            "three classes": (smooth(soft="hot * (1 - eps) + eps / 3"), "here K is 4"),
            "no gradient": (smooth(end="-(soft * logits.detach().log_softmax(1)).sum(1).mean()"), "cut off"),
            "mean over all entries": (smooth(end="-(soft * logits.log_softmax(1)).mean()"), "mean over samples"),
            "torch's own": (smooth(end="F.cross_entropy(logits, targets, label_smoothing=eps)"), "yourself"),
        },
    ),
    Answers(
        "fbeta",
        right={
            "loop": fbeta(),
            "index_put": fbeta(
                confusion="matrix = torch.zeros(k, k, dtype=torch.int64)\n"
                "    return matrix.index_put_((targets, predictions), torch.tensor(1), accumulate=True)"
            ),
        },
        wrong={
            "untouched": (FAULTY, "which axis"),
            "axes still swapped": (fbeta(columns=1, rows=0), "which axis"),
            "beta still not squared": (fbeta(b="beta"), "square of beta"),
            "nan still there": (fbeta(zero=""), "0 / 0"),
            "transposed": (fbeta(confusion=COUNT.replace("[t, p]", "[p, t]")), "rows are targets"),
            "k from the data": (
                fbeta(confusion="k = int(max(predictions.max(), targets.max())) + 1\n    " + COUNT),
                "also if some classes do not occur",
            ),
            "counts as floats": (
                fbeta(confusion=COUNT.replace("dtype=torch.int64", "dtype=torch.float32")),
                "counts are int64",
            ),
            "F of the means": (
                fbeta(
                    macro="p, r = precision.mean(), recall.mean()\n"
                    "        return p, r, (1 + beta**2) * p * r / (beta**2 * p + r)"
                ),
                "of the mean precision and the mean recall",
            ),
            "clamps every denominator": (
                fbeta(zero="")
                .replace("(dim=0)", "(dim=0).clamp(min=1)")
                .replace("(dim=1)", "(dim=1).clamp(min=1)")
                .replace("(beta**2 * precision + recall)", "(beta**2 * precision + recall).clamp(min=1)"),
                "mend 0 / 0 only",
            ),
            "counts a pair once": (
                fbeta(
                    confusion="matrix = torch.zeros(k, k, dtype=torch.int64)\n"
                    "    matrix[targets, predictions] += 1\n    return matrix"
                ),
                "only once",
            ),
            "beta at the recall": (
                fbeta().replace("beta**2 * precision + recall", "precision + beta**2 * recall"),
                "before precision",
            ),
            "macro without the empty class": (
                fbeta(
                    macro="n = (matrix.sum(1) > 0).sum()\n"
                    "        return precision.sum() / n, recall.sum() / n, fbeta.sum() / n"
                ),
                "over all k classes",
            ),
        },
    ),
    Answers(
        "recipe",
        right={
            "modules": recipe(),
            "log-softmax and nll": recipe(
                digit="10, nn.LogSoftmax(dim=1), nn.NLLLoss(), torch.int64",
                price="lambda z, y: (z - y).square().mean()",
            ),
        },
        wrong={
            "softmax twice": (
                recipe(digit="10, nn.Softmax(dim=1), nn.CrossEntropyLoss(), torch.int64"),
                "one softmax in all",
            ),
            "sigmoid twice": (recipe(cat="1, nn.Sigmoid(), nn.BCEWithLogitsLoss()"), "one sigmoid"),
            "int64 for a binary loss": (
                recipe().replace("BCEWithLogitsLoss(), torch.float32", "BCEWithLogitsLoss(), torch.int64", 1),
                "cat or dog: look at the dtype",
            ),
            "nothing follows": (recipe(cat="1, None, nn.BCEWithLogitsLoss()"), "`nn.Identity\\(\\)` if nothing"),
            "the sum of cats and dogs": (
                recipe(cat="1, nn.Identity(), nn.BCEWithLogitsLoss(reduction='sum')"),
                "not the sum",
            ),
            "sigmoid and BCELoss": (recipe(cat="1, nn.Sigmoid(), nn.BCELoss()"), "its logarithm is lost"),
            "float classes": (
                recipe(digit="10, nn.Identity(), nn.CrossEntropyLoss(), torch.float32"),
                "dtype of the targets",
            ),
            "sigmoid and BCELoss for objects": (
                recipe(objects="5, nn.Sigmoid(), nn.BCELoss()"),
                "objects: at outputs of 200",
            ),
            "a weight after the sigmoid": (
                recipe(disease="lambda z, y: -(99 * y * z.sigmoid().log() + (1 - y) * (1 - z.sigmoid()).log()).mean()"),
                "rare disease: at outputs of 200",
            ),
            "softmax over the batch": (
                recipe(digit="10, nn.LogSoftmax(dim=0), nn.NLLLoss(), torch.int64"),
                "over the batch",
            ),
            "the sum of digits": (
                recipe(digit="10, nn.Identity(), nn.CrossEntropyLoss(reduction='sum'), torch.int64"),
                "digit: the loss is the mean",
            ),
            "the sum of objects": (
                recipe(objects="5, nn.Identity(), nn.BCEWithLogitsLoss(reduction='sum')"),
                "objects: the loss is the mean",
            ),
            "softmax for objects": (recipe(objects="5, nn.Softmax(dim=1), nn.BCELoss()"), "yes-or-no"),
            "one of five objects": (recipe(objects="5, nn.Identity(), nn.CrossEntropyLoss()"), "yes-or-no"),
            "no pos_weight": (recipe(disease="nn.BCEWithLogitsLoss()"), "pos_weight=99"),
            "pos_weight as a number": (recipe(disease="nn.BCEWithLogitsLoss(pos_weight=99)"), "give it a tensor"),
            "absolute error": (recipe(price="nn.L1Loss()"), "mean squared error"),
            "one unit for digits": (
                recipe(digit="1, nn.Identity(), nn.CrossEntropyLoss(), torch.int64"),
                "number of units",
            ),
        },
    ),
    Answers(
        "better-loss",
        right={
            "four classes": better(),
            "from logits": """
def better_loss_worse_accuracy():
    targets = torch.tensor([0, 1, 2, 2])
    timid = 0.5 * torch.nn.functional.one_hot(targets, 3)
    bold = 6.0 * torch.nn.functional.one_hot(targets, 3)
    bold[3] = torch.tensor([0.2, 0.0, 0.1])
    return timid.softmax(1), bold.softmax(1), targets

CHOICE = dict(reminder="B", hospital="D", accuracy="A")
""",
        },
        wrong={
            "the other way round": (better(first=SECOND, second=FIRST), "second loss should be lower"),
            "both better": (
                better(second="[[0.97, 0.01, 0.01, 0.01], [0.01, 0.97, 0.01, 0.01]]"),
                "second accuracy should be lower",
            ),
            "two classes": (
                better("[[0.51, 0.49], [0.49, 0.51]]", "[[0.99, 0.01], [0.51, 0.49]]"),
                "three classes",
            ),
            "a tie": (better(second="[[0.97, 0.01, 0.01, 0.01], [0.48, 0.48, 0.02, 0.02]]"), "tie"),
            "rows do not sum to 1": (
                better(second="[[0.97, 0.1, 0.01, 0.01], [0.6, 0.4, 0.1, 0.1]]"),
                "sums to 1",
            ),
            "a probability of zero": (
                better(second="[[0.98, 0.02, 0.0, 0.0], [0.6, 0.4, 0.0, 0.0]]"),
                "above 0",
            ),
            "one-hot targets": (
                better(end="first, second, torch.eye(4, dtype=torch.int64)[:2]"),
                "one class for each row",
            ),
            "all classes from 1": (
                better(end="first, second, torch.tensor([1, 2])"),
                "you counted the classes from 1",
            ),
            "classes from 1": (better(end="first, second, torch.tensor([1, 4])"), "0 to K - 1"),
            "lists of numbers": (better(end="first.tolist(), second.tolist(), torch.tensor([0, 1])"), "three tensors"),
            "a list": (better(end="[first, second, torch.tensor([0, 1])]"), "tuple|return"),
            "nothing decided": (better(choice="{}"), "with three entries"),
            "one goal missing": (better(choice='{"accuracy": "A", "hospital": "D"}'), "with three entries"),
            "the usual threshold is the most accurate": (
                better(choice=CHOICE.replace('"A"', '"B"')),
                "the healthy without an alarm",
            ),
            "the rule instead of the counts": (
                better(choice=CHOICE.replace('"D"', '"C"')),
                "probabilities that one can believe",
            ),
            "accuracy for the hospital": (better(choice=CHOICE.replace('"D"', '"A"')), "20 times the missed"),
            "always the lowest threshold": (
                better(choice=CHOICE.replace('"B"', '"D"')),
                "3 times the missed",
            ),
            "logits": (
                better("[[0.5, 0.3, 0.1], [0.3, 0.5, 0.1]]", "[[5.0, -1.0, -1.0], [0.6, 0.55, -3.0]]"),
                "sums to 1|above 0",
            ),
        },
    ),
]
