"""Right and wrong answers to exercise 12, and the hint that each wrong one must get."""

from tests.mutants import Answers

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
def predict(image, model, classes, mean, std, size):
    {read}
    {rgb}
    {resize}
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1).float(){scale}
    {normalise}
    was = model.training
    {mode}
    with torch.no_grad():
        p = model(x[None]).softmax(1)[0]
    {after}
    return {result}
"""
READ = """if isinstance(image, (str, Path)):
        image = Image.open(image)
    elif not isinstance(image, Image.Image):
        image = Image.fromarray(image)"""
NORMALISE = "x = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]"
CUT = """from PIL import ImageOps
    image = ImageOps.fit(image, (size, size))"""


def predict(
    read=READ,
    rgb='image = image.convert("RGB")',
    resize=CUT,
    scale=" / 255",
    normalise=NORMALISE,
    mode="model.eval()",
    after="model.train(was)",
    result="(classes[p.argmax()], p.max().item())",
):
    return PREDICT.format(
        read=read, rgb=rgb, resize=resize, scale=scale, normalise=normalise, mode=mode, after=after, result=result
    )


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


ANSWERS = [
    Answers(
        "freeze",
        right={
            "train does nothing any more": freeze(),
            "forward hook": freeze(each="layer.register_forward_pre_hook(lambda m, x: m.eval() and None)"),
        },
        wrong={
            "gradients only": (FREEZE.format(body="module.requires_grad_(False)", count=COUNT), "running statistics"),
            "eval once": (freeze(each="pass"), "running statistics"),
            "momentum zero": (freeze(each="layer.momentum = 0.0"), "running statistics"),
            "batch norm only": (freeze(first="pass"), "requires_grad is False"),
            "counts tensors": (
                freeze(count="sum(1 for p in model.parameters() if p.requires_grad)"),
                "single values",
            ),
            "counts everything": (freeze(count="sum(p.numel() for p in model.parameters())"), "count only what has it"),
            "two-dimensional only": (
                freeze().replace("(nn.BatchNorm1d, nn.BatchNorm2d)", "nn.BatchNorm2d"),
                "running statistics",
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
        },
        wrong={
            "training mode": (extract(mode="pass"), "evaluation mode"),
            "records graphs": (extract(context="torch.enable_grad()"), "no gradients"),
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
            "logits": (
                """
@torch.no_grad()
def extract_features(model, loader, device):
    body = copy.deepcopy(model).eval()
    pairs = [(body(images.to(device)), labels) for images, labels in loader]
    return torch.cat([f for f, _ in pairs]), torch.cat([t for _, t in pairs])
""",
                "what the last linear layer sees",
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
            "no penalty": (probe(penalty="0", steps=2), r"mean cross entropy \+ l2"),
            "shrinks biases": (
                probe(penalty="l2 * (head.weight.square().sum() + head.bias.square().sum())"),
                "biases are not shrunk|mean cross entropy",
            ),
            "mean of squares": (probe(penalty="l2 * head.weight.square().mean()"), r"mean cross entropy \+ l2|sum of"),
            "not standardised": (
                probe(std="torch.ones(features.shape[1])"),
                "standardise with the mean and std",
            ),
            "divides by zero": (probe(std="features.std(0)"), "constant column|overflow"),
            "stops early": (
                probe(optimizer="torch.optim.SGD(head.parameters(), lr=0.01)", steps=5),
                "folded|mean cross entropy",
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
            "one learning rate": (tune(groups="model.parameters(), lr=lr_head"), "lr_body in a parameter group"),
            "rates swapped": (
                tune(groups='[{"params": top, "lr": lr_body}, {"params": body, "lr": lr_head}]'),
                "lr_body in a parameter group|head must learn",
            ),
            "no first phase": (
                tune(learn="True", mode="model.train()").replace("(1, 2)", "(2, 2)"),
                "phase 1 trains the head alone",
            ),
            "head only": (tune(learn="False"), "phase 1 trains|requires a gradient"),
            "always training mode": (tune(mode="model.train()"), "evaluation mode in phase 1"),
            "always evaluation mode": (tune(mode="model.eval()"), "training mode in phase 2"),
            "half the epochs": (tune(epochs="epochs if phase == 2 else 0"), r"2 \* epochs|phase 1"),
            "momentum": (
                tune(groups=GROUPS + ", momentum=0.9"),
                r"2 \* epochs|phase 1",
            ),
        },
    ),
    Answers(
        "predict",
        right={
            "ImageOps.fit": predict(),
            "torchvision": predict(
                resize="from torchvision.transforms import v2\n    image = v2.CenterCrop(size)(v2.Resize(size)(image))"
            ),
        },
        wrong={
            "not normalised": (predict(normalise="pass"), "normalised with mean and std"),
            "not scaled": (predict(scale=""), r"scaled to \[0, 1\]"),
            "training mode": (predict(mode="model.train()"), "evaluation mode"),
            "mode not restored": (predict(after="pass"), "old mode"),
            "squeezes": (predict(resize="image = image.resize((size, size))"), "do not squeeze"),
            "no grey images": (predict(rgb="pass"), "raised|convert to RGB"),
            "no paths": (predict(read="image = Image.fromarray(np.asarray(image))"), "raised"),
            "index for label": (predict(result="(int(p.argmax()), p.max().item())"), "name of the class"),
            "tensor for probability": (predict(result="(classes[p.argmax()], p.max())"), "Python float"),
            "crops without scaling": (
                predict(
                    resize="left, top = ((side - size) // 2 for side in image.size)\n"
                    "    image = image.crop((left, top, left + size, top + size))"
                ),
                "scale a large image down",
            ),
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
            "sign": (occlude(drop="model(hidden[None]).softmax(1)[0, label] - base"), "where the evidence is|minus"),
            "logits": (
                occlude(base="model(image[None])[0, label]", drop="base - model(hidden[None])[0, label]"),
                "probability of the label",
            ),
            "in place": (occlude(copy="image"), "where the evidence is|do not change the image|minus"),
            "training mode": (occlude(mode="pass"), "in evaluation mode"),
            "mode not restored": (occlude(after="pass"), "old mode"),
            "predicted class": (
                occlude(
                    base="model(image[None]).softmax(1)[0].max()",
                    drop="base - model(hidden[None]).softmax(1)[0].max()",
                ),
                "probability of the label|where the evidence is",
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
