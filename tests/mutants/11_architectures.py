"""Right and wrong answers to exercise 11, and the hint that each wrong one must get."""

from tests.mutants import Answers

BATCH_NORM = """
class BatchNorm2d(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1, affine=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
    def forward(self, x):
        n = x.numel() / x.shape[1]
        if {training}:
            mean = x.mean({dims})
            var = ((x - mean.view(-1, 1, 1)) ** 2).mean({dims}){spread}
            with torch.no_grad():
                self.num_batches_tracked += 1
                k = {share}
                self.running_mean.copy_((1 - k) * self.running_mean + k * mean)
                self.running_var.copy_((1 - k) * self.running_var + k * var{unbiased})
        if not ({training}) {also}:
            mean, var = self.running_mean, self.running_var
        y = (x - mean.view(-1, 1, 1)) / {root}
        {affine}
        return y
"""
NORM_RIGHT = {
    "training": "self.training",
    "dims": "(0, 2, 3)",
    "spread": "",
    "share": "1.0 / self.num_batches_tracked.item() if self.momentum is None else self.momentum",
    "unbiased": " * n / (n - 1)",
    "also": "",
    "root": "(var.view(-1, 1, 1) + self.eps) ** 0.5",
    "affine": "y = y if self.weight is None else self.weight.view(-1, 1, 1) * y + self.bias.view(-1, 1, 1)",
}


def batch_norm(**changes: str) -> str:
    return BATCH_NORM.format(**NORM_RIGHT | changes)


BLOCK = """
class ResidualBlock(nn.Module):
    def __init__(self, cin, cout, stride=1, zero_start=False):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, {first}, 1, bias={bias})
        self.norm1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, {second}, 1, bias={bias})
        self.norm2 = nn.BatchNorm2d(cout)
        {zero}
        if {project}:
            self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))
        else:
            self.shortcut = nn.Identity()
    def forward(self, x):
        {forward}
"""
BLOCK_RIGHT = {
    "zero": "nn.init.constant_(self.norm2.weight, 0.0 if zero_start else 1.0)",
    "first": "stride",
    "second": "1",
    "bias": "False",
    "project": "stride > 1 or cin != cout",
    "forward": "return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))).add(self.shortcut(x)))",
}


def block(**changes: str) -> str:
    return BLOCK.format(**BLOCK_RIGHT | changes)


DENSE = """
class DenseBlock(nn.Module):
    def __init__(self, n, cin, growth):
        super().__init__()
        self.layers = {container}([
            nn.Sequential({layer}) for w in {widths}
        ])
    def forward(self, x):
        {forward}
class Transition(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(cin), nn.Conv2d(cin, cout, 1, bias=False)
    def forward(self, x):
        return {transition}
"""
DENSE_RIGHT = {
    "container": "nn.ModuleList",
    "layer": "nn.BatchNorm2d(w), nn.ReLU(), nn.Conv2d(w, growth, 3, padding=1, bias=False)",
    "widths": "range(cin, cin + n * growth, growth)",
    "forward": "return __import__('functools').reduce(lambda kept, f: torch.cat((kept, f(kept)), 1), self.layers, x)",
    "transition": "nn.AvgPool2d(2)(self.conv(F.relu(self.norm(x))))",
}


def dense(**changes: str) -> str:
    return DENSE.format(**DENSE_RIGHT | changes)


RESNET = """
def tiny_resnet(blocks, width, n_classes):
    stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), {norm}nn.ReLU())
    stages, wide = [], width
    for number, count in enumerate(blocks):
        out = {out}
        strides = {strides}
        stages.append(nn.Sequential(*[models.ResidualBlock(wide if i == 0 else out, out, s) for i, s in enumerate(strides)]))
        wide = out
    return nn.Sequential(stem, *stages, {end})
"""
RESNET_RIGHT = {
    "norm": "nn.BatchNorm2d(width), ",
    "out": "width << number",
    "strides": "[2 if number else 1] + [1] * (count - 1)",
    "end": "nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(wide, n_classes)",
}


def resnet(**changes: str) -> str:
    return RESNET.format(**RESNET_RIGHT | changes)


