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


def penalised_step(model, inputs, targets, optimizer, l1=0.0, l2=0.0):
    loss = {loss}
    {lines}
    return {give}
"""


def penalty(**parts):
    usual = {
        "value": "p",
        "which": "p.ndim > 1 and p.requires_grad",
        "price": "l1 * p.abs().sum() + l2 * p.pow(2).sum()",
        "end": "",
        "loss": "nn.CrossEntropyLoss()(model(inputs), targets) + penalty(model, l1, l2)",
        "lines": "optimizer.zero_grad(); loss.backward(); optimizer.step()",
        "give": "float(loss.detach())",
    }
    return PENALTY.format(**usual | parts)


FOLDS = """
def group_folds(groups, k, seed):
    generator = torch.Generator().manual_seed({seed})
    names = groups.unique()
    names = names[{order}]
    folds = []
    for some in {deal}:
        here = sum((groups == name for name in some), torch.zeros(len(groups), dtype=torch.bool))
        folds.append(({train}, {val}))
    return folds
"""


def folds(**parts):
    usual = {
        "seed": "seed",
        "order": "torch.randperm(len(names), generator=generator)",
        "deal": "[names[i::k] for i in range(k)]",
        "train": "(~here).nonzero().flatten().tolist()",
        "val": "here.nonzero().flatten().tolist()",
    }
    return FOLDS.format(**usual | parts)


VERDICTS = '{"A": "leak", "B": "budget", "C": "worn out", "D": "luck", "E": "fair", "F": "leak"}'
TRUST = """
VERDICTS = {verdicts}


def paired_interval(a_right, b_right, seed=0):
    {guard}
    generator = torch.Generator().manual_seed({seed})
    n = len(a_right)
    draws = {draws}
    differences = {differences}
    low, high = {ends}
    return low, high
"""


def trust(**parts):
    usual = {
        "verdicts": VERDICTS,
        "guard": "if len(a_right) != len(b_right):\n        raise ValueError('not the same exam')",
        "seed": "seed",
        "draws": "torch.randint(n, (4000, n), generator=generator)",
        "differences": "b_right[draws].float().mean(1) - a_right[draws].float().mean(1)",
        "ends": "(torch.quantile(differences, q).item() for q in (0.025, 0.975))",
    }
    return TRUST.format(**usual | parts)


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


CONVOLUTIONS = """
def challenge(train, val, seed=0):
    torch.manual_seed(seed)
    images, targets = train[0] / 255, train[1]
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(1024, 10),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1)
    for epoch in range(40):
        for rows in torch.randperm(len(images)).split(32):
            down, right = torch.randint(-1, 2, (2,)).tolist()
            batch = F.pad(images[rows], (1, 1, 1, 1))[..., 1 + down : 9 + down, 1 + right : 9 + right]
            loss = F.cross_entropy(model(batch), targets[rows], label_smoothing=0.2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {"dropout": 0.5, "label_smoothing": 0.2}, model
"""


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
            "by enumerate": (
                "def three_way_split(y, fractions, seed):\n"
                "    generator = torch.Generator().manual_seed(seed)\n"
                "    train, val, test = [], [], []\n"
                "    for label in y.unique():\n"
                "        members = [i for i, c in enumerate(y.tolist()) if c == label]\n"
                "        order = torch.randperm(len(members), generator=generator).tolist()\n"
                "        members = [members[place] for place in order]\n"
                "        first = round(fractions[0] * len(members))\n"
                "        second = first + round(fractions[1] * len(members))\n"
                "        train += members[:first]\n"
                "        val += members[first:second]\n"
                "        test += members[second:]\n"
                "    return [train, val, test]"
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
                "raised|could not use",
            ),
            "shares cut each for itself": (
                split(
                    cuts="int(fractions[0] * len(members)), "
                    "int(fractions[0] * len(members)) + int(fractions[1] * len(members))"
                ),
                "cut at the summed shares",
            ),
            "the visible check's fractions": (
                split(cuts="round(0.6 * len(members)), round(0.7 * len(members))"),
                "read them from `fractions`",
            ),
            "tensors in the parts": (
                split(order="torch.randperm(len(members), generator=generator)").replace("].tolist()", "]"),
                "lists of Python ints",
            ),
            "a column of indices": (
                split().replace(".flatten()", ""),
                "flatten it",
            ),
            "knows the example's fractions": (
                "def three_way_split(y, fractions, seed):\n"
                "    generator = torch.Generator().manual_seed(seed)\n"
                "    train, val, test = [], [], []\n"
                "    for label in y.unique():\n"
                "        members = torch.where(y == label)[0].tolist()\n"
                "        order = torch.randperm(len(members), generator=generator).tolist()\n"
                "        members = [members[place] for place in order]\n"
                "        first = len(members) // 2\n"
                "        second = len(members) * 3 // 4\n"
                "        train += members[:first]\n"
                "        val += members[first:second]\n"
                "        test += members[second:]\n"
                "    return [train, val, test]",
                r"as `fractions` says|has its share",
            ),
        },
    ),
    Answers(
        "group-folds",
        right={
            "dealt like cards": folds(),
            "array_split": """
import numpy as np
def group_folds(groups, k, seed):
    names = np.random.default_rng(seed).permutation(np.unique(groups.numpy()))
    parts = [np.isin(groups.numpy(), part) for part in np.array_split(names, k)]
    return [(np.flatnonzero(~part).tolist(), np.flatnonzero(part).tolist()) for part in parts]
""",
            "with tensors": (
                "def group_folds(groups, k, seed):\n"
                "    torch.manual_seed(seed)\n"
                "    names = groups.unique()\n"
                "    names = names[torch.randperm(len(names))]\n"
                "    folds = []\n"
                "    for part in torch.tensor_split(names, k):\n"
                "        inside = torch.isin(groups, part)\n"
                "        folds.append(((~inside).nonzero().flatten().tolist(), inside.nonzero().flatten().tolist()))\n"
                "    return folds"
            ),
        },
        wrong={
            "the chapter's folds": (
                """
def group_folds(groups, k, seed):
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed))
    parts = order.chunk(k)
    return [([i for i in order.tolist() if i not in part.tolist()], part.tolist()) for part in parts]
