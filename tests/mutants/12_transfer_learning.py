"""Right and wrong answers to exercise 12, and the hint that each wrong one must get."""

from tests.mutants import Answers

NAME = """
def name_animals(logits, cats, dogs, least=0.05):
    p = logits.softmax(1)
    cat, dog = {groups}
    log_odds = {odds}
    names = []
    for odds, share in zip(log_odds.tolist(), ({share}).tolist()):
        names.append({name})
    return log_odds, names
"""


def name(
    groups="p[:, cats].sum(1), p[:, dogs].sum(1)",
    odds="(dog / cat).log() - math.log(len(dogs) / len(cats))",
    share="cat + dog",
    name='"neither" if share < least else "dog" if odds > 0 else "cat"',
):
    return NAME.format(groups=groups, odds=odds, share=share, name=name)


FREEZE = """
def freeze(module):
    {body}
    return module

def trainable_parameters(model):
    return {count}
"""
COUNT = "sum(p.numel() for p in model.parameters() if p.requires_grad)"
NORMS = "if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):\n            "


def freeze(each="layer.train = lambda mode=True: layer", count=COUNT, first="module.requires_grad_(False)"):
    body = f"{first}\n    for layer in list(module.modules()):\n        {NORMS}layer.eval()\n            {each}"
    return FREEZE.format(body=body, count=count)


HEAD = """
def replace_head(model, n_classes):
    name, old = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    {body}
    return model
"""
EXTRACT = """
def extract_features(model, loader, device):
    modes = [(m, m.training) for m in model.modules()]
    kept, features, targets = [], [], []
    head = [m for m in model.modules() if isinstance(m, nn.Linear)][-1]
    handle = head.register_forward_pre_hook(lambda m, inputs: kept.append(inputs[0]))
    {mode}
    with {context}:
        for images, labels in loader:
            model(images.to(device))
            features.append(kept.pop().cpu())
            targets.append(labels.cpu())
    handle.remove()
    {after}
    return torch.cat(features), torch.cat(targets)
"""
RESTORE = "for m, mode in modes:\n        m.training = mode"


def extract(mode="model.eval()", context="torch.no_grad()", after=RESTORE):
    return EXTRACT.format(mode=mode, context=context, after=after)


PROBE = """
def linear_probe(features, targets, l2=0.01):
    mean, std = features.mean(0), {std}
    z = (features - mean) / std
    head = nn.Linear(features.shape[1], int(targets.max()) + 1)
    optimizer = {optimizer}
    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(head(z), targets) + {penalty}
        loss.backward()
        return loss
    for _ in range({steps}):
        optimizer.step(closure)
    with torch.no_grad():
        {fold}
    return head
"""
FOLD = "head.weight /= std\n        head.bias -= head.weight @ mean"
PENALTY = "l2 * head.weight.square().sum()"
STD = "torch.where(features.std(0) == 0, 1.0, features.std(0))"
LBFGS = 'torch.optim.LBFGS(head.parameters(), max_iter=50, line_search_fn="strong_wolfe")'


def probe(std="features.std(0) + 1e-6", optimizer=LBFGS, penalty=PENALTY, steps=6, fold=FOLD):
    return PROBE.format(std=std, optimizer=optimizer, penalty=penalty, steps=steps, fold=fold)


TUNE = """
def fine_tune(model, head, loader, lr_head, lr_body, epochs):
    top = list(model.get_submodule(head).parameters())
    body = [p for name, p in model.named_parameters() if not name.startswith(head + ".")]
    for phase in (1, 2):
        for p in body:
            p.requires_grad_({learn})
        {mode}
        optimizer = torch.optim.SGD({groups})
        for _ in range({epochs}):
            for images, targets in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(images), targets).backward()
                optimizer.step()
    {end}
    return model
"""
GROUPS = '[{"params": top, "lr": lr_head}, {"params": body, "lr": lr_body if phase == 2 else 0.0}]'


def tune(learn="phase == 2", mode="model.train(phase == 2)", groups=GROUPS, epochs="epochs", end="pass"):
    return TUNE.format(learn=learn, mode=mode, groups=groups, epochs=epochs, end=end)


PREDICT = """
def predict(source, model, classes, mean, std, size, temperature=1.0, least=0.0):
    {read}
    x = pixels.float(){scale}
    {normalise}
    was = model.training
    {mode}
    with torch.no_grad():
        p = {p}
    {after}
    probability = {probability}
    return {result}
"""
READ = "pixels = data.read_photograph(source, size)"
OWN = """image = {source}
    image = {upright}{rgb}
    {resize}
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)"""
ANY = """source if isinstance(source, Image.Image) else Image.fromarray(source) if isinstance(source, np.ndarray) \\
        else Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)"""