SUMMARY = """
def summary(model, size):
    rows, handles, counted = [], [], set()
    was = {{m: m.training for m in model.modules()}}
    def watch(name, module):
        def hook(m, inputs, output):
            {count}
        handles.append(module.register_forward_hook(hook))
    for name, module in model.named_modules():
        if {leaf}:
            watch(name, module)
    {mode}
    device = {device}
    try:
        with torch.no_grad():
            model(torch.zeros(*size, device=device))
    {after}
        for handle in handles:
            {remove}
        {restore}
    return rows
"""
SUMMARY_RIGHT = {
    "count": (
        "n = 0 if m in counted else sum(p.numel() for p in m.parameters()); counted.add(m); "
        "rows.append((name, tuple(output.shape), n))"
    ),
    "leaf": "not list(module.children())",
    "mode": "model.eval()",
    "device": "([p.device for p in model.parameters()] or ['cpu'])[0]",
    "after": "finally:",
    "remove": "handle.remove()",
    "restore": "[m.train(mode) for m, mode in was.items() if not list(m.children())]; "
    "[setattr(m, 'training', mode) for m, mode in was.items()]",
}


def summary(**changes: str) -> str:
    return SUMMARY.format(**SUMMARY_RIGHT | changes)


ALEXNET = """
def alexnet_shapes(size=227):
    after = lambda s, k, step, pad: {formula}
    a = after(size, 11, 4, 0)
    b = after({pooled_a}, 5, 1, 2)
    c = after({pooled_b}, 3, 1, 1)
    return [{rows}]
def inconsistent_number():
    return {number}
def receptive_field():
    layers = {layers}
    sees, jump = 1, 1
    for k, s in layers:
        sees, jump = sees + (k - 1) * {jump}, jump * s
    return sees
"""
ALEXNET_RIGHT = {
    "formula": "(s + 2 * pad - k) // step + 1",
    "pooled_a": "after(a, 3, 2, 0)",
    "pooled_b": "after(b, 3, 2, 0)",
    "rows": "(a, a, 96), (b, b, 256), (c, c, 384), (c, c, 384), (c, c, 256)",
    "number": "253440",
    "layers": "[(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1)]",
    "jump": "jump",
}


def alexnet(**changes: str) -> str:
    return ALEXNET.format(**ALEXNET_RIGHT | changes)


DEPTH = """
class Deep(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(64, 64) for _ in range(depth - 1))
        self.norms = nn.ModuleList(nn.BatchNorm1d(64) for _ in range(depth - 1))
        self.head = nn.Linear(64, 10)
    def forward(self, x):
        x = x.flatten(1)
        {body}
        return self.head(x)
def train_deep(images, targets):
    torch.manual_seed(1)
    model = Deep({depth})
    loader = data.make_loader(images, targets, batch_size=64, shuffle=True)
    training.fit(model, loader, epochs={epochs}, lr=2e-3, device="cpu", progress=False)
    return model{end}
"""
DEPTH_RIGHT = {
    "body": "for layer in self.hidden: x = x + 0.5 * torch.relu(layer(x))",
    "depth": "30",
    "epochs": "12",
    "end": ".eval()",
}


def depth(**changes: str) -> str:
    return DEPTH.format(**DEPTH_RIGHT | changes)


def decide(**changes: str) -> str:
    right = {
        "memory": "googlenet",
        "two": "group norm",
        "blocks": "cannot tell",
        "forty": "plain",
        "sick": "late start",
    }
    return (
        "def decide():\n    return {"
        + ", ".join(f'"{key}": "{value}"' for key, value in (right | changes).items())
        + "}"
    )


