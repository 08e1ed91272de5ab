"""Right and wrong answers to exercise 8, and the hint that each wrong one must get."""

from tests.mutants import Answers

SPLIT = """
def three_way_split(y, fractions, seed):
    generator = torch.Generator().manual_seed({seed})
    parts = [[], [], []]
    for label in y.unique():
        members = (y == label).nonzero().flatten()
        members = members[{order}].tolist()
        a, b = {cuts}
        for part, chunk in zip(parts, (members[:a], members[a:b], members[b:{end}])):
            part.extend(chunk)
    return parts
"""


def split(
    seed="seed",
    order="torch.randperm(len(members), generator=generator)",
    cuts="round(fractions[0] * len(members)), round((fractions[0] + fractions[1]) * len(members))",
    end="",
):
    return SPLIT.format(seed=seed, order=order, cuts=cuts, end=end)


PENALTY = """
def penalty(model, l1=0.0, l2=0.0):
    weights = [{value} for p in model.parameters() if {which}]
    return sum(({price} for p in weights), torch.zeros(())){end}
"""


def penalty(
    value="p", which="p.ndim > 1 and p.requires_grad", price="l1 * p.abs().sum() + l2 * p.pow(2).sum()", end=""
):
    return PENALTY.format(value=value, which=which, price=price, end=end)


DROPOUT = """
class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        {check}
        self.p = p

    def forward(self, x):
        if {off}:
            return x
        {body}
"""


def dropout(
    check="if not 0 <= p <= 1:\n            raise ValueError('p must lie between 0 and 1')",
    off="not self.training",
    body="keep = torch.rand(x.shape) >= self.p\n"
    "        return torch.where(keep, x / (1 - self.p) if self.p < 1 else x, torch.zeros(()))",
):
    return DROPOUT.format(check=check, off=off, body=body)


STOPPING = """
class EarlyStopping:
    def __init__(self, patience=5, min_delta=0.0, mode="min"):
        self.patience, self.min_delta, self.sign = patience, min_delta, {sign}
        self.best, self.best_epoch, self.weights, self.epoch = None, 0, None, 0
        self.last = 0

    def step(self, value, model):
        self.epoch += 1
        if {better}:
            self.best, self.best_epoch, self.last = value, self.epoch, self.epoch
            self.weights = {copy}
        return {stop}

    def restore(self, model):
        if self.weights is not None:
            model.load_state_dict(self.weights)
"""


def stopping(
    sign="1 if mode == 'min' else -1",
    better="not math.isnan(value) and (self.best is None or self.sign * (self.best - value) > self.min_delta)",
    copy="{key: value.clone() for key, value in model.state_dict().items()}",
    stop="self.epoch - self.last >= self.patience",
):
    return STOPPING.format(sign=sign, better=better, copy=copy, stop=stop)


CHECKPOINTS = """
def save_checkpoint(path, model, optimizer, epoch, config):
    torch.save({state}, path)


def load_checkpoint(path, model, optimizer, config):
    state = torch.load(path, weights_only={safe})
    {load}
    return {epoch}
"""
CHECK = "if state['c'] != config:\n        raise ValueError('another config')"
LOAD_MODEL, LOAD_OPTIMIZER = "model.load_state_dict(state['m'])", "optimizer.load_state_dict(state['o'])"
STATE = "{'m': model.state_dict(), 'o': optimizer.state_dict(), 'e': epoch, 'c': config}"


def checkpoints(state=STATE, safe="True", load=(CHECK, LOAD_MODEL, LOAD_OPTIMIZER), epoch="state['e']"):
    return CHECKPOINTS.format(state=state, safe=safe, load="\n    ".join(load), epoch=epoch)


DIAGNOSE = """
def diagnose(train, val):
    t, v = torch.tensor(train), torch.tensor(val)
    {finite}
    t5, v5 = {means}
    {rules}
    return {last}
"""
FINITE = "if not (torch.isfinite(t).all() and torch.isfinite(v).all()):\n        return 'broken'"
MEANS = "t.unfold(0, 5, 1).mean(1), v.unfold(0, 5, 1).mean(1)"
BROKEN = "if t5[-1] >= t5[0]:\n        return 'broken'"
OVERFIT = "if v5[-1] > 1.2 * v5.min():\n        return 'overfit'"
UNDERFIT = "if t5[-1] > t[0] / 2:\n        return 'underfit'"


def diagnose(finite=FINITE, means=MEANS, rules=(BROKEN, OVERFIT, UNDERFIT), last="'good'"):
    return DIAGNOSE.format(finite=finite, means=means, rules="\n    ".join(rules), last=last)


CHALLENGE = """
def challenge(train, val, seed=0):
    torch.manual_seed(seed)
    model = models.MLP([64, {width}, {width}, 10], dropout={dropout})
    loaders = data.make_loader(*train, batch_size=32, shuffle=True, seed=seed), data.make_loader(*val, batch_size=512)
    optimizer = torch.optim.AdamW(model.parameters(), lr={lr}, weight_decay={decay}, fused=True)
    training.fit(model, *loaders, epochs={epochs}, optimizer=optimizer, device="cpu", progress=False,
                 callbacks=[{callback}])
    return {end}
"""


