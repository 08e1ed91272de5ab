"""Right and wrong answers to exercise 7, and the hint that each wrong one must get."""

from tests.mutants import Answers

PETS_WRONG = """
class PetsDataset(Dataset):
    def __init__(self, images, targets, transform=None):
        self.images, self.targets, self.transform = images, torch.as_tensor(targets), transform
    def __len__(self):
        return len(self.targets)
    def __getitem__(self, index):
        {body}
"""

LOADERS = """
def make_loaders(dataset, fractions, batch_size, seed):
    targets = torch.tensor([int(dataset[i][1]) for i in range(len(dataset))])
    generator = torch.Generator().manual_seed(seed)
    parts = [[], [], []]
    for label in range(int(targets.max()) + 1):
        members = (targets == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)].tolist()
        a, b = round(fractions[0] * len(members)), round((fractions[0] + fractions[1]) * len(members))
        parts[0] += members[:a]
        parts[1] += members[a:b]
        parts[2] += members[b:]
    {end}
"""

MLP = """
class MLP(nn.Module):
    def __init__(self, sizes, p_drop=0.0):
        super().__init__()
        self.n = len(sizes) - 1
        self.p = p_drop
        {init}
    def forward(self, x):
        x = x.flatten(1)
        {forward}
"""

TRAIN = """
def train_one_epoch(model, loader, loss_fn, optimizer, device):
    {mode}
    total, correct, seen, skipped = 0.0, 0, 0, 0
    for inputs, targets in loader:
        {clear}
        logits = model(inputs{where})
        loss = loss_fn(logits, targets{where})
        {skip}
        loss.backward()
        optimizer.step()
        total += {add}
        correct += (logits.argmax(1) == targets{where}).sum().item()
        seen += len(targets)
    return {result}
"""

SKIP = "if not loss.isfinite():\n            skipped += 1\n            continue"

EVALUATE = """
def evaluate(model, loader, loss_fn, device):
    was = {{module: module.training for module in model.modules()}}
    {mode}
    total, correct, seen = 0.0, 0, 0
    with {context}:
        for inputs, targets in loader:
            logits = model(inputs.to(device))
            total += loss_fn(logits, targets.to(device)).item(){weight}
            correct += (logits.argmax(1) == targets.to(device)).sum().item()
            seen += len(targets)
    {after}
    return total / {divisor}, correct / seen
"""

RESTORE = "for module, mode in was.items():\n        module.training = mode"

FIT = """
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs):
    history = {{"train_loss": [], "val_loss": [], "val_accuracy": []}}
    {before}
    for _ in range(epochs):
        {train_mode}
        total, seen = 0.0, 0
        for inputs, targets in train_loader:
            {clear}
            loss = loss_fn(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total, seen = total + loss.item() * len(targets), seen + len(targets)
        history["train_loss"].append(total / seen)
        {eval_mode}
        total, correct, seen = 0.0, 0, 0
        with torch.no_grad():
            for inputs, targets in val_loader:
                logits = model(inputs)
                total += loss_fn(logits, targets).item(){weight}
                correct += (logits.argmax(1) == targets).sum().item()
                seen += len(targets)
        history["val_loss"].append(total / {divisor})
        history["val_accuracy"].append(correct / seen)
    return history
"""
MENDED = {
    "before": "pass",
    "train_mode": "model.train()",
    "clear": "optimizer.zero_grad()",
    "eval_mode": "model.eval()",
    "weight": " * len(targets)",
    "divisor": "seen",
}

ANIMALS = """
def train_and_report(train, test, epochs=20, seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(train.images[0].numel(), 64), nn.ReLU(), nn.Linear(64, {classes}))
    optimizer = torch.optim.Adam(model.parameters(), lr={lr})
    loader = DataLoader(TensorDataset(train.images, train.targets), batch_size=32, shuffle=True)
    for _ in range(epochs):
        for images, targets in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images{scale}), targets).backward()
            optimizer.step()
    def accuracy(part):
        with torch.no_grad():
            return (model(part.images{scale}).argmax(1) == part.targets).float().mean().item()
    {end}
"""
REPORT = 'return model, {"train_accuracy": accuracy(train), "test_accuracy": accuracy(test)}'