ANSWERS = [
    Answers(
        "batch-norm",
        right={
            "copies into the buffers": batch_norm(),
            "normalise, then affine through view": batch_norm(root="torch.sqrt(var.view(-1, 1, 1) + self.eps)"),
        },
        wrong={
            "PyTorch's own": (
                "class BatchNorm2d(nn.BatchNorm2d):\n    def __init__(self, channels, eps=1e-5, momentum=0.1, affine=True):\n"
                "        super().__init__(channels, eps, momentum, affine)",
                "switched off",
            ),
            "mean over images only": (
                batch_norm(dims="(0,)", unbiased="").replace(".view(-1, 1, 1)", ""),
                "your code raised|over images, rows",
            ),
            "unbiased variance in the output": (
                batch_norm(spread=" * n / (n - 1)", unbiased=""),
                "divided by the count",
            ),
            "biased running variance": (batch_norm(unbiased=""), "less one"),
            "momentum the other way round": (batch_norm(share="1 - (self.momentum or 0.0)"), r"\(1 - momentum\)"),
            "no momentum=None": (batch_norm(share="self.momentum if self.momentum else 0.1"), "plain average"),
            "always the statistics of the batch": (batch_norm(training="True"), "in eval"),
            "running statistics in training": (batch_norm(also="or True"), "over images, rows"),
            "no weight and bias in use": (batch_norm(affine=""), "scale with weight"),
            "eps outside the root": (
                batch_norm(root="(var.view(-1, 1, 1) ** 0.5 + self.eps)"),
                "inside the root|divided by the count",
            ),
            "plain attributes": (
                batch_norm().replace(
                    'self.register_buffer("running_mean", torch.zeros(channels))',
                    "self.running_mean = torch.zeros(channels)",
                ),
                "register_buffer",
            ),
            "blank 1 open": (
                "class BatchNorm2d(nn.Module):"
                + batch_norm().split("class BatchNorm2d(nn.Module):")[1].split("        self.register")[0]
                + "    def forward"
                + batch_norm().split("    def forward")[1],
                "blank 1 is open",
            ),
            "blank 4 open": (batch_norm().replace("        return y", "        ..."), "blank 4 is open"),
            "a number for a buffer": (batch_norm().replace("torch.tensor(0)", "0"), "holds a tensor"),
            "running values as parameters": (
                batch_norm().replace(
                    'self.register_buffer("running_mean", torch.zeros(channels))',
                    "self.running_mean = nn.Parameter(torch.zeros(channels))",
                ),
                "not parameters",
            ),
            "root forgotten": (batch_norm(root="(var.view(-1, 1, 1) + self.eps)"), "the root is missing"),
            "always scales": (
                batch_norm(affine="y = y * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)"),
                "ask before you scale",
            ),
            "computes with None": (batch_norm(share="self.momentum"), "may be None"),
            "the chapter's layer": (
                "class BatchNorm2d(nn.Module):\n    def __init__(self, channels):\n        super().__init__()\n"
                "        self.weight = nn.Parameter(torch.ones(channels))\n        self.bias = nn.Parameter(torch.zeros(channels))\n"
                "    def forward(self, x):\n"
                "        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)\n"
                "        x = (x - mean) / torch.sqrt(var + 1e-5)\n"
                "        return self.weight[:, None, None] * x + self.bias[:, None, None]",
                "your code raised|buffers",
            ),
            "another momentum ignored": (
                batch_norm(share="0.1 if self.momentum else 1.0 / self.num_batches_tracked.item()"),
                "here 0.3",
            ),
            "momentum 0 taken for None": (
                batch_norm(share="self.momentum or 1.0 / self.num_batches_tracked.item()"),
                "is a number",
            ),
            "statistics without a gradient": (
                batch_norm()
                .replace("mean = x.mean", "mean = x.detach().mean")
                .replace("var = ((x - ", "var = ((x.detach() - "),
                "gradients flow through both",
            ),
            "the variance without a gradient": (
                batch_norm().replace("var = ((x - ", "var = ((x.detach() - "),
                "gradients flow through both",
            ),
            "parameters that nothing moves": (
                batch_norm()
                .replace(
                    'register_buffer("running_mean", torch.zeros(channels))',
                    "running_mean = nn.Parameter(torch.zeros(channels), False)",
                )
                .replace(
                    'register_buffer("running_var", torch.ones(channels))',
                    "running_var = nn.Parameter(torch.ones(channels), False)",
                ),
                "not parameters",
            ),
            "a count that is no integer": (batch_norm().replace("torch.tensor(0)", "torch.tensor(0.0)"), "integer 0"),
            "the variance begins with 0": (
                batch_norm().replace('"running_var", torch.ones', '"running_var", torch.zeros'),
                "running_var with ones",
            ),
            "shifts first": (
                batch_norm(
                    affine="y = y if self.weight is None else self.weight.view(-1, 1, 1) * (y + self.bias.view(-1, 1, 1))"
                ),
                "scale first",
            ),
            "eps fixed": (batch_norm(root="(var.view(-1, 1, 1) + 1e-5) ** 0.5"), "here 100"),
            "momentum fixed": (batch_norm(share="0.1"), "plain average|momentum"),
            "updates in eval": (
                batch_norm(training="True", also="or not self.training"),
                "nothing is updated|in eval",
            ),
            "nothing returned": (
                "class BatchNorm2d(nn.Module):\n    def __init__(self, channels, eps=1e-5, momentum=0.1, affine=True):\n        super().__init__()\n    def forward(self, x):\n        ...",
                "None|shape|three buffers",
            ),
        },
    ),
    Answers(
        "residual-block",
        right={
            "add": block(),
            "in two steps": block(
                forward="f = self.norm1(self.conv1(x)).relu(); f = self.norm2(self.conv2(f)); f = f + self.shortcut(x); return f.relu()"
            ),
        },
        wrong={
            "no skip": (
                block(forward="return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))"),
                "add x itself|does not arrive",
            ),
            "relu before the sum": (
                block(
                    forward="return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))) + self.shortcut(x)"
                ),
                "none in between",
            ),
            "no relu at the end": (
                block(forward="return self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))) + self.shortcut(x)"),
                "after the sum",
            ),
            "no zero start": (block(zero=""), "zero_start=True"),
            "always zero": (block(zero="nn.init.zeros_(self.norm2.weight)"), "without zero_start"),
            "the wrong norm is zero": (
                block(zero="if zero_start: nn.init.zeros_(self.norm1.weight)"),
                "zero_start=True",
            ),
            "the chapter's block": (
                block(zero="").replace(", zero_start=False", ""),
                "your code raised|unexpected keyword argument",
            ),
            "always a projection": (block(project="True"), "no projection if shapes agree"),
            "projection only for channels": (block(project="cin != cout"), "your code raised|stride 2 changes"),
            "stride in the second convolution": (block(first="1", second="stride"), "not to conv2"),
            "biases": (block(bias="True"), "without biases"),
            "the shortcut begins with 0 as well": (
                block(zero="").replace(
                    "    def forward",
                    "        if zero_start:\n            for norm in (self.norm2, *list(self.shortcut.children())[1:]):\n"
                    "                nn.init.zeros_(norm.weight)\n    def forward",
                ),
                "shortcut starts at 1",
            ),
            "zero for ever": (
                block(zero="if zero_start: nn.init.zeros_(self.norm2.weight).requires_grad_(False)"),
                "must still learn",
            ),
            "a bias too many": (block(bias="True"), "conv1.bias is too many"),
            "one batch norm for both": (
                block().replace("self.norm2 = nn.BatchNorm2d(cout)", "self.norm2 = self.norm1"),
                "batch norm of its own",
            ),
            "projection of 3x3": (
                block().replace("nn.Conv2d(cin, cout, 1, stride, bias", "nn.Conv2d(cin, cout, 3, stride, 1, bias"),
                "projection is 1x1",
            ),
            "changes its input": (
                block(
                    forward="x.relu_(); return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))) + self.shortcut(x))"
                ),
                "in place|none in between",
            ),
        },
    ),
    Answers(
        "dense-block",
        right={
            "reduce": dense(),
            "list of outputs": dense(
                forward="kept = [x]; [kept.append(f(torch.cat(kept, dim=1))) for f in self.layers]; return torch.cat(kept, dim=1)",
                transition="F.adaptive_avg_pool2d(self.conv(self.norm(x).relu()), (x.shape[2] // 2, x.shape[3] // 2))",
            ),
        },
        wrong={
            "new channels first": (
                dense(
                    forward="return __import__('functools').reduce(lambda kept, f: torch.cat((f(kept), kept), 1), self.layers, x)"
                ),
                r"\[x, new\]",
            ),
            "max pooling": (dense(transition="F.max_pool2d(self.conv(F.relu(self.norm(x))), 2)"), "average"),
            "plain list": (dense(container="list"), "ModuleList"),
            "relu before batch norm": (
                dense(layer="nn.ReLU(), nn.BatchNorm2d(w), nn.Conv2d(w, growth, 3, padding=1, bias=False)"),
                "Sequential|batch norm, then ReLU",
            ),
            "a bias in the transition": (
                dense().replace("nn.Conv2d(cin, cout, 1, bias=False)", "nn.Conv2d(cin, cout, 1)"),
                "conv has no bias",
            ),
            "sees the input and the last output": (
                dense(
                    widths="[cin] + [cin + growth] * (n - 1)",
                    forward="kept = [x]; [kept.append(f(torch.cat((x, kept[-1]), 1) if i else x)) for i, f in enumerate(self.layers)]; return torch.cat(kept, 1)",
                ),
                "outputs before it",
            ),
            "no relu in the transition": (
                dense(transition="F.avg_pool2d(self.conv(self.norm(x)), 2)"),
                "batch norm, ReLU",
            ),
            "the last output only": (
                dense(
                    widths="[cin] + [growth] * (n - 1)",
                    forward="for f in self.layers: x = f(x)\n        return x",
                ),
                "channels grow",
            ),
        },
    ),
    Answers(
        "tiny-resnet",
        right={
            "stages": resnet(),
            "mean as a module": resnet(
                end="nn.AdaptiveAvgPool2d(1), nn.Flatten(start_dim=1), nn.Linear(width * 2 ** (len(blocks) - 1), n_classes)"
            ),
        },
        wrong={
            "stride 2 in the first stage": (
                resnet(strides="[2] + [1] * (count - 1)"),
                "one projection per further stage",
            ),
            "channels by the number of the stage": (resnet(out="width * (number + 1)"), "doubles the channels"),
            "stage 0 doubled": (resnet(out="width * 2 ** (number + 1)"), "begins with stage 1"),
            "three stages at most": (
                resnet().replace("enumerate(blocks)", "enumerate(blocks[:3])"),
                "six models.ResidualBlock",
            ),
            "takes the list apart": (
                resnet().replace("enumerate(blocks)", "enumerate(blocks.pop(0) for _ in list(blocks))"),
                "do not change the list",
            ),
            "one block for a stage": (
                resnet().replace(
                    "nn.Sequential(*[models.ResidualBlock(wide if i == 0 else out, out, s) for i, s in enumerate(strides)])",
                    "nn.Sequential(models.ResidualBlock(wide, out, strides[0]), *[models.ResidualBlock(out, out)] * (count - 1))",
                ),
                "weights of its own",
            ),
            "a plain list of stages": (
                "class Net(nn.Module):\n    def __init__(self, stem, stages, end):\n        super().__init__()\n"
                "        self.stem, self.stages, self.end = stem, stages, end\n    def forward(self, x):\n"
                "        x = self.stem(x)\n        for stage in self.stages:\n            x = stage(x)\n        return self.end(x)\n"
                + resnet()
                .replace("nn.Sequential(stem, *stages, ", "Net(stem, stages, nn.Sequential(")
                .replace("n_classes))\n", "n_classes)))\n"),
                "a ModuleList",
            ),
            "pooling in place of a stride": (
                resnet(strides="[1] * count").replace(
                    "nn.Sequential(*[", "nn.Sequential(nn.MaxPool2d(2) if number else nn.Identity(), *["
                ),
                "has stride 2",
            ),
            "no relu in the stem": (resnet().replace("nn.ReLU())", "nn.Identity())"), "a ReLU follows"),
            "relu before batch norm in the stem": (
                resnet().replace("nn.BatchNorm2d(width), nn.ReLU())", "nn.ReLU(), nn.BatchNorm2d(width))"),
                "a ReLU follows",
            ),
            "the largest of each map": (
                resnet(end="nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(wide, n_classes)"),
                r"\*average\*",
            ),
            "average over 8 x 8": (
                resnet(end="nn.AvgPool2d(8), nn.Flatten(), nn.Linear(wide, n_classes)"),
                "of any size|too small",
            ),
            "no smaller maps": (resnet(strides="[1] * count"), "has stride 2"),
            "stride 2 in every block": (resnet(strides="[2 if number else 1] * count"), "has stride 2|one projection"),
            "channels stay": (resnet(out="width"), "twice the channels|convolutions without bias"),
            "no batch norm in the stem": (resnet(norm=""), "convolutions without bias"),
            "flattened for one size": (
                resnet(end="nn.Flatten(), nn.Linear(wide * 64, n_classes)"),
                "do not flatten it",
            ),
            "softmax at the end": (
                resnet(end="nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, n_classes), nn.Softmax(1)"),
                "return logits",
            ),
        },
    ),
    Answers(
        "summary",
        right={
            "a set of counted modules": summary(),
            "is_leaf by length": summary(
                leaf="len(list(module.modules())) == 1",
                device="next((p.device for p in model.parameters()), torch.device('cpu'))",
            ),
        },
        wrong={
            "containers too": (summary(leaf="True"), "without modules inside"),
            "hooks stay": (summary(remove="pass"), "no hook of yours may stay"),
            "model left in eval": (summary(restore="pass"), "keeps its own mode"),
            "all to train": (summary(restore="model.train()"), "keeps its own mode"),
            "in training mode": (summary(mode="model.train()"), "eval\\(\\) mode"),
            "counted twice": (
                summary(count="rows.append((name, tuple(output.shape), sum(p.numel() for p in m.parameters())))"),
                "counts its parameters once",
            ),
            "cpu only": (summary(device="'cpu'"), "device of the model|your code raised"),
            "no finally": (summary(after="except KeyError:\n        pass\n    if True:"), "also if the model raises"),
            "takes everybody's hooks off": (
                summary(remove="[m._forward_hooks.clear() for m in model.modules()]"),
                "and no others",
            ),
            "frozen parameters do not count": (
                summary(
                    count=SUMMARY_RIGHT["count"].replace("in m.parameters())", "in m.parameters() if p.requires_grad)")
                ),
                "is frozen",
            ),
            "never the model itself": (summary(leaf="name and not list(module.children())"), "a layer by itself"),
            "needs a parameter": (summary(device="next(model.parameters()).device"), "a second value"),
            "swallows the error": (
                summary(after="except RuntimeError:\n        pass\n    finally:"),
                "must reach the caller",
            ),
            "shape as torch.Size text": (summary(count="rows.append((name, str(output.shape), 0))"), "a row is"),
        },
    ),
    Answers(
        "alexnet",
        right={
            "lambda": alexnet(),
            "number by search": alexnet(
                number="[n for n, (h, w, c) in zip((253440, 186624, 64896, 64896, 43264), alexnet_shapes()) if h * w * c != n][0]"
            ),
        },
        wrong={
            "rounds to the nearest": (alexnet(formula="round((s + 2 * pad - k) / step) + 1"), "round down"),
            "padding on one side": (alexnet(formula="(s + pad - k) // step + 1"), r"on \*both\* sides"),
            "field begins with 0": (
                alexnet().replace("sees, jump = 1, 1", "sees, jump = 0, 1"),
                "begin with 1",
            ),
            "field behind a last pooling": (
                alexnet(layers="[(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)]"),
                "no pooling behind it",
            ),
            "rounds up": (alexnet(formula="-(-(s + 2 * pad - k) // step) + 1"), "round down"),
            "fixed sizes": (
                alexnet(rows="(55, 55, 96), (27, 27, 256), (13, 13, 384), (13, 13, 384), (13, 13, 256)"),
                "from `size`",
            ),
            "pooling of 2x2": (
                alexnet(pooled_a="after(a, 2, 2, 0)", pooled_b="after(b, 2, 2, 0) + 1"),
                "3x3 with stride 2|from `size`",
            ),
            "channels first": (
                alexnet(rows="(96, a, a), (256, b, b), (384, c, c), (384, c, c), (256, c, c)"),
                "channels last",
            ),
            "a number in quotation marks": (alexnet(number='"253,440"'), "an int, without"),
            "the recomputed number": (alexnet(number="290400"), "height|as it is printed"),
            "field without poolings": (
                alexnet(layers="[(11, 4), (5, 1), (3, 1), (3, 1), (3, 1)]"),
                "poolings are layers too",
            ),
            "field without strides": (alexnet(jump="1"), "strides before"),
            "field with the layer's own stride": (alexnet(jump="jump * s"), "strides before"),
            "field of the fourth": (
                alexnet(layers="[(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1)]"),
                "strides before",
            ),
            "no plus one": (alexnet(formula="(s + 2 * pad - k) // step"), "55 positions"),
        },
    ),
    Answers(
        "depth",
        right={
            "skip in each layer": depth(),
            "blocks of two layers": depth(
                body="for a, b in zip(self.hidden[::2], self.hidden[1::2]): x = x + b(torch.relu(a(x)))", depth="31"
            ),
        },
        wrong={
            "plain": (depth(body="for layer in self.hidden: x = torch.relu(layer(x))", epochs="2"), "skip the layers"),
            "one layer thirty times": (
                depth().replace(
                    "nn.ModuleList(nn.Linear(64, 64) for _ in range(depth - 1))",
                    "nn.ModuleList([nn.Linear(64, 64)] * (depth - 1))",
                ),
                "30 different layers",
            ),
            "digits of its own": (
                depth().replace(
                    "    torch.manual_seed(1)\n",
                    "    torch.manual_seed(1)\n    images, targets = data.digits().train\n    images = images / 255\n",
                ),
                "that are handed in",
            ),
            "no activation": (
                depth(body="for layer in self.hidden: x = x + 0.1 * layer(x)", depth="30", epochs="10"),
                "one linear layer",
            ),
            "idle layers": (
                depth(
                    body="x = torch.relu(self.hidden[0](x))\n        for layer in self.hidden[1:]: x = x + 0 * layer(x)",
                    depth="32",
                    epochs="10",
                ),
                "does no work",
            ),
            "softmax at the end": (
                depth(epochs="1").replace("self.head(x)", "self.head(x).softmax(1)"),
                "return logits",
            ),
            "dropout that never stops": (
                depth(body="for layer in self.hidden: x = x + 0.5 * F.dropout(torch.relu(layer(x)), 0.1)"),
                "the same logits",
            ),
            "too shallow": (depth(depth="8", epochs="15"), "at least 30 different layers"),
            "unused layers": (
                depth(body="for layer in self.hidden[:8]: x = x + torch.relu(layer(x))", epochs="15"),
                "at least 30 different layers",
            ),
            "batch norm instead of skips": (
                depth(
                    body="for layer, norm in zip(self.hidden, self.norms): x = torch.relu(norm(layer(x)))", epochs="4"
                ),
                "hardly begun|a little longer",
            ),
            "he weights with skips": (
                depth(body="for layer in self.hidden: x = x + torch.relu(layer(x))", epochs="2").replace(
                    "    loader = data",
                    "    for layer in model.hidden: nn.init.kaiming_normal_(layer.weight)\n    loader = data",
                ),
                "hardly begun|smaller first weights",
            ),
            "left in training mode": (depth(end=".train()"), "eval"),
            "not trained": (
                "def train_deep(images, targets):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))",
                r"skip the layers|eval\(\) mode",
            ),
            "images as bytes": (
                depth()
                .replace("data.make_loader(images,", "data.make_loader(images * 255,")
                .replace("epochs=12", "epochs=1"),
                "skip the layers|a little longer",
            ),
        },
    ),
    Answers(
        "decide",
        right={
            "in another order": decide(),
            "spelled as its authors do": decide(memory="GoogLeNet"),
            "built step by step": decide().replace("return {", "found = {")
            + "\n    return dict(sorted(found.items()))",
        },
        wrong={
            "overfits": (decide(sick="overfitting"), "sick"),
            "too few units": (decide(sick="too few units"), "sick"),
            "skips are always better": (decide(forty="skip"), "forty"),
            "neither of both": (decide(forty="both"), "init scaled, without"),
            "the better mean": (decide(blocks="skip"), "blocks"),
            "what ResNets use": (decide(blocks="blocks"), "blocks"),
            "always batch norm": (decide(two="batch norm"), "two"),
            "no norm": (decide(two="no norm"), "two"),
            "few activations only": (decide(memory="alexnet"), "memory"),
            "bits for bytes": (decide(memory="resnet18"), "memory"),
            "the newest": (decide(memory="densenet121"), "memory"),
            "four answers": (decide().replace('"two": "group norm"', '"three": "group norm"'), "the keys"),
            "a list": (
                'def decide():\n    return ["late start", "plain", "cannot tell", "group norm", "googlenet"]',
                "dict",
            ),
        },
    ),
]