UPRIGHT = "__import__('PIL.ImageOps').ImageOps.exif_transpose(image)"
FIT = "image = __import__('torchvision.transforms.v2').transforms.v2.CenterCrop(size)(" + (
    "__import__('torchvision.transforms.v2').transforms.v2.Resize(size)(image))"
)
NORMALISE = "x = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]"
LABEL = '"unsure" if probability < least else classes[int(p.argmax())]'


def own(source=ANY, upright=UPRIGHT, rgb='.convert("RGB")', resize=FIT):
    """A second way to the pixels, written by the student."""
    return OWN.format(source=source.replace("io.", "__import__('io')."), upright=upright, rgb=rgb, resize=resize)


def predict(**changes):
    parts = {
        "read": READ,
        "scale": " / 255",
        "normalise": NORMALISE,
        "mode": "model.eval()",
        "p": "(model(x[None])[0] / temperature).softmax(0)",
        "after": "model.train(was)",
        "probability": "p.max().item()",
        "result": f"{LABEL}, probability",
    }
    return PREDICT.format(**parts | changes)


OCCLUDE = """
def occlusion_map(model, image, label, patch):
    was = model.training
    {mode}
    drops = torch.zeros({shape})
    with torch.no_grad():
        base = {base}
        for i in range(image.shape[1] // patch):
            for j in range(image.shape[2] // patch):
                hidden = {copy}
                hidden[:, i * patch : (i + 1) * patch, j * patch : (j + 1) * patch] = 0
                drops[{at}] = {drop}
    {after}
    return drops
"""


def occlude(
    mode="model.eval()",
    shape="image.shape[1] // patch, image.shape[2] // patch",
    base="model(image[None]).softmax(1)[0, label]",
    copy="image.clone()",
    at="i, j",
    drop="base - model(hidden[None]).softmax(1)[0, label]",
    after="model.train(was)",
):
    return OCCLUDE.format(mode=mode, shape=shape, base=base, copy=copy, at=at, drop=drop, after=after)


CAPSTONE = """
def make_classifier(images, targets):
    net = {net}
    normalize = {normalize}
    def embed(some):
        with torch.no_grad():
            loader = data.make_loader(some, torch.zeros(len(some)).long(), 256, normalize=normalize)
            return torch.cat([net.embed(batch) for batch, _ in loader])
    F_train = embed(images)
    mean, std = F_train.mean(0), F_train.std(0) + 1e-6
    head = nn.Linear(64, 2)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02, weight_decay=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(head((F_train - mean) / std), {labels}).backward()
        optimizer.step()
    return lambda some: {answer}
"""
ANSWER = "head((embed(some) - mean) / std).argmax(1)"


def capstone(net="models.pretrained_animals()", normalize="net.normalize", labels="targets", answer=ANSWER):
    return CAPSTONE.format(net=net, normalize=normalize, labels=labels, answer=answer)


SHIP = """
VERDICTS = {{"A": "{a}", "B": "{b}", "C": "{c}", "D": "{d}", "E": "{e}"}}

def cheapest_threshold(scores, is_dog, missed, alarm):
    costs = {{}}
    for i in {order}:
        dog = {said}
        costs[i / 100] = {cost}
    return {answer}
"""
COST = "missed * int((is_dog & ~dog).sum()) + alarm * int((dog & ~is_dog).sum())"
YES, NO = "supported", "not supported"


def ship(
    verdicts=(YES, NO, NO, YES, NO),
    order="range(1, 100)",
    said="scores >= i / 100",
    cost=COST,
    answer="min(costs, key=costs.get)",
):
    letters = dict(zip("abcde", verdicts, strict=True))
    return SHIP.format(**letters, order=order, said=said, cost=cost, answer=answer)