""",
                "both sides",
            ),
            "chunk": (folds(deal="names.chunk(k)"), "exactly k folds"),
            "never shuffled": (folds(order="torch.arange(len(names))"), "another seed"),
            "ignores the seed": (folds(seed="0"), "another seed"),
            "global generator": (folds(order="torch.randperm(len(names))"), "same seed"),
            "sides exchanged": (
                folds(val="(~here).nonzero().flatten().tolist()", train="here.nonzero().flatten().tolist()"),
                "in this order|exactly one fold",
            ),
            "masks": (folds(train="(~here).tolist()", val="here.tolist()"), "indices where it is True"),
            "names of groups": (
                folds(train="[n for n in names.tolist() if n not in some]", val="some.tolist()"),
                "names of groups",
            ),
            "trains on all": (folds(train="list(range(len(groups)))"), "both sides"),
            "names are places": (
                """
def group_folds(groups, k, seed):
    order = torch.randperm(int(groups.max()) + 1, generator=torch.Generator().manual_seed(seed))
    fold_of = order % k
    here = [fold_of[groups] == fold for fold in range(k)]
    return [((~h).nonzero().flatten().tolist(), h.nonzero().flatten().tolist()) for h in here]
""",
                "differ by at most one",
            ),
            "scikit-learn, seed ignored": (
                """
from sklearn.model_selection import GroupKFold
def group_folds(groups, k, seed):
    return [(a.tolist(), b.tolist()) for a, b in GroupKFold(k).split(groups, groups=groups)]