CLIP = """
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters{there}]
    length = {length}
    if {when}:
        for gradient in gradients:
            {shorten}
    return {end}
"""
CLIP_PARTS = {
    "there": " if p.grad is not None",
    "length": "torch.cat([g.flatten() for g in gradients]).norm().item()",
    "when": "length > max_norm",
    "shorten": "gradient.mul_(max_norm / length)",
    "end": "length",
}


def loaders(end):
    return LOADERS.format(end=end)


def train(**changes):
    parts = {"mode": "model.train()", "clear": "optimizer.zero_grad()", "add": "loss.item() * len(targets)"}
    parts |= {"skip": SKIP, "where": ".to(device)", "result": "total / seen, correct / seen, skipped"}
    return TRAIN.format(**(parts | changes))


def evaluate(**changes):
    parts = {"mode": "model.eval()", "context": "torch.no_grad()", "weight": " * len(targets)"}
    return EVALUATE.format(**(parts | {"after": RESTORE, "divisor": "seen"} | changes))


def fit(**changes):
    return FIT.format(**(MENDED | changes))


def animals(**changes):
    parts = {"classes": "len(train.classes)", "lr": "2e-3", "scale": " / 255", "end": REPORT}
    return ANIMALS.format(**(parts | changes))


def clip(**changes):
    return CLIP.format(**(CLIP_PARTS | changes))


PETS_RIGHT = "image = self.images[index]\n        image = self.transform(image) if self.transform else image\n        "