ANSWERS = [
    Answers(
        "name-animals",
        right={
            "means of the groups": name(
                odds="(p[:, dogs].mean(1) / p[:, cats].mean(1)).log()",
            ),
            "undecided is a dog": name(name='"neither" if share < least else "dog" if odds >= 0 else "cat"'),
            "logsumexp": name(
                odds="logits[:, dogs].logsumexp(1) - logits[:, cats].logsumexp(1) - math.log(len(dogs) / len(cats))"
            ),
        },
        wrong={
            "no offset": (name(odds="(dog / cat).log()"), "that alone says dog"),
            "offset added": (name(odds="(dog / cat).log() + math.log(len(dogs) / len(cats))"), "upside down"),
            "offset of ImageNet": (name(odds="(dog / cat).log() - math.log(118 / 5)"), "these two lists"),
            "logarithm to base 10": (
                name(odds="(dog / cat).log10() - math.log10(len(dogs) / len(cats))"),
                "natural logarithm",
            ),
            "offset without a logarithm": (
                name(odds="(dog / cat).log() - len(dogs) / len(cats)"),
                "not the ratio itself",
            ),
            "offset to base 10": (
                name(odds="(dog / cat).log() - math.log10(len(dogs) / len(cats))"),
                "natural logarithm of the ratio",
            ),
            "corrected twice": (
                name(groups="p[:, cats].mean(1), p[:, dogs].mean(1)"),
                "no such pull",
            ),
            "the largest of the group": (
                name(groups="p[:, cats].amax(1), p[:, dogs].amax(1)"),
                "no such pull",
            ),
            "the largest, without offset": (
                name(groups="p[:, cats].amax(1), p[:, dogs].amax(1)", odds="(dog / cat).log()"),
                "do not take the largest",
            ),
            "only animals share": (
                name().replace(
                    "p = logits.softmax(1)", "p = logits.clone()\n    p[:, cats + dogs] = p[:, cats + dogs].softmax(1)"
                ),
                "neither",
            ),
            "neither means undecided": (
                name(name='"neither" if abs(odds) < 0.3 else "dog" if odds > 0 else "cat"'),
                "both groups together",
            ),
            "neither by the largest class": (
                name(share="torch.maximum(cat, dog) / 10"),
                "neither",
            ),
            "always five percent": (
                name(name='"neither" if share < 0.05 else "dog" if odds > 0 else "cat"'),
                "handed in",
            ),
            "cats and dogs exchanged": (
                name(odds="(cat / dog).log() - math.log(len(dogs) / len(cats))"),
                "changed places",
            ),
            "log-odds above one half": (
                name(name='"neither" if share < least else "dog" if odds > 0.5 else "cat"'),
                "above 0 means dog",
            ),
            "the offset taken off twice": (
                name(name='"neither" if share < least else "dog" if odds > math.log(len(dogs) / len(cats)) else "cat"'),
                "above 0 means dog",
            ),
            "the mean share": (
                name(
                    odds="(p[:, dogs].mean(1) / p[:, cats].mean(1)).log()",
                    share="p[:, cats].mean(1) + p[:, dogs].mean(1)",
                ),
                "all kinds added up",
            ),
            "offset by heart, rounded": (name(odds="(dog / cat).log() - 3.16"), "these two lists"),
            "exchanged": (
                name(name='"neither" if share < least else "cat" if odds > 0 else "dog"'),
                "above 0",
            ),
            "verdict by the sums": (
                name(name='"neither" if share < least else "dog" if odds + math.log(3) > 0 else "cat"'),
                "corrected",
            ),
        },
    ),
    Answers(
        "freeze",
        right={
            "train does nothing any more": freeze(),
            "forward hook": freeze(each="layer.register_forward_pre_hook(lambda m, x: m.eval() and None)"),
        },
        wrong={
            "gradients only": (
                FREEZE.format(body="module.requires_grad_(False)", count=COUNT),
                "statistics of BatchNorm2d",
            ),
            "eval once": (freeze(each="pass"), "running statistics"),
            "momentum zero": (freeze(each="layer.momentum = 0.0"), "running statistics"),
            "batch norm only": (freeze(first="pass"), "requires_grad is False"),
            "a hook that gives something": (
                freeze(each="layer.register_forward_pre_hook(lambda m, x: m.eval())"),
                "pre-hook returns",
            ),
            "returns nothing": (freeze().replace("return module", "return None", 1), "return the module"),
            "counts tensors": (
                freeze(count="sum(1 for p in model.parameters() if p.requires_grad)"),
                "single values",
            ),
            "counts everything": (freeze(count="sum(p.numel() for p in model.parameters())"), "count only what has"),
            "children only": (
                freeze().replace("module.modules()", "module.children()"),
                "statistics of BatchNorm2d.*nested",
            ),
            "counts gradients that are there": (
                freeze(count="sum(p.numel() for p in model.parameters() if p.grad is not None)"),
                "before the first backward",
            ),
            "two-dimensional only": (
                freeze().replace("(nn.BatchNorm1d, nn.BatchNorm2d)", "nn.BatchNorm2d"),
                "statistics of BatchNorm1d",
            ),
        },
    ),
    Answers(
        "replace-head",
        right={
            "set_submodule": HEAD.format(body="model.set_submodule(name, nn.Linear(old.in_features, n_classes))"),
            "walks down": HEAD.format(
                body="*path, last = name.split('.')\n    parent = model\n    for step in path:\n"
                "        parent = getattr(parent, step)\n"
                "    parent._modules[last] = nn.Linear(old.in_features, n_classes)"
            ),
        },
        wrong={
            "always fc": (
                "def replace_head(model, n_classes):\n    model.fc = nn.Linear(64, n_classes)\n    return model",
                "in use",
            ),
            "always head": (
                "def replace_head(model, n_classes):\n"
                "    model.head = nn.Linear(model.head.in_features, n_classes)\n    return model",
                "raised|ResNet",
            ),
            "width by heart": (
                HEAD.format(body="model.set_submodule(name, nn.Linear(64, n_classes))"),
                "in_features",
            ),
            "not nested": (
                HEAD.format(body="setattr(model, name.split('.')[0], nn.Linear(old.in_features, n_classes))"),
                "nested|raised",
            ),
            "outputs for inputs": (
                HEAD.format(body="model.set_submodule(name, nn.Linear(old.out_features, n_classes))"),
                "in_features",
            ),
            "a copy": (
                HEAD.format(
                    body="model = copy.deepcopy(model)\n    "
                    "model.set_submodule(name, nn.Linear(old.in_features, n_classes))"
                ),
                "no copy",
            ),
            "the last layer of all": (
                "def replace_head(model, n_classes):\n    name, old = list(model.named_modules())[-1]\n"
                "    model.set_submodule(name, nn.Linear(old.in_features, n_classes))\n    return model",
                "raised",
            ),
            "the first linear layer": (
                HEAD.format(body="model.set_submodule(name, nn.Linear(old.in_features, n_classes))").replace(
                    "[-1]", "[0]"
                ),
                r"the \*last\* linear layer",
            ),
            "freezes the body": (
                HEAD.format(
                    body="model.requires_grad_(False)\n    "
                    "model.set_submodule(name, nn.Linear(old.in_features, n_classes))"
                ),
                "was not frozen",
            ),
            "always two classes": (
                HEAD.format(body="model.set_submodule(name, nn.Linear(old.in_features, 2))"),
                "here 3",
            ),
            "a name with a dot": (
                HEAD.format(body="setattr(model, name, nn.Linear(old.in_features, n_classes))"),
                "inside its group",
            ),
            "wakes the model": (
                HEAD.format(body="model.set_submodule(name, nn.Linear(old.in_features, n_classes))\n    model.train()"),
                "leave the mode",
            ),
            "frozen as the old one": (
                HEAD.format(
                    body="new = nn.Linear(old.in_features, n_classes).requires_grad_(old.weight.requires_grad)\n    "
                    "model.set_submodule(name, new)"
                ),
                "nothing may freeze it",
            ),
            "another number of outputs alone": (HEAD.format(body="old.out_features = n_classes"), "still in use"),
            "without bias": (
                HEAD.format(body="model.set_submodule(name, nn.Linear(old.in_features, n_classes, bias=False))"),
                "weight and bias",
            ),
            "unfreezes all": (
                HEAD.format(
                    body="model.set_submodule(name, nn.Linear(old.in_features, n_classes))\n    "
                    "model.requires_grad_(True)"
                ),
                "only the new head",
            ),
            "keeps a head that fits": (
                HEAD.format(
                    body="if old.out_features != n_classes:\n        "
                    "model.set_submodule(name, nn.Linear(old.in_features, n_classes))"
                ),
                "must be fresh",
            ),
            "returns the head": (
                HEAD.format(body="return nn.Linear(old.in_features, n_classes)"),
                "SmallCNN",
            ),
        },
    ),
    Answers(
        "extract-features",
        right={
            "hook on the head": extract(),
            "inference mode": extract(context="torch.inference_mode()"),
            "moves to cpu": extract().replace(".cpu()", '.to(torch.device("cpu"))'),
            "moves by keyword": extract().replace(".cpu()", ".to(device='cpu')"),
            "detaches each batch": extract(context="torch.enable_grad()").replace(
                "kept.pop().cpu()", "kept.pop().detach().cpu()"
            ),
        },
        wrong={
            "training mode": (extract(mode="pass"), "evaluation mode"),
            "stays on the GPU": (extract().replace(".cpu()", ""), "would stay there"),
            "images stay where they are": (extract().replace("images.to(device)", "images"), "images.to"),
            "records graphs": (extract(context="torch.enable_grad()"), "no gradients"),
            "batch norm at rest, dropout not": (
                extract(mode="[m.eval() for m in model.modules() if isinstance(m, nn.BatchNorm2d)]"),
                "for the whole model",
            ),
            "detaches at the end": (
                extract(context="torch.enable_grad()").replace("torch.cat(features),", "torch.cat(features).detach(),"),
                "at the end comes too late",
            ),
            "puts another head on": (
                """
@torch.no_grad()
def extract_features(model, loader, device):
    modes = [(m, m.training) for m in model.modules()]
    name = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    old = model.eval().get_submodule(name)
    model.set_submodule(name, nn.Identity())
    pairs = [(model(images.to(device)), labels) for images, labels in loader]
    model.set_submodule(name, nn.Linear(old.in_features, old.out_features))
    for m, mode in modes:
        m.training = mode
    return torch.cat([f for f, _ in pairs]), torch.cat([t for _, t in pairs])
""",
                "another head",
            ),
            "mends the memory alone": (
                """
@torch.no_grad()
def extract_features(model, loader, device):
    linear = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    model.set_submodule(linear[-1], nn.Identity())
    pairs = [(model(images.to(device)), labels) for images, labels in loader]
    return torch.cat([f for f, _ in pairs]), torch.cat([t for _, t in pairs])
""",
                "lost its head",
            ),
            "mends the head alone": (
                """
def extract_features(model, loader, device):
    body = copy.deepcopy(model)
    linear = [n for n, m in body.named_modules() if isinstance(m, nn.Linear)]
    body.set_submodule(linear[-1], nn.Identity())
    pairs = [(body(images.to(device)), labels) for images, labels in loader]
    return torch.cat([f for f, _ in pairs]), torch.cat([t for _, t in pairs])
""",
                "evaluation mode",
            ),
            "mends the mode alone": (
                """
def extract_features(model, loader, device):
    linear = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    model.eval().set_submodule(linear[-1], nn.Identity())
    pairs = [(model(images.to(device)), labels) for images, labels in loader]
    return torch.cat([f for f, _ in pairs]), torch.cat([t for _, t in pairs])
""",
                "lost its head",
            ),
            "stays in eval": (extract(after="pass"), "old mode"),
            "always back to training": (extract(after="model.train()"), "old mode"),
            "loses the head": (
                """
@torch.no_grad()
def extract_features(model, loader, device):
    name = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    model.eval().set_submodule(name, nn.Identity())
    pairs = [(model(images.to(device)), labels) for images, labels in loader]
    return torch.cat([f for f, _ in pairs]), torch.cat([t for _, t in pairs])
""",
                "lost its head",
            ),
            "gives the logits": (
                """
@torch.no_grad()
def extract_features(model, loader, device):
    body = copy.deepcopy(model).eval()
    pairs = [(body(images.to(device)), labels) for images, labels in loader]
    return torch.cat([f for f, _ in pairs]), torch.cat([t for _, t in pairs])
""",
                "these are the logits",
            ),
        },
    ),
    Answers(
        "linear-probe",
        right={
            "again and again": probe(),
            "penalty as a norm": probe(penalty="l2 * head.weight.norm() ** 2"),
        },
        wrong={
            "not folded": (probe(fold="pass"), "folded into weight and bias"),
            "no penalty": (probe(penalty="0", steps=2), "is there a penalty"),
            "shrinks biases": (
                probe(penalty="l2 * (head.weight.square().sum() + head.bias.square().sum())"),
                "biases are not shrunk",
            ),
            "mean of squares": (probe(penalty="l2 * head.weight.square().mean()"), "one is taken for the other"),
            "not standardised": (
                probe(std="torch.ones(features.shape[1])"),
                "weights for standardised features",
            ),
            "deviation of the population": (
                probe(std="features.std(0, correction=0) + 1e-6"),
                r"N - 1",
            ),
            "standardises in place": (
                probe().replace(
                    "    z = (features - mean) / std\n", "    features -= mean\n    features /= std\n    z = features\n"
                ),
                "in place",
            ),
            "bias not folded": (probe(std=STD, fold="head.weight /= std"), "fold the mean into the bias"),
            "folds before dividing": (
                probe(std=STD, fold="head.bias -= head.weight @ mean\n        head.weight /= std"),
                "with the divided weights",
            ),
            "folded with the wrong sign": (
                probe(std=STD, fold="head.weight /= std\n        head.bias += head.weight @ mean"),
                "the sign of the folded mean",
            ),
            "weight decay of the optimizer": (
                probe(
                    optimizer="torch.optim.LBFGS([head.weight, head.bias], max_iter=50, line_search_fn='strong_wolfe')",
                    penalty="l2 / 2 * (head.weight.square().sum() + head.bias.square().sum())",
                ),
                "weight_decay is half",
            ),
            "half the penalty": (probe(penalty="l2 / 2 * head.weight.square().sum()"), "without a 1/2"),
            "l2 by heart": (probe(penalty="0.01 * head.weight.square().sum()"), "that is handed in"),
            "sum of the losses": (
                probe().replace(
                    "F.cross_entropy(head(z), targets)", "F.cross_entropy(head(z), targets, reduction='sum')"
                ),
                "of the cross entropies",
            ),
            "two classes": (probe().replace("int(targets.max()) + 1", "2"), "raised|one column per class"),
            "divides by zero": (probe(std="features.std(0)"), "constant column|overflow"),
            "stops early": (
                probe(optimizer="torch.optim.SGD(head.parameters(), lr=0.01)", steps=5),
                "until nothing changes|come out alike",
            ),
        },
    ),
    Answers(
        "fine-tune",
        right={
            "one loop over phases": tune(),
            "body out of the first optimizer": tune(
                groups='[{"params": top, "lr": lr_head}] if phase == 1 else '
                '[{"params": top, "lr": lr_head}, {"params": body, "lr": lr_body}]'
            ),
        },
        wrong={
            "the head by the start of its name": (
                tune().replace('startswith(head + ".")', "startswith(head)"),
                "fc0 is no part of fc",
            ),
            "the head by a part of its name": (
                tune()
                .replace(
                    "list(model.get_submodule(head).parameters())",
                    "[p for name, p in model.named_parameters() if head in name]",
                )
                .replace('not name.startswith(head + ".")', "head not in name"),
                "fc0 is no part of fc",
            ),
            "no nested head": (tune().replace("model.get_submodule(head)", "getattr(model, head)"), "raised"),
            "one epoch": (tune(epochs="1"), "four batches in each phase"),
            "a copy": (
                tune().replace("    top = ", "    model = copy.deepcopy(model)\n    top = "),
                "no copy",
            ),
            "gradients add up": (
                tune().replace("                optimizer.zero_grad()\n", ""),
                "zero_grad before each",
            ),
            "wiped before the step": (
                tune()
                .replace("                optimizer.zero_grad()\n", "")
                .replace(
                    "                optimizer.step()",
                    "                optimizer.zero_grad()\n                optimizer.step()",
                ),
                "nothing has learned",
            ),
            "softmax twice": (tune().replace("model(images)", "model(images).softmax(1)"), "of the logits"),
            "one learning rate": (
                tune(groups="model.parameters(), lr=lr_head"),
                "lr_head for the head and lr_body for the body",
            ),
            "rates swapped": (
                tune(groups='[{"params": top, "lr": lr_body}, {"params": body, "lr": lr_head}]'),
                "lr_head for the head and lr_body for the body",
            ),
            "no first phase": (
                tune(learn="True", mode="model.train()").replace("(1, 2)", "(2, 2)"),
                "phase 1 trains the head alone",
            ),
            "head only": (tune(learn="False"), "must learn in phase 2"),
            "always training mode": (tune(mode="model.train()"), "its body is in evaluation mode"),
            "always evaluation mode": (tune(mode="model.eval()"), "phase 2 is in training mode"),
            "body moves in phase 1": (
                tune(learn="True", groups='[{"params": top, "lr": lr_head}, {"params": body, "lr": lr_body}]'),
                "must not move in phase 1",
            ),
            "head rests in phase 2": (
                tune(
                    groups='[{"params": top, "lr": lr_head if phase == 1 else 0.0}, '
                    '{"params": body, "lr": lr_body if phase == 2 else 0.0}]'
                ),
                "goes on learning in phase 2",
            ),
            "leaves the body frozen": (tune(end="model.requires_grad_(False)"), "requires a gradient again"),
            "half the epochs": (tune(epochs="epochs if phase == 2 else 0"), r"2 \* epochs"),
            "momentum": (
                tune(groups=GROUPS + ", momentum=0.9"),
                "SGD without momentum",
            ),
        },
    ),
    Answers(
        "predict",
        right={
            "the course's door": predict(),
            "the same steps by hand": predict(read=own()),
        },
        wrong={
            "not normalised": (predict(normalise="pass"), "not normalised with mean and std"),
            "unsure above": (
                predict(result=LABEL.replace("probability <", "probability >") + ", probability"),
                "is not below 0",
            ),
            "height and width exchanged": (predict(read=READ + ".transpose(1, 2)"), "upright"),
            "names by heart": (
                predict(result=LABEL.replace("classes[", '("cat", "dog")[') + ", probability"),
                "one of the names",
            ),
            "names in the order of the alphabet": (
                predict(result=LABEL.replace("classes[", "sorted(classes)[") + ", probability"),
                "keep their order",
            ),
            "softmax over the pictures": (
                predict(p="(model(x[None]) / temperature).softmax(0)[0]"),
                "over the one picture",
            ),
            "not scaled": (predict(scale=""), r"must be scaled to \[0, 1\]"),
            "mean and std along the width": (
                predict(normalise="x = (x - torch.tensor(mean + (0.5,))) / torch.tensor(std + (0.25,))"),
                "normalised with mean and std per channel|raised",
            ),
            "blue first": (predict(read=READ + ".flip(0)"), "red comes first"),
            "training mode": (predict(mode="model.train()"), "evaluation mode"),
            "mode not restored": (predict(after="pass"), "old mode"),
            "always back to training": (predict(after="model.train()"), "old mode"),
            "squeezes": (predict(read=own(resize="image = image.resize((size, size))")), "do not squeeze"),
            "no grey images": (predict(read=own(rgb="")), "raised|three equal channels"),
            "no paths": (predict(read=own(source="Image.fromarray(np.asarray(source))")), "raised"),
            "on its side": (predict(read=own(upright="image")), "upright"),
            "index for label": (predict(result="int(p.argmax()), probability"), "name of the class"),
            "tensor for probability": (predict(probability="p.max()"), "Python float"),
            "crops without scaling": (
                predict(
                    read=own(
                        resize="left, top = ((side - size) // 2 for side in image.size)\n"
                        "    image = image.crop((left, top, left + size, top + size))"
                    )
                ),
                "scale a large picture down",
            ),
            "no temperature": (predict(p="model(x[None])[0].softmax(0)"), "temperature is not used"),
            "multiplies by the temperature": (
                predict(p="(model(x[None])[0] * temperature).softmax(0)"),
                "do not multiply",
            ),
            "temperature on probabilities": (
                predict(p="model(x[None])[0].softmax(0) / temperature"),
                "before the softmax",
            ),
            "never unsure": (predict(result="classes[int(p.argmax())], probability"), "unsure"),
            "unsure has no probability": (
                predict(result=f"{LABEL}, 0.0 if probability < least else probability"),
                "probability stays",
            ),
        },
    ),
    Answers(
        "which-to-ship",
        right={
            "another loop": ship(),
            "score by score": ship(
                said="torch.tensor([score >= i / 100 for score in scores.tolist()])",
            ),
            "by hand": ship().replace("dog = scores >= i / 100", "dog = ~(scores < i / 100)"),
        },
        wrong={
            "believes overlapping intervals": (ship((NO, NO, NO, YES, NO)), "A: intervals may overlap"),
            "believes the larger number": (ship((YES, YES, NO, YES, NO)), "B: how often does a coin"),
            "believes the probability": (ship((YES, NO, YES, YES, NO)), "C: how many are right"),
            "half is half": (ship((YES, NO, NO, NO, NO)), "D: look at the pictures"),
            "believes the mean": (ship((YES, NO, NO, YES, YES)), "E: look at the slices"),
            "not filled in": (ship(("", "", "", "", "")), "each entry is"),
            "greater only": (ship(said="scores > i / 100"), "counts as dog"),
            "costs exchanged": (
                ship(cost=COST.replace("missed *", "X *").replace("alarm *", "missed *").replace("X *", "alarm *")),
                "which error costs 5",
            ),
            "always five to one": (
                ship(cost=COST.replace("missed *", "5 *").replace("alarm *", "1 *")),
                "costs that are handed in",
            ),
            "accuracy": (ship(cost="int((dog != is_dog).sum())"), "costs that are handed in|missed dog"),
            "rates": (
                ship(
                    cost="missed * float((is_dog & ~dog).sum() / is_dog.sum()) "
                    "+ alarm * float((dog & ~is_dog).sum() / (~is_dog).sum())"
                ),
                "not rates",
            ),
            "from 0 to 1": (ship(order="range(0, 101)"), "nothing beyond"),
            "up to 0.98": (ship(order="range(1, 99)"), "both ends"),
            "the highest": (ship(order="range(99, 0, -1)"), "take the lowest"),
            "the cost": (ship(answer="min(costs.values())"), "missed dog|lowest"),
        },
    ),
    Answers(
        "occlusion-map",
        right={
            "two loops": occlude(),
            "masks": occlude(copy="image * torch.ones_like(image)"),
        },
        wrong={
            "columns first": (
                occlude(shape="image.shape[2] // patch, image.shape[1] // patch", at="j, i"),
                "one value per patch",
            ),
            "sign": (occlude(drop="model(hidden[None]).softmax(1)[0, label] - base"), "the sign"),
            "logits": (
                occlude(base="model(image[None])[0, label]", drop="base - model(hidden[None])[0, label]"),
                "these are logits",
            ),
            "in place": (occlude(copy="image"), "do not change the image"),
            "keeps the graph": (occlude().replace("torch.no_grad()", "torch.enable_grad()"), "no gradients"),
            "training mode": (occlude(mode="pass"), "dropout makes another map"),
            "always back to training": (occlude(after="model.train()"), "whichever it was"),
            "mode not restored": (occlude(after="pass"), "old mode"),
            "predicted class": (
                occlude(
                    base="model(image[None]).softmax(1)[0].max()",
                    drop="base - model(hidden[None]).softmax(1)[0].max()",
                ),
                "that was asked for",
            ),
        },
    ),
    Answers(
        "capstone",
        right={
            "probe": capstone(),
            "scikit-learn": """
def make_classifier(images, targets):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    net = models.pretrained_animals()
    def embed(some):
        with torch.no_grad():
            loader = data.make_loader(some, torch.zeros(len(some)).long(), 256, normalize=net.normalize)
            return torch.cat([net.embed(batch) for batch, _ in loader]).numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=500)).fit(embed(images), targets.numpy())
    return lambda some: torch.from_numpy(model.predict(embed(some)))
""",
        },
        wrong={
            "random network": (capstone(net="models.SmallCNN(2).eval()", normalize="data.IMAGENET"), "pretrained"),
            "pixels": (
                """
def make_classifier(images, targets):
    from sklearn.linear_model import LogisticRegression
    model = LogisticRegression(C=0.001, max_iter=1000).fit(images.flatten(1).numpy() / 255, targets.numpy())
    return lambda some: torch.from_numpy(model.predict(some.flatten(1).numpy() / 255))
""",
                "pretrained network",
            ),
            "standardised by the new images": (
                capstone(answer="(lambda f: head((f - f.mean(0)) / f.std(0)).argmax(1))(embed(some))"),
                "image alone",
            ),
            "in training mode": (capstone(net="models.pretrained_animals().train()"), "image alone"),
            "other labelled animals": (
                capstone().replace(
                    "    F_train = ",
                    "    more = data.drawn_animals(400, seed=3)\n"
                    "    images, targets = torch.cat([images, more.images]), torch.cat([targets, more.targets])\n    F_train = ",
                ),
                "from no others",
            ),
            "truth values": (capstone(answer="head((embed(some) - mean) / std).diff()[:, 0] > 0"), "int64"),
            "the answers in place of a function": (
                capstone().replace("return lambda some: ", "some = images\n    return "),
                "the function classify",
            ),
            "labels shuffled": (
                capstone(labels="targets[torch.randperm(len(targets))]"),
                "pretrained network",
            ),
            "smallest logit": (
                capstone(answer=ANSWER.replace("argmax", "argmin")),
                "pretrained network",
            ),
            "normalises the test images otherwise": (
                capstone(
                    answer="head((net.embed(some.float().requires_grad_(False) / 255).detach() - mean) / std).argmax(1)"
                ),
                "its own normalisation",
            ),
            "returns the logits": (
                capstone(answer=ANSWER.replace(".argmax(1)", ".detach()")),
                "one class per image",
            ),
        },
    ),
]