""",
                "differ by at most one|another seed",
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


def penalised_step(model, inputs, targets, optimizer, l1=0.0, l2=0.0):
    optimizer.zero_grad()
    loss = F.nll_loss(model(inputs).log_softmax(1), targets) + penalty(model, l1, l2)
    loss.backward()
    optimizer.step()
    return loss.item()
""",
            "all weights in one row": (
                "def penalty(model, l1=0.0, l2=0.0):\n"
                "    weights = [p.flatten() for p in model.parameters() if p.ndim >= 2 and p.requires_grad]\n"
                "    row = torch.cat(weights)\n"
                "    return l1 * row.abs().sum() + l2 * row.dot(row)\n"
                "\n"
                "def penalised_step(model, inputs, targets, optimizer, l1=0.0, l2=0.0):\n"
                "    pass\n"
                "    loss = F.cross_entropy(model(inputs), targets) + penalty(model, l1, l2)\n"
                "    optimizer.zero_grad()\n"
                "    loss.backward()\n"
                "    optimizer.step()\n"
                "    return loss.item()"
            ),
        },
        wrong={
            "with biases": (penalty(which="p.requires_grad"), "biases"),
            "frozen too": (penalty(which="p.ndim > 1"), "frozen"),
            "norm instead of squares": (penalty(price="l1 * p.abs().sum() + l2 * p.norm()"), "squares"),
            "half": (penalty(price="l1 * p.abs().sum() + l2 / 2 * p.pow(2).sum()"), "factor of a half"),
            "detached": (penalty(value="p.detach()", end=".requires_grad_()"), "gradient must flow|raised"),
            "matrices only": (penalty(which="p.ndim == 2 and p.requires_grad"), "kernels of convolutions"),
            "a Python number": (penalty(end=".item()"), "gradient must flow|backward|raised"),
            "never clears": (penalty(lines="loss.backward(); optimizer.step()"), "old gradients|clear the gradients"),
            "clears too late": (
                penalty(lines="loss.backward(); optimizer.zero_grad(); optimizer.step()"),
                "clear",
            ),
            "no step": (penalty(lines="optimizer.zero_grad(); loss.backward()"), "clear the gradients|old gradients"),
            "no penalty in the loss": (
                penalty(loss="nn.CrossEntropyLoss()(model(inputs), targets)"),
                "cross entropy plus penalty",
            ),
            "names exchanged": (
                penalty(loss="nn.CrossEntropyLoss()(model(inputs), targets) + penalty(model, l2, l1)"),
                "changed places|cross entropy plus penalty",
            ),
            "penalty not in the gradient": (
                penalty(loss="nn.CrossEntropyLoss()(model(inputs), targets) + penalty(model, l1, l2).item()"),
                "in the number and not in the gradient",
            ),
            "switches the mode": (
                penalty(lines="model.train(); optimizer.zero_grad(); loss.backward(); optimizer.step()"),
                "leaves the mode alone",
            ),
            "returns nothing": (penalty(give="None"), "cross entropy plus penalty"),
            "returns a tensor": (
                "def penalty(model, l1=0.0, l2=0.0):\n"
                "    return sum((l1 * p.abs().sum() + l2 * (p**2).sum() for p in model.parameters() if p.ndim > 1 and p.requires_grad), torch.zeros(()))\n"
                "\n"
                "def penalised_step(model, inputs, targets, optimizer, l1=0.0, l2=0.0):\n"
                "    pass\n"
                "    loss = F.cross_entropy(model(inputs), targets) + penalty(model, l1, l2)\n"
                "    optimizer.zero_grad()\n"
                "    loss.backward()\n"
                "    optimizer.step()\n"
                "    return loss",
                r"as a float",
            ),
            "the step forgets l1": (
                "def penalty(model, l1=0.0, l2=0.0):\n"
                "    return sum((l1 * p.abs().sum() + l2 * (p**2).sum() for p in model.parameters() if p.ndim > 1 and p.requires_grad), torch.zeros(()))\n"
                "\n"
                "def penalised_step(model, inputs, targets, optimizer, l1=0.0, l2=0.0):\n"
                "    pass\n"
                "    loss = F.cross_entropy(model(inputs), targets) + penalty(model, 0.0, l2)\n"
                "    optimizer.zero_grad()\n"
                "    loss.backward()\n"
                "    optimizer.step()\n"
                "    return loss.item()",
                r"both prices",
            ),
            "a list of kinds of layers": (
                "def penalty(model, l1=0.0, l2=0.0):\n"
                "    total = torch.zeros(())\n"
                "    for layer in model.modules():\n"
                "        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)) and layer.weight.requires_grad:\n"
                "            total = total + l1 * layer.weight.abs().sum() + l2 * (layer.weight**2).sum()\n"
                "    return total\n"
                "\n"
                "def penalised_step(model, inputs, targets, optimizer, l1=0.0, l2=0.0):\n"
                "    pass\n"
                "    loss = F.cross_entropy(model(inputs), targets) + penalty(model, l1, l2)\n"
                "    optimizer.zero_grad()\n"
                "    loss.backward()\n"
                "    optimizer.step()\n"
                "    return loss.item()",
                r"whatever kind of layer",
            ),
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
            "the chapter's class": (
                """
class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        stays = torch.rand_like(x) >= self.p
        return x * stays / (1 - self.p)
""",
                "not nan|ValueError",
            ),
            "a frozen mask": (
                """
class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p")
        self.p, self.mask = p, None

    def forward(self, x):
        if not self.training:
            return x
        if self.mask is None or self.mask.shape != x.shape:
            self.mask = (torch.rand_like(x) >= self.p) / max(1 - self.p, 1e-9)
        return x * self.mask
""",
                "new mask",
            ),
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
            "always the same count of zeros": (
                dropout(
                    body="mask = torch.ones(x.numel())\n"
                    "        mask[torch.randperm(x.numel())[: round(x.numel() * self.p)]] = 0\n"
                    "        return x * mask.reshape(x.shape) / max(1 - self.p, 1e-9)"
                ),
                "drawn for itself",
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
            "p below 0 is allowed": (
                "class Dropout(nn.Module):\n"
                "    def __init__(self, p=0.5):\n"
                "        super().__init__()\n"
                "        if p > 1:\n"
                "            raise ValueError('p')\n"
                "        self.p = p\n"
                "    def forward(self, x):\n"
                "        if not self.training:\n"
                "            return x\n"
                "        if self.p == 1:\n"
                "            return torch.zeros_like(x)\n"
                "        return x * (torch.rand(x.shape) >= self.p) / (1 - self.p)",
                r"here -0",
            ),
            "p = 0 is refused": (
                "class Dropout(nn.Module):\n"
                "    def __init__(self, p=0.5):\n"
                "        super().__init__()\n"
                "        if not 0 <= p < 1 and p != 1.0 or p == 0:\n"
                "            raise ValueError('p')\n"
                "        self.p = p\n"
                "    def forward(self, x):\n"
                "        if not self.training:\n"
                "            return x\n"
                "        if self.p == 1:\n"
                "            return torch.zeros_like(x)\n"
                "        return x * (torch.rand(x.shape) >= self.p) / (1 - self.p)",
                r"p = 0 is allowed|ValueError",
            ),
            "p = 1 before the mode": (
                "class Dropout(nn.Module):\n"
                "    def __init__(self, p=0.5):\n"
                "        super().__init__()\n"
                "        if p < 0 or p > 1:\n"
                "            raise ValueError('p')\n"
                "        self.p = p\n"
                "    def forward(self, x):\n"
                "        if self.p == 1:\n"
                "            return torch.zeros_like(x)\n"
                "        if not self.training:\n"
                "            return x\n"
                "        return x * (torch.rand(x.shape) >= self.p) / (1 - self.p)",
                r"whatever p is",
            ),
            "in place at p = 1": (
                "class Dropout(nn.Module):\n"
                "    def __init__(self, p=0.5):\n"
                "        super().__init__()\n"
                "        if p < 0 or p > 1:\n"
                "            raise ValueError('p')\n"
                "        self.p = p\n"
                "    def forward(self, x):\n"
                "        if not self.training:\n"
                "            return x\n"
                "        if self.p == 1:\n"
                "            return x.zero_()\n"
                "        return x * (torch.rand(x.shape) >= self.p) / (1 - self.p)",
                r"for p = 1 either|in place",
            ),
        },
    ),
    Answers(
        "early-stopping",
        right={
            "counts from the last improvement": stopping(),
            "deep copy": stopping(copy="copy.deepcopy(model.state_dict())"),
            "epochs since the best": (
                "class EarlyStopping:\n"
                '    def __init__(self, patience=5, min_delta=0.0, mode="min"):\n'
                "        self.patience, self.min_delta, self.mode = patience, min_delta, mode\n"
                "        self.best, self.best_epoch, self.weights = None, 0, None\n"
                "        self.epoch, self.waited = 0, 0\n"
                "\n"
                "    def step(self, value, model):\n"
                "        self.epoch += 1\n"
                "        if self.best is None:\n"
                "            better = value == value\n"
                '        elif self.mode == "min":\n'
                "            better = value < self.best - self.min_delta\n"
                "        else:\n"
                "            better = value > self.best + self.min_delta\n"
                "        if better:\n"
                "            self.best, self.best_epoch, self.waited = value, self.epoch, 0\n"
                "            self.weights = {k: v.clone() for k, v in model.state_dict().items()}\n"
                "        else:\n"
                "            self.waited += 1\n"
                "        return self.epoch - self.best_epoch >= self.patience\n"
                "\n"
                "    def restore(self, model):\n"
                "        if self.weights is not None:\n"
                "            model.load_state_dict(self.weights)"
            ),
        },
        wrong={
            "as it was given": (
                """
class EarlyStopping:
    def __init__(self, patience=5, min_delta=0.0, mode="min"):
        self.patience, self.min_delta, self.mode = patience, min_delta, mode
        self.best, self.best_epoch, self.weights = None, 0, None
        self.epoch, self.waited = 0, 0

    def step(self, value, model):
        self.epoch += 1
        if value == value and (self.best is None or value < self.best - self.min_delta):
            self.best, self.best_epoch = value, self.epoch
            self.weights = model.state_dict()
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self, model):
        if self.weights is not None:
            model.load_state_dict(self.weights)
""",
                "2 epochs in a row",
            ),
            "shallow copy and no mode": (
                stopping(copy="dict(model.state_dict())", sign="1"),
                "larger values|deep copy",
            ),
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
            "one epoch late": (stopping(stop="self.epoch - self.last > self.patience"), "reached"),
            "any change is an improvement": (
                stopping(
                    better="not math.isnan(value) and (self.best is None or abs(value - self.best) > self.min_delta)"
                ),
                "only a smaller value",
            ),
            "best is negative": (
                stopping(sign="1")
                .replace(
                    "        self.epoch += 1\n",
                    "        self.epoch += 1\n        value = value if self.up else -value\n",
                )
                .replace("        self.last = 0", "        self.last, self.up = 0, mode == 'min'"),
                "not its negative",
            ),
            "counts all bad epochs": (
                stopping(stop="self.epoch - self.best_epoch + 1 >= self.patience"),
                "2 epochs in a row",
            ),
            "min_delta with the wrong sign": (
                "class EarlyStopping:\n"
                '    def __init__(self, patience=5, min_delta=0.0, mode="min"):\n'
                "        self.patience, self.min_delta, self.mode = patience, min_delta, mode\n"
                "        self.best, self.best_epoch, self.weights = None, 0, None\n"
                "        self.epoch, self.waited = 0, 0\n"
                "\n"
                "    def step(self, value, model):\n"
                "        self.epoch += 1\n"
                "        if self.best is None:\n"
                "            better = value == value\n"
                '        elif self.mode == "min":\n'
                "            better = value < self.best - self.min_delta\n"
                "        else:\n"
                "            better = value > self.best - self.min_delta\n"
                "        if better:\n"
                "            self.best, self.best_epoch, self.waited = value, self.epoch, 0\n"
                "            self.weights = {k: v.clone() for k, v in model.state_dict().items()}\n"
                "        else:\n"
                "            self.waited += 1\n"
                "        return self.waited >= self.patience\n"
                "\n"
                "    def restore(self, model):\n"
                "        if self.weights is not None:\n"
                "            model.load_state_dict(self.weights)",
                r"by more than",
            ),
            "no min_delta for max": (
                "class EarlyStopping:\n"
                '    def __init__(self, patience=5, min_delta=0.0, mode="min"):\n'
                "        self.patience, self.min_delta, self.mode = patience, min_delta, mode\n"
                "        self.best, self.best_epoch, self.weights = None, 0, None\n"
                "        self.epoch, self.waited = 0, 0\n"
                "\n"
                "    def step(self, value, model):\n"
                "        self.epoch += 1\n"
                "        if self.best is None:\n"
                "            better = value == value\n"
                '        elif self.mode == "min":\n'
                "            better = value < self.best - self.min_delta\n"
                "        else:\n"
                "            better = value > self.best\n"
                "        if better:\n"
                "            self.best, self.best_epoch, self.waited = value, self.epoch, 0\n"
                "            self.weights = {k: v.clone() for k, v in model.state_dict().items()}\n"
                "        else:\n"
                "            self.waited += 1\n"
                "        return self.waited >= self.patience\n"
                "\n"
                "    def restore(self, model):\n"
                "        if self.weights is not None:\n"
                "            model.load_state_dict(self.weights)",
                r"by more than",
            ),
            "a tie counts for max": (
                "class EarlyStopping:\n"
                '    def __init__(self, patience=5, min_delta=0.0, mode="min"):\n'
                "        self.patience, self.min_delta, self.mode = patience, min_delta, mode\n"
                "        self.best, self.best_epoch, self.weights = None, 0, None\n"
                "        self.epoch, self.waited = 0, 0\n"
                "\n"
                "    def step(self, value, model):\n"
                "        self.epoch += 1\n"
                "        if self.best is None:\n"
                "            better = value == value\n"
                '        elif self.mode == "min":\n'
                "            better = value < self.best - self.min_delta\n"
                "        else:\n"
                "            better = value >= self.best + self.min_delta\n"
                "        if better:\n"
                "            self.best, self.best_epoch, self.waited = value, self.epoch, 0\n"
                "            self.weights = {k: v.clone() for k, v in model.state_dict().items()}\n"
                "        else:\n"
                "            self.waited += 1\n"
                "        return self.waited >= self.patience\n"
                "\n"
                "    def restore(self, model):\n"
                "        if self.weights is not None:\n"
                "            model.load_state_dict(self.weights)",
                r"by more than",
            ),
        },
    ),
    Answers(
        "checkpoints",
        right={
            "short keys": checkpoints(),
            "a list as it is": """
def save_checkpoint(path, model, optimizer, epoch, config):
    torch.save([epoch, config, model.state_dict(), optimizer.state_dict()], path)


def load_checkpoint(path, model, optimizer, config):
    epoch, saved, weights, state = torch.load(path, weights_only=True)
    if saved != config:
        raise ValueError("the config differs from the one in the file")
    model.load_state_dict(weights)
    optimizer.load_state_dict(state)
    return epoch
""",
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
            "optimizer not saved": (
                checkpoints(state="{'m': model.state_dict(), 'e': epoch, 'c': config}", load=(CHECK, LOAD_MODEL)),
                "optimizer's state",
            ),
            "no check": (checkpoints(load=(LOAD_MODEL, LOAD_OPTIMIZER)), "compare config"),
            "checks too late": (checkpoints(load=(LOAD_MODEL, LOAD_OPTIMIZER, CHECK)), "config first"),
            "forgets the epoch": (checkpoints(epoch="None"), "saved epoch"),
            "next epoch": (checkpoints(epoch="state['e'] + 1"), "saved epoch"),
            "message without config": (
                checkpoints(load=(CHECK.replace("another config", "does not fit"), LOAD_MODEL, LOAD_OPTIMIZER)),
                "say so in the message",
            ),
            "compares what it was given": (
                "def save_checkpoint(path, model, optimizer, epoch, config):\n"
                '    torch.save({"m": model.state_dict(), "o": optimizer.state_dict(), "epoch": epoch, "config": config}, path)\n'
                "\n"
                "def load_checkpoint(path, model, optimizer, config):\n"
                "    state = torch.load(path, weights_only=True)\n"
                "    if any(state['config'].get(k) != v for k, v in config.items()):\n"
                "        raise ValueError('another config')\n"
                "    model.load_state_dict(state['m'])\n"
                "    optimizer.load_state_dict(state['o'])\n"
                '    return state["epoch"]',
                r"whole config|whole dict",
            ),
            "compares what the file holds": (
                "def save_checkpoint(path, model, optimizer, epoch, config):\n"
                '    torch.save({"m": model.state_dict(), "o": optimizer.state_dict(), "epoch": epoch, "config": config}, path)\n'
                "\n"
                "def load_checkpoint(path, model, optimizer, config):\n"
                "    state = torch.load(path, weights_only=True)\n"
                "    if any(config.get(k) != v for k, v in state['config'].items()):\n"
                "        raise ValueError('another config')\n"
                "    model.load_state_dict(state['m'])\n"
                "    optimizer.load_state_dict(state['o'])\n"
                '    return state["epoch"]',
                r"whole config|config",
            ),
            "compares names only": (
                "def save_checkpoint(path, model, optimizer, epoch, config):\n"
                '    torch.save({"m": model.state_dict(), "o": optimizer.state_dict(), "epoch": epoch, "config": config}, path)\n'
                "\n"
                "def load_checkpoint(path, model, optimizer, config):\n"
                "    state = torch.load(path, weights_only=True)\n"
                "    if state['config'].keys() != config.keys():\n"
                "        raise ValueError('another config')\n"
                "    model.load_state_dict(state['m'])\n"
                "    optimizer.load_state_dict(state['o'])\n"
                '    return state["epoch"]',
                r"whole config",
            ),
            "the optimizer before the check": (
                "def save_checkpoint(path, model, optimizer, epoch, config):\n"
                '    torch.save({"m": model.state_dict(), "o": optimizer.state_dict(), "epoch": epoch, "config": config}, path)\n'
                "\n"
                "def load_checkpoint(path, model, optimizer, config):\n"
                "    state = torch.load(path, weights_only=True)\n"
                "    optimizer.load_state_dict(state['o'])\n"
                "    if state['config'] != config:\n"
                "        raise ValueError('another config')\n"
                "    model.load_state_dict(state['m'])\n"
                '    return state["epoch"]',
                r"model or the optimizer",
            ),
            "compares the first value": (
                "def save_checkpoint(path, model, optimizer, epoch, config):\n"
                '    torch.save({"m": model.state_dict(), "o": optimizer.state_dict(), "epoch": epoch, "config": config}, path)\n'
                "\n"
                "def load_checkpoint(path, model, optimizer, config):\n"
                "    state = torch.load(path, weights_only=True)\n"
                "    if list(state['config'].values())[0] != list(config.values())[0]:\n"
                "        raise ValueError('another config')\n"
                "    model.load_state_dict(state['m'])\n"
                "    optimizer.load_state_dict(state['o'])\n"
                '    return state["epoch"]',
                r"whole config",
            ),
        },
    ),
    Answers(
        "trust",
        right={
            "two means": trust(),
            "loop": trust(
                differences="torch.tensor([(b_right[d].float() - a_right[d].float()).mean().item() for d in draws])",
                ends="sorted(differences.tolist())[100], sorted(differences.tolist())[3899]",
            ),
            "sorted by hand": (
                'VERDICTS = {"A": "leak", "B": "budget", "C": "worn out", "D": "luck", "E": "fair", "F": "leak"}\n'
                "def paired_interval(a_right, b_right, seed=0):\n"
                "    if len(a_right) != len(b_right):\n"
                '        raise ValueError("x")\n'
                "    generator = torch.Generator().manual_seed(seed)\n"
                "    n = len(a_right)\n"
                "    gain = b_right.double() - a_right.double()\n"
                "    places = torch.randint(n, (4000, n), generator=generator)\n"
                "    d = (b_right[places].float().mean(1) - a_right[places].float().mean(1)).sort().values\n"
                "    return float(d[100]), float(d[3899])"
            ),
        },
        wrong={
            "unpaired": (
                trust(
                    differences="b_right[draws].float().mean(1) - "
                    "a_right[torch.randint(n, (4000, n), generator=generator)].float().mean(1)"
                ),
                "same pictures for both",
            ),
            "A minus B": (
                trust(differences="a_right[draws].float().mean(1) - b_right[draws].float().mean(1)"),
                "B minus A",
            ),
            "without replacement": (
                trust(draws="torch.stack([torch.randperm(n, generator=generator) for _ in range(4000)])"),
                "with\\* replacement",
            ),
            "90 %": (trust(ends="(torch.quantile(differences, q).item() for q in (0.05, 0.95))"), "too narrow"),
            "accuracy of B only": (
                trust(differences="b_right[draws].float().mean(1)"),
                "difference B minus A",
            ),
            "half of the pictures": (
                trust(draws="torch.randint(n, (4000, n // 2), generator=generator)"),
                "same pictures for both|difference B minus A",
            ),
            "global randomness": (trust(draws="torch.randint(n, (4000, n))"), "generator of your own"),
            "never the last picture": (
                trust(draws="torch.randint(0, n - 1, (4000, n), generator=generator)"),
                "last picture",
            ),
            "never the first picture": (
                trust(draws="torch.randint(1, n, (4000, n), generator=generator)"),
                "first picture",
            ),
            "counts": (
                trust(differences="b_right[draws].float().sum(1) - a_right[draws].float().sum(1)"),
                "as shares",
            ),
            "ends exchanged": (
                trust(ends="(torch.quantile(differences, q).item() for q in (0.975, 0.025))"),
                "lower end comes first",
            ),
            "a list of two": (trust().replace("return low, high", "return [low, high]"), "a tuple of two floats"),
            "in percent": (
                trust(differences="100 * (b_right[draws].float() - a_right[draws].float()).mean(1)"),
                "as shares|same pictures",
            ),
            "cuts the longer one": (
                trust(guard="pass", differences="b_right[draws].float().mean(1) - a_right[draws].float().mean(1)"),
                "not the same exam",
            ),
            "colours ruin it": (trust(verdicts=VERDICTS.replace('"budget"', '"fair"')), "exactly one|had not finished"),
            "many looks are fair": (
                trust(verdicts=VERDICTS.replace('"worn out"', '"luck"')),
                "how often somebody looked",
            ),
            "no leak in columns": (
                trust(verdicts=VERDICTS.replace('"F": "leak"', '"F": "worn out"')),
                "two of the six are leaks",
            ),
            "three pictures decide": (trust(verdicts=VERDICTS.replace('"luck"', '"fair"')), "exactly one"),
            "nothing is fair": (trust(verdicts=VERDICTS.replace('"fair"', '"luck"')), "exactly one"),
            "left empty": (trust(verdicts='{name: "" for name in "ABCDEF"}'), "five words"),
            "a formula in place of draws": (
                'VERDICTS = {"A": "leak", "B": "budget", "C": "worn out", "D": "luck", "E": "fair", "F": "leak"}\n'
                "def paired_interval(a_right, b_right, seed=0):\n"
                "    if len(a_right) != len(b_right):\n"
                '        raise ValueError("x")\n'
                "    generator = torch.Generator().manual_seed(seed)\n"
                "    n = len(a_right)\n"
                "    gain = b_right.double() - a_right.double()\n"
                "    half = 1.96 * (gain.var() / n).sqrt()\n"
                "    return (gain.mean() - half).item(), (gain.mean() + half).item()",
                r"another seed",
            ),
            "always seed 0": (
                'VERDICTS = {"A": "leak", "B": "budget", "C": "worn out", "D": "luck", "E": "fair", "F": "leak"}\n'
                "def paired_interval(a_right, b_right, seed=0):\n"
                "    if len(a_right) != len(b_right):\n"
                '        raise ValueError("x")\n'
                "    generator = torch.Generator().manual_seed(0)\n"
                "    n = len(a_right)\n"
                "    gain = b_right.double() - a_right.double()\n"
                "    means = gain[torch.randint(0, n, (4000, n), generator=generator)].mean(1)\n"
                "    return torch.quantile(means, 0.025).item(), torch.quantile(means, 0.975).item()",
                r"another seed",
            ),
            "a pair of tensors": (
                'VERDICTS = {"A": "leak", "B": "budget", "C": "worn out", "D": "luck", "E": "fair", "F": "leak"}\n'
                "def paired_interval(a_right, b_right, seed=0):\n"
                "    if len(a_right) != len(b_right):\n"
                '        raise ValueError("x")\n'
                "    generator = torch.Generator().manual_seed(seed)\n"
                "    n = len(a_right)\n"
                "    gain = b_right.double() - a_right.double()\n"
                "    means = gain[torch.randint(0, n, (4000, n), generator=generator)].mean(1)\n"
                "    return torch.quantile(means, 0.025), torch.quantile(means, 0.975)",
                r"two Python floats",
            ),
        },
    ),
    Answers(
        "challenge",
        right={
            "early stopping": challenge(callback="training.EarlyStopping(patience=10)", decay=1.0),
            "dropout": challenge(dropout=0.5, end="{'dropout': 0.5}, model"),
            "convolutions and shifts": CONVOLUTIONS,
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
            "trained on bytes": (
                CONVOLUTIONS.replace("train[0] / 255", "train[0].float()"),
                "images / 255",
            ),
            "learns from the validation digits for eight epochs": (
                challenge(dropout=0.5, decay=0.1, epochs=8).replace(
                    "make_loader(*train,", "make_loader(*map(torch.cat, zip(train, val)),"
                ),
                "learned from the validation digits",
            ),
            "learns from the validation digits": (
                "def challenge(train, val, seed=0):\n"
                "    torch.manual_seed(seed)\n"
                "    images, targets = train\n"
                "    images, targets = torch.cat([images, val[0]]), torch.cat([targets, val[1]])\n"
                "    X, Xv = images.flatten(1) / 255, val[0].flatten(1) / 255\n"
                "    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))\n"
                "    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)\n"
                "    best, kept = 9.0, None\n"
                "    for epoch in range(80):\n"
                "        model.train()\n"
                "        for rows in torch.randperm(len(X)).split(32):\n"
                "            loss = F.cross_entropy(model(X[rows]), targets[rows])\n"
                "            opt.zero_grad()\n"
                "            loss.backward()\n"
                "            opt.step()\n"
                "        model.eval()\n"
                "        with torch.no_grad():\n"
                "            now = F.cross_entropy(model(Xv), val[1]).item()\n"
                "        if now < best:\n"
                "            best, kept = now, copy.deepcopy(model.state_dict())\n"
                "    pass\n"
                '    return {"dropout": 0.5}, model',
                r"too good",
            ),
        },
    ),
]