ANSWERS = [
    Answers(
        "pets-dataset",
        right={
            "native indexing": PETS_WRONG.format(body=PETS_RIGHT + "return image, self.targets[index]"),
            "keeps a list": """
class PetsDataset(Dataset):
    def __init__(self, images, targets, transform=lambda image: image):
        self.pairs, self.transform = list(zip(images, targets)), transform or (lambda image: image)
    def __len__(self):
        return len(self.pairs)
    def __getitem__(self, i):
        image, target = self.pairs[i]
        return self.transform(image), torch.tensor(int(target))
""",
        },
        wrong={
            "counts the pixels of a row": (
                PETS_WRONG.format(body=PETS_RIGHT + "return image, self.targets[index]").replace(
                    "len(self.targets)", "self.images.shape[-1]"
                ),
                "number of images",
            ),
            "counts the classes": (
                PETS_WRONG.format(body=PETS_RIGHT + "return image, self.targets[index]").replace(
                    "len(self.targets)", "len(self.targets.unique())"
                ),
                "number of images",
            ),
            "transforms all for one": (
                PETS_WRONG.format(
                    body=PETS_RIGHT.replace("self.transform(image) if", "self.transform(self.images)[index] if")
                    + "return image, self.targets[index]"
                ),
                "gets one image",
            ),
            "writes it back": (
                PETS_WRONG.format(
                    body=PETS_RIGHT + "self.images[index] = image\n        return image, self.targets[index]"
                ),
                "stored images have changed",
            ),
            "transforms the target": (
                PETS_WRONG.format(
                    body=PETS_RIGHT + "target = self.targets[index]\n"
                    "        return image, self.transform(target) if self.transform else target"
                ),
                "target stays as it is",
            ),
            "forgets the transform": (
                PETS_WRONG.format(body="return self.images[index], self.targets[index]"),
                "apply the transform",
            ),
            "target as a float": (
                PETS_WRONG.format(body=PETS_RIGHT + "return image, self.targets[index].float()"),
                "int64",
            ),
            "wraps the index around": (
                PETS_WRONG.format(
                    body="index %= len(self)\n        " + PETS_RIGHT + "return image, self.targets[index]"
                ),
                "out of range",
            ),
            "transforms once": (
                """
class PetsDataset(Dataset):
    def __init__(self, images, targets, transform=None):
        self.images = [transform(image) if transform else image for image in images]
        self.targets = torch.as_tensor(targets)
    def __len__(self):
        return len(self.targets)
    def __getitem__(self, index):
        return self.images[index], self.targets[index]
""",
                "at each access",
            ),
            "float targets": (
                PETS_WRONG.format(body=PETS_RIGHT + "return image, int(self.targets[index])"),
                "int64",
            ),
            "swaps the pair": (
                PETS_WRONG.format(body=PETS_RIGHT + "return self.targets[index], image"),
                r"pair \(image, target\)",
            ),
        },
    ),
    Answers(
        "make-loaders",
        right={
            "subset loaders": loaders(
                "return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]"
            ),
            "scikit-learn": """
def make_loaders(dataset, fractions, batch_size, seed):
    from sklearn.model_selection import train_test_split
    y = [int(dataset[i][1]) for i in range(len(dataset))]
    rest, last = train_test_split(range(len(y)), test_size=fractions[2], stratify=y, random_state=seed)
    share = fractions[1] / (fractions[0] + fractions[1])
    first, middle = train_test_split(rest, test_size=share, stratify=[y[i] for i in rest], random_state=seed)
    sets = [Subset(dataset, part) for part in (first, middle, last)]
    return [DataLoader(s, batch_size=batch_size, shuffle=s is sets[0]) for s in sets]
""",
            "scikit-learn, the first share first": """
def make_loaders(dataset, fractions, batch_size, seed):
    from sklearn.model_selection import train_test_split
    y = [int(target) for _, target in dataset]
    first, rest = train_test_split(range(len(y)), train_size=fractions[0], stratify=y, random_state=seed)
    share = fractions[1] / (fractions[1] + fractions[2])
    middle, last = train_test_split(rest, train_size=share, stratify=[y[i] for i in rest], random_state=seed)
    sets = [Subset(dataset, part) for part in (first, middle, last)]
    return [DataLoader(s, batch_size=batch_size, shuffle=s is sets[0]) for s in sets]
""",
            "pieces rounded down": loaders(
                "return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]"
            )
            .replace("a, b = round", "a, b = int")
            .replace(", round((", ", int(("),
        },
        wrong={
            "knows one kind of dataset": (
                loaders(
                    "return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]"
                ).replace("torch.tensor([int(dataset[i][1]) for i in range(len(dataset))])", "dataset.tensors[1]"),
                "no attribute 'tensors'",
            ),
            "two classes only": (
                loaders(
                    "return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]"
                ).replace("int(targets.max()) + 1", "2"),
                "50, 37.5 and 12.5 %|disjoint and complete",
            ),
            "the second and the third exchanged": (
                loaders(
                    "return [DataLoader(Subset(dataset, parts[i]), batch_size, shuffle=i == 0) for i in (0, 2, 1)]"
                ),
                "50, 37.5 and 12.5 %",
            ),
            "loses what rounding leaves": (
                loaders(
                    "return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]"
                ).replace("members[b:]", "members[b:b + int(fractions[2] * len(members))]"),
                "what rounding leaves over",
            ),
            "no loaders": (loaders("return [Subset(dataset, p) for p in parts]"), "wrap each Subset"),
            "all shuffle": (
                loaders("return [DataLoader(Subset(dataset, p), batch_size, shuffle=True) for p in parts]"),
                "only the training loader",
            ),
            "none shuffles": (
                loaders("return [DataLoader(Subset(dataset, p), batch_size) for p in parts]"),
                "only the training loader",
            ),
            "not stratified": (
                """
def make_loaders(dataset, fractions, batch_size, seed):
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed)).tolist()
    a, b = round(fractions[0] * len(order)), round((fractions[0] + fractions[1]) * len(order))
    parts = order[:a], order[a:b], order[b:]
    return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]
""",
                "stratified",
            ),
            "test inside training": (
                loaders(
                    "parts[0] = parts[0][:-len(parts[2])] + parts[2]\n    "
                    "return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]"
                ),
                "disjoint",
            ),
            "neither stratified nor still": (
                """
def make_loaders(dataset, fractions, batch_size, seed):
    parts = torch.utils.data.random_split(dataset, fractions, torch.Generator().manual_seed(seed))
    return [DataLoader(part, batch_size, shuffle=True) for part in parts]
""",
                "stratified",
            ),
            "ignores the seed": (
                loaders(
                    "return [DataLoader(Subset(dataset, p), batch_size, shuffle=i == 0) for i, p in enumerate(parts)]"
                ).replace("manual_seed(seed)", "manual_seed(0)"),
                "another seed",
            ),
            "fixed batch size": (
                loaders("return [DataLoader(Subset(dataset, p), 64, shuffle=i == 0) for i, p in enumerate(parts)]"),
                "batch size",
            ),
        },
    ),
    Answers(
        "mlp",
        right={
            "setattr": MLP.format(
                init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                forward="for i in range(1, self.n):\n"
                "            x = F.dropout(F.relu(getattr(self, f'fc{i}')(x)), self.p, self.training)\n"
                "        return getattr(self, f'fc{self.n}')(x)",
            ),
            "named children": MLP.format(
                init="for i in range(self.n):\n            self.add_module(f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                forward="*hidden, last = self.children()\n"
                "        for layer in hidden:\n            x = F.dropout(layer(x).clamp(min=0), self.p, self.training)\n"
                "        return last(x)",
            ),
        },
        wrong={
            "sequential names": (
                MLP.format(
                    init="self.layers = nn.Sequential(*[nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])",
                    forward="for layer in self.layers[:-1]:\n            x = F.relu(layer(x))\n        return self.layers[-1](x)",
                ),
                "fc1",
            ),
            "activation after the last": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n + 1):\n"
                    "            x = F.dropout(F.relu(getattr(self, f'fc{i}')(x)), self.p, self.training)\n"
                    "        return x",
                ),
                "none after the last",
            ),
            "no activation": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n):\n"
                    "            x = F.dropout(getattr(self, f'fc{i}')(x), self.p, self.training)\n"
                    "        return getattr(self, f'fc{self.n}')(x)",
                ),
                "ReLU after each hidden layer",
            ),
            "dropout after the last hidden layer only": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n):\n            x = F.relu(getattr(self, f'fc{i}')(x))\n"
                    "        return getattr(self, f'fc{self.n}')(F.dropout(x, self.p, self.training and self.n > 1))",
                ),
                "after .each. hidden layer",
            ),
            "drops inputs": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="x = F.dropout(x, self.p, self.training)\n        for i in range(1, self.n):\n"
                    "            x = F.dropout(F.relu(getattr(self, f'fc{i}')(x)), self.p, self.training)\n"
                    "        return getattr(self, f'fc{self.n}')(x)",
                ),
                "before the first layer",
            ),
            "always drops a half": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n):\n"
                    "            x = F.dropout(F.relu(getattr(self, f'fc{i}')(x)), 0.5, self.training)\n"
                    "        return getattr(self, f'fc{self.n}')(x)",
                ),
                "p_drop that was given",
            ),
            "drops in evaluation mode": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n):\n"
                    "            x = F.dropout(F.relu(getattr(self, f'fc{i}')(x)), self.p)\n"
                    "        return getattr(self, f'fc{self.n}')(x)",
                ),
                "dropout is on in evaluation mode",
            ),
            "log-softmax at the end": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n):\n"
                    "            x = F.dropout(F.relu(getattr(self, f'fc{i}')(x)), self.p, self.training)\n"
                    "        return getattr(self, f'fc{self.n}')(x).log_softmax(1)",
                ),
                "no logarithm of a softmax",
            ),
            "softmax at the end": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n):\n"
                    "            x = F.dropout(F.relu(getattr(self, f'fc{i}')(x)), self.p, self.training)\n"
                    "        return getattr(self, f'fc{self.n}')(x).softmax(1)",
                ),
                "no softmax",
            ),
            "forgets super": (
                MLP.replace("        super().__init__()\n", "").format(
                    init="self.fc1 = nn.Linear(sizes[0], sizes[1])", forward="return self.fc1(x)"
                ),
                "super",
            ),
            "layers in a list": (
                MLP.format(
                    init="self.fc = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]",
                    forward="for layer in self.fc[:-1]:\n            x = F.dropout(F.relu(layer(x)), self.p, self.training)\n"
                    "        return self.fc[-1](x)",
                ),
                "fc1",
            ),
            "forgets dropout": (
                MLP.format(
                    init="for i in range(self.n):\n            setattr(self, f'fc{i + 1}', nn.Linear(sizes[i], sizes[i + 1]))",
                    forward="for i in range(1, self.n):\n            x = F.relu(getattr(self, f'fc{i}')(x))\n"
                    "        return getattr(self, f'fc{self.n}')(x)",
                ),
                "dropout after the hidden layers",
            ),
            "always two layers": (
                MLP.format(
                    init="self.fc1 = nn.Linear(sizes[0], sizes[1])\n        self.fc2 = nn.Linear(sizes[1], sizes[-1])",
                    forward="return self.fc2(F.dropout(F.relu(self.fc1(x)), self.p, self.training))",
                ),
                "one layer fc1, fc2",
            ),
        },
    ),
    Answers(
        "clip-gradients",
        right={
            "one long vector": clip(),
            "norm of norms": clip(
                length="torch.stack([g.norm() for g in gradients]).norm().item()",
                when="True",
                shorten="gradient *= min(1.0, max_norm / length)",
            ),
        },
        wrong={
            "always the length 1": (clip(shorten="gradient.div_(length)"), "the factor is max_norm / length"),
            "each by its own length": (clip(shorten="gradient.mul_(max_norm / gradient.norm())"), "one factor for all"),
            "length afterwards": (clip(end="min(length, max_norm)"), "length before clipping"),
            "sum of lengths": (clip(length="sum(g.norm().item() for g in gradients)"), "length before clipping"),
            "clips each entry": (clip(shorten="gradient.clamp_(-max_norm, max_norm)"), "one factor for all"),
            "a new tensor": (clip(shorten="gradient = gradient * max_norm / length"), "in place"),
            "replaces the gradients": (
                clip(
                    shorten="pass\n        for p in parameters:\n"
                    "            p.grad = None if p.grad is None else p.grad * max_norm / length"
                ),
                "replaces the gradient",
            ),
            "lengthens too": (clip(when="length > 0"), "stays as it is"),
            "torch's own": (
                "def clip_gradients(parameters, max_norm):\n"
                "    return float(nn.utils.clip_grad_norm_(parameters, max_norm))\n",
                "without torch.nn.utils",
            ),
            "gives the missing one a zero": (
                clip(there="").replace(
                    "    gradients =",
                    "    for p in parameters:\n        p.grad = torch.zeros_like(p) if p.grad is None else p.grad\n    gradients =",
                ),
                "stays None",
            ),
            "ends at the missing one": (
                clip().replace(
                    "    gradients = [p.grad for p in parameters if p.grad is not None]",
                    "    gradients = []\n    for p in parameters:\n        if p.grad is None:\n            break\n        gradients.append(p.grad)",
                ),
                "skip, and go on",
            ),
            "loses the signs": (clip(shorten="gradient.abs_().mul_(max_norm / length)"), "one factor for all"),
            "fails without a gradient": (clip(there=""), "AttributeError|raised"),
        },
    ),
    Answers(
        "train-one-epoch",
        right={
            "set to none by hand": train(clear="for p in model.parameters():\n            p.grad = None"),
            "clears the model": train(clear="model.zero_grad()"),
            "device by keyword": train(where=".to(device=device)"),
            "sums on the device": train(result="total / seen, correct / seen, int(skipped)").replace(
                "skipped = 0.0, 0, 0, 0", "skipped = 0.0, 0, 0, torch.zeros((), dtype=torch.int64, device=device)"
            ),
        },
        wrong={
            "forgets zero_grad": (train(clear="pass"), "clear old gradients"),
            "clears after the step only": (
                train(clear="pass").replace("optimizer.step()", "optimizer.step()\n        optimizer.zero_grad()"),
                "clear old gradients",
            ),
            "clears before the step": (
                train(clear="pass").replace("loss.backward()", "loss.backward()\n        optimizer.zero_grad()"),
                "did not change",
            ),
            "mean of batch means": (
                train(add="loss.item()", result="total / len(loader), correct / seen, skipped"),
                "weigh the loss",
            ),
            "stays in evaluation mode": (train(mode="pass"), "training mode"),
            "returns tensors": (train(add="loss * len(targets)"), "numbers"),
            "the chapter's cell": (train(skip="pass", result="total / seen, correct / seen"), "skip the damaged batch"),
            "updates with nan": (train(skip="skipped += not loss.isfinite()"), "skip the damaged batch"),
            "counts the samples of a skipped batch": (
                train(skip=SKIP.replace("skipped += 1", "skipped, seen = skipped + 1, seen + len(targets)")),
                "do not count",
            ),
            "skips in silence": (train(result="total / seen, correct / seen"), "skipped"),
            "counts skipped samples": (train(skip=SKIP.replace("+= 1", "+= len(targets)")), "one of the three batches"),
            "stops at the damaged batch": (train(skip=SKIP.replace("continue", "break")), "after the damaged batch"),
            "no device": (train(where=""), "to the `device`"),
            "forgets what .to gives": (
                train(where="").replace(
                    "        logits =", "        inputs.to(device), targets.to(device)\n        logits ="
                ),
                "what `.to` returns",
            ),
            "a loss of its own": (
                train().replace("loss_fn(logits", "F.cross_entropy(logits"),
                "`loss_fn` that computes",
            ),
            "device by heart": (train(where=".to('cpu')"), "handed in"),
            "asks for nan only": (
                train(skip=SKIP.replace("not loss.isfinite()", "loss.isnan()")),
                "torch.isfinite. does",
            ),
            "asks math for nan": (
                train(skip=SKIP.replace("not loss.isfinite()", "loss != loss")),
                "torch.isfinite. does",
            ),
            "every lesson broken": (
                train(
                    mode="pass",
                    clear="pass",
                    add="loss.item()",
                    where="",
                    result="total / len(loader), correct / seen, 0",
                ),
                "clear old gradients",
            ),
            "accuracy per batch": (train(result="total / seen, correct / len(loader), skipped"), "divided by samples"),
        },
    ),
    Answers(
        "evaluate",
        right={
            "inference mode": evaluate(context="torch.inference_mode()"),
            "from the outside in": evaluate(after="for module, mode in was.items():\n        module.train(mode)"),
            "device by keyword": evaluate().replace(".to(device)", ".to(device=device, non_blocking=True)"),
            "targets follow the logits": evaluate().replace("targets.to(device)", "targets.to(logits.device)"),
        },
        wrong={
            "no eval mode": (evaluate(mode="pass"), "evaluation mode"),
            "gradients off for good": (
                evaluate().replace("with torch.no_grad():", "torch.set_grad_enabled(False)\n    if True:"),
                "switch them on again",
            ),
            "freezes the model": (
                evaluate(mode="model.eval()\n    [p.requires_grad_(False) for p in model.parameters()]"),
                "cannot train on",
            ),
            "clears the gradients": (
                evaluate(mode="model.eval()\n    model.zero_grad()"),
                "no .zero_grad. while measuring",
            ),
            "no device": (evaluate().replace(".to(device)", ""), "to the `device`"),
            "moves the inputs only": (evaluate().replace("targets.to(device)", "targets"), "to the `device`"),
            "forgets what .to gives": (
                evaluate()
                .replace(
                    "            logits = model(inputs.to(device))",
                    "            inputs.to(device), targets.to(device)\n            logits = model(inputs)",
                )
                .replace("targets.to(device))", "targets)")
                .replace("== targets.to(device)", "== targets"),
                "what `.to` returns",
            ),
            "a loss of its own": (evaluate().replace("loss_fn(logits", "F.cross_entropy(logits"), "mean of `loss_fn`"),
            "outer modules only": (
                evaluate().replace("for module in model.modules()}", "for module in [model, *model.children()]}"),
                "modules inside of modules",
            ),
            "device by heart": (evaluate().replace(".to(device)", ".to('cpu')"), "handed in"),
            "stays in eval": (evaluate(after="pass"), "put the mode back"),
            "always back to training": (evaluate(after="model.train()"), "here it was evaluation"),
            "the chapter's cell": (evaluate(after="model.train(was[model])"), "switched the batch norm on"),
            "mean of batch means": (evaluate(weight="", divisor="len(loader)"), "weigh each batch"),
            "records a graph": (evaluate(context="torch.enable_grad()"), "no_grad"),
            "swapped": (
                evaluate().replace("return total / seen, correct / seen", "return correct / seen, total / seen"),
                "comes first",
            ),
        },
    ),
    Answers(
        "verdicts",
        right={
            "by name": 'VERDICTS = dict(A="average", B="sound", C="mode", D="gradients")',
            "in pairs": 'VERDICTS = dict(zip("DCBA", ["gradients", "mode", "sound", "average"]))',
        },
        wrong={
            "the noisy one blamed on the batches": (
                'VERDICTS = {"A": "mode", "B": "sound", "C": "average", "D": "gradients"}',
                "change from look to look",
            ),
            "growth taken for sound": (
                'VERDICTS = {"A": "average", "B": "gradients", "C": "mode", "D": "sound"}',
                "which lengths grow",
            ),
            "all sound": ('VERDICTS = dict.fromkeys("ABCD", "sound")', "occurs once"),
            "three of four": ('VERDICTS = {"A": "average", "C": "mode", "D": "gradients"}', "four entries"),
        },
    ),
    Answers(
        "fit",
        right={
            "mended": fit(),
            "clears by hand": fit(clear="model.zero_grad()", eval_mode="model.train(False)"),
        },
        wrong={
            "only zero_grad mended": (fit(eval_mode="pass", weight="", divisor="len(val_loader)"), "evaluation mode"),
            "zero_grad still missing": (fit(clear="pass"), "what adds up"),
            "eval still missing": (fit(eval_mode="pass"), "evaluation mode"),
            "mean still wrong": (fit(weight="", divisor="len(val_loader)"), "weigh each batch"),
            "zero_grad once per epoch": (
                fit(before="pass", train_mode="model.train(); optimizer.zero_grad()", clear="pass"),
                "what adds up",
            ),
            "clears before the step": (
                fit(clear="pass").replace("loss.backward()", "loss.backward()\n            optimizer.zero_grad()"),
                "weights never change",
            ),
            "mends the training loss, too": (
                fit()
                .replace("loss.item() * len(targets), seen", "loss.item(), seen")
                .replace(
                    'history["train_loss"].append(total / seen)',
                    'history["train_loss"].append(total / len(train_loader))',
                ),
                "training loss was right",
            ),
            "accuracy as a mean of means": (
                fit()
                .replace("(logits.argmax(1) == targets).sum()", "(logits.argmax(1) == targets).float().mean()")
                .replace("correct / seen", "correct / len(val_loader)"),
                "accuracy was right",
            ),
            "one epoch in the history": (
                fit().replace("    return history", "        return history"),
                "one number for each epoch",
            ),
            "training mode only once": (fit(before="model.train()", train_mode="pass"), "every epoch"),
            "weighs but divides by batches": (fit(divisor="len(val_loader)"), "number of samples"),
        },
    ),
    Answers(
        "animals",
        right={
            "plain torch": animals(),
            "helpers": """
def train_and_report(train, test, epochs=20, seed=0):
    torch.manual_seed(seed)
    model = models.MLP([train.images[0].numel(), 64, int(train.targets.max()) + 1])
    loaders = [data.make_loader(*part, batch_size=32, shuffle=part is train, seed=seed) for part in (train, test)]
    training.fit(model, loaders[0], epochs=epochs, lr=2e-3, device="cpu", progress=False)
    a, b = (training.evaluate(model, loader)["accuracy"] for loader in loaders)
    return model, {"train_accuracy": a, "test_accuracy": b}
""",
        },
        wrong={
            "no hidden layer": (
                animals().replace(", 64), nn.ReLU(), nn.Linear(64", ""),
                "one hidden layer of 64",
            ),
            "32 units": (
                animals().replace(", 64), nn.ReLU(), nn.Linear(64", ", 32), nn.ReLU(), nn.Linear(32"),
                "of 64 units",
            ),
            "no activation": (animals().replace("nn.ReLU(), ", ""), "an activation belongs"),
            "no seed": (animals().replace("    torch.manual_seed(seed)\n", ""), "torch.manual_seed"),
            "seed 0 for all": (animals().replace("manual_seed(seed)", "manual_seed(0)"), "use `seed` itself"),
            "20 epochs always": (animals().replace("range(epochs)", "range(20)"), "decides how many"),
            "trains on both sets": (
                animals().replace(
                    "TensorDataset(train.images, train.targets)",
                    "TensorDataset(torch.cat([train.images, test.images]), torch.cat([train.targets, test.targets]))",
                ),
                "and these alone",
            ),
            "unscaled": (animals(scale=".float()"), "scaled to"),
            "two classes only": (animals(classes="2"), "read both from|raised"),
            "32 x 32 pixels only": (animals().replace("train.images[0].numel()", "3072"), "shapes|raised"),
            "keeps the best epoch by the test images": (
                """
def train_and_report(train, test, epochs=20, seed=0):
    torch.manual_seed(seed)
    model = models.MLP([train.images[0].numel(), 64, len(train.classes)])
    loader = data.make_loader(*train, batch_size=32, shuffle=True, seed=seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    best, kept = -1.0, None
    for _ in range(epochs):
        training.fit(model, loader, epochs=1, optimizer=optimizer, device="cpu", progress=False)
        accuracy = training.evaluate(model, data.make_loader(*test))["accuracy"]
        if accuracy > best:
            best, kept = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    parts = {"train_accuracy": train, "test_accuracy": test}
    return model, {k: training.evaluate(model, data.make_loader(*v))["accuracy"] for k, v in parts.items()}
""",
                "and these alone",
            ),
            "never trains": (animals().replace("optimizer.step()", "pass"), "learn its training images"),
            "reports the training set twice": (
                animals(end='return model, {"train_accuracy": accuracy(train), "test_accuracy": accuracy(train)}'),
                "accuracy on the test images",
            ),
            "percent": (
                animals(
                    end='return model, {"train_accuracy": 100 * accuracy(train), "test_accuracy": 100 * accuracy(test)}'
                ),
                "shares from 0 to 1|accuracy on all training images",
            ),
            "only the model": (animals(end="return model"), "ValueError|pair"),
        },
    ),
]