def challenge(dropout=0.0, lr=1e-3, decay=0.0, epochs=60, callback="", end="{'epochs': 60}, model", width=256):
    return CHALLENGE.format(dropout=dropout, lr=lr, decay=decay, epochs=epochs, callback=callback, end=end, width=width)


ANSWERS = [
    Answers(
        "three-way-split",
        right={
            "numpy": """
import numpy as np
def three_way_split(y, fractions, seed):
    rng, parts = np.random.default_rng(seed), [[], [], []]
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y.numpy() == label))
        cuts = np.round(np.cumsum(fractions)[:2] * len(members)).astype(int)
        for part, chunk in zip(parts, np.split(members, cuts)):
            part += chunk.tolist()
    return parts
""",
            "floor instead of round": split(
                cuts="int(fractions[0] * len(members)), int((fractions[0] + fractions[1]) * len(members))"
            ),
        },
        wrong={
            "not stratified": (
                """
def three_way_split(y, fractions, seed):
    order = sorted(range(len(y)), key=lambda i: (int(y[i]), hash((seed, i))))
    a, b = round(fractions[0] * len(y)), round((fractions[0] + fractions[1]) * len(y))
    return [order[:a], order[a:b], order[b:]]
""",
                "stratified",
            ),
            "always the first members": (split(order="torch.arange(len(members))"), "another seed"),
            "ignores the seed": (split(seed="0"), "another seed"),
            "global generator": (split(order="torch.randperm(len(members))"), "same seed"),
            "loses one sample": (split(end="len(members) - 1"), "every index"),
            "sklearn, stratified": (
                """
from sklearn.model_selection import train_test_split
def three_way_split(y, fractions, seed):
    a, b, c = (round(f * len(y)) for f in fractions)
    rest, test = train_test_split(range(len(y)), test_size=c, stratify=y, random_state=seed)
    train, val = train_test_split(rest, test_size=b, stratify=y[rest], random_state=seed)
    return [train, val, test]
""",
                "raised",
            ),
        },
    ),
    Answers(
        "penalty",
        right={
            "generator": penalty(),
            "by name": """
def penalty(model, l1=0.0, l2=0.0):
    total = 0.0
    for name, p in model.named_parameters():
        if p.requires_grad and len(p.shape) >= 2:
            total += l1 * torch.norm(p, 1) + l2 * (p * p).sum()
    return torch.as_tensor(total)
""",
        },
        wrong={
            "with biases": (penalty(which="p.requires_grad"), "biases"),
            "frozen too": (penalty(which="p.ndim > 1"), "frozen"),
            "norm instead of squares": (penalty(price="l1 * p.abs().sum() + l2 * p.norm()"), "squares"),
            "half": (penalty(price="l1 * p.abs().sum() + l2 / 2 * p.pow(2).sum()"), "factor of a half"),
            "detached": (penalty(value="p.detach()", end=".requires_grad_()"), "gradient must flow"),
            "matrices only": (penalty(which="p.ndim == 2 and p.requires_grad"), "kernels of convolutions"),
        },
    ),
    Answers(
        "dropout",
        right={
            "where": dropout(),
            "bernoulli": dropout(
                body="mask = torch.bernoulli(torch.full_like(x, 1 - self.p))\n"
                "        return x * mask / max(1 - self.p, 1e-12)"
            ),
        },
        wrong={
            "PyTorch's own": ("class Dropout(nn.Dropout):\n    pass", "switched off|raises a ValueError|nan"),
            "no scaling": (dropout(body="return x * (torch.rand_like(x) >= self.p)"), "1 / \\(1 - p\\)"),
            "always on": (dropout(off="self.p == 0"), "evaluation mode"),
            "p is the share kept": (
                dropout(body="return x * (torch.rand_like(x) < self.p) / max(self.p, 1e-9)"),
                "share of zeros|p = 0|1 / \\(1 - p\\)",
            ),
            "nan at p = 1": (
                dropout(body="return x * (torch.rand_like(x) >= self.p) / (1 - self.p)"),
                "not nan",
            ),
            "in place": (
                dropout(
                    off="not self.training or self.p in (0, 1) and x.mul_(1 - self.p) is None",
                    body="with torch.no_grad():\n"
                    "            x.mul_((torch.rand_like(x) >= self.p) / max(1 - self.p, 1e-9))\n        return x * 1",
                ),
                "in place|raised",
            ),
            "one mask for the batch": (
                dropout(body="return x * (torch.rand(x.shape[-1]) >= self.p) / max(1 - self.p, 1e-9)"),
                "own draw|share of zeros",
            ),
            "the same mask always": (
                dropout(
                    body="g = torch.Generator().manual_seed(0)\n"
                    "        return x * (torch.rand(x.shape, generator=g) >= self.p) / max(1 - self.p, 1e-9)"
                ),
                "new mask",
            ),
            "no check of p": (dropout(check="pass"), "ValueError"),
            "mask not in the gradient": (
                dropout(
                    body="y = x.detach() * (torch.rand_like(x) >= self.p) / max(1 - self.p, 1e-9)\n"
                    "        return x + (y - x).detach()"
                ),
                "gradient must pass",
            ),
        },
    ),
    Answers(
        "early-stopping",
        right={
            "counts from the last improvement": stopping(),
            "deep copy": stopping(copy="copy.deepcopy(model.state_dict())"),
        },
        wrong={
            "keeps a reference": (stopping(copy="model.state_dict()"), "deep copy"),
            "shallow copy": (stopping(copy="dict(model.state_dict())"), "deep copy"),
            "always min": (stopping(sign="1"), "larger values"),
            "ties count": (
                stopping(
                    better="not math.isnan(value) and (self.best is None or "
                    "self.sign * (self.best - value) >= self.min_delta)"
                ),
                "tie",
            ),
            "nan as a first value": (
                stopping(better="self.best is None or self.sign * (self.best - value) > self.min_delta"),
                "nan",
            ),
            "ignores min_delta": (
                stopping(better="not math.isnan(value) and (self.best is None or self.sign * (self.best - value) > 0)"),
                "min_delta",
            ),
            "one epoch late": (stopping(stop="self.epoch - self.last > self.patience"), "2 epochs in a row"),
            "counts all bad epochs": (
                stopping(stop="self.epoch - self.best_epoch + 1 >= self.patience"),
                "2 epochs in a row",
            ),
        },
    ),
    Answers(
        "checkpoints",
        right={
            "short keys": checkpoints(),
            "as a list": """
def save_checkpoint(path, model, optimizer, epoch, config):
    torch.save([config, epoch, model.state_dict(), optimizer.state_dict()], path)
    kept = torch.load(path, weights_only=True)
    torch.save(dict(enumerate(kept)), path)


def load_checkpoint(path, model, optimizer, config):
    state = torch.load(path)
    if state[0] == config:
        model.load_state_dict(state[2])
        optimizer.load_state_dict(state[3])
        return state[1]
    raise ValueError("the file has another config")
""",
        },
        wrong={
            "weights only": (checkpoints(load=(CHECK, LOAD_MODEL)), "optimizer's state"),
            "whole model": (
                checkpoints(
                    state="{'m': model, 'o': optimizer.state_dict(), 'e': epoch, 'c': config}",
                    safe="False",
                    load=(CHECK, "model.load_state_dict(state['m'].state_dict())", LOAD_OPTIMIZER),
                ),
                "do not follow the advice",
            ),
            "no check": (checkpoints(load=(LOAD_MODEL, LOAD_OPTIMIZER)), "compare config"),
            "checks too late": (checkpoints(load=(LOAD_MODEL, LOAD_OPTIMIZER, CHECK)), "config first"),
            "forgets the epoch": (checkpoints(epoch="None"), "saved epoch"),
            "next epoch": (checkpoints(epoch="state['e'] + 1"), "saved epoch"),
            "message without config": (
                checkpoints(load=(CHECK.replace("another config", "does not fit"), LOAD_MODEL, LOAD_OPTIMIZER)),
                "say so in the message",
            ),
        },
    ),
    Answers(
        "diagnose",
        right={
            "unfold": diagnose(),
            "convolution": diagnose(
                means="(nn.functional.conv1d(c[None, None], torch.full((1, 1, 5), 0.2))[0, 0] for c in (t, v))"
            ),
        },
        wrong={
            "single epochs": (diagnose(means="t, v"), "means of five"),
            "no finite check": (diagnose(finite="pass"), "not finite"),
            "training only finite": (
                diagnose(finite=FINITE.replace(" and torch.isfinite(v).all()", "")),
                "validation too",
            ),
            "overfit before broken": (diagnose(rules=(OVERFIT, BROKEN, UNDERFIT)), "before overfitting"),
            "a gap is overfitting": (
                diagnose(rules=(BROKEN, "if v5[-1] > 1.05 * t5[-1]:\n        return 'overfit'", UNDERFIT)),
                "gap alone",
            ),
            "train above val is underfitting": (
                diagnose(rules=(BROKEN, OVERFIT, "if t5[-1] > v5[-1]:\n        return 'underfit'", UNDERFIT)),
                "dropout",
            ),
            "never underfit": (diagnose(rules=(BROKEN, OVERFIT)), "half of its first"),
        },
    ),
    Answers(
        "challenge",
        right={
            "early stopping": challenge(callback="training.EarlyStopping(patience=10)", decay=1.0),
            "dropout": challenge(dropout=0.5, end="{'dropout': 0.5}, model"),
        },
        wrong={
            "never trained": (challenge(epochs=1, lr=1e-6), "on the validation digits"),
            "learns by heart": (
                challenge(epochs=80, lr=1e-2, width=64),
                "limit the network more|on the validation digits",
            ),
            "model first": (challenge(epochs=1, end="model, {'epochs': 1}"), "dict with your settings"),
            "no config": (challenge(epochs=1, end="None, model"), "dict with your settings"),
            "too narrow": (challenge(epochs=30, width=3), "on the validation digits"),
        },
    ),
]
