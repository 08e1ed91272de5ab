"""Right and wrong answers to exercise 6, and the hint that each wrong one must get."""

from tests.mutants import Answers

STEP = """
def logistic_gd_step(X, y, w, b, lr):
    {body}
"""

BATCHES = """
def minibatches(n, batch_size, generator, shuffle=True):
    order = torch.arange(n)
    if shuffle:
        {order}
    {starts}
    batches = []
    for start in starts:
        {batch}
        batches.append(batch)
    return batches
"""
BATCHES_RIGHT = {
    "order": "order = torch.randperm(n, generator=generator)",
    "starts": "starts = range(0, n, batch_size)",
    "batch": "batch = order[start : start + batch_size]",
}

SGD = """
class SGD:
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        self.params = {params}
        self.lr, self.mu, self.decay = lr, momentum, weight_decay
        self.v = [None] * 99

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            {missing}
            g = {gradient}
            self.v[i] = {velocity}
            {update}

    def zero_grad(self):
        for p in self.params:
            {clear}
"""
SGD_RIGHT = {
    "params": "list(params)",
    "missing": "if p.grad is None: continue",
    "gradient": "p.grad + self.decay * p",
    "velocity": "g.clone() if self.v[i] is None else self.mu * self.v[i] + g",
    "update": "p.sub_(self.lr * self.v[i])",
    "clear": "p.grad = None",
}

ADAM = """
class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, decoupled_weight_decay=0.0):
        self.params, self.lr, self.betas, self.eps = list(params), lr, betas, eps
        self.decay, self.t = decoupled_weight_decay, 0
        self.state = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.params]

    @torch.no_grad()
    def step(self):
        {count}
        b1, b2 = {betas}
        for i, p in enumerate(self.params):
            {missing}
            m, v = self.state[i]
            g = {gradient}
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * {square}
            self.state[i] = (m, v)
            {decay}
            p.sub_({update})

    def zero_grad(self):
        for p in self.params:
            {zero}
"""
ADAM_RIGHT = {
    "count": "self.t += 1",
    "missing": "if p.grad is None: continue",
    "zero": "p.grad = None",
    "betas": "self.betas",
    "gradient": "p.grad",
    "square": "g * g",
    "decay": "p.mul_(1 - self.lr * self.decay)",
    "update": "self.lr * (m / (1 - b1**self.t)) / ((v / (1 - b2**self.t)).sqrt() + self.eps)",
}

STABLE = """
def max_stable_lr(curvatures):
    return {limit}

def steps_to_tol(curvatures, start, lr, tol=1e-6, most=10_000):
    c, w = torch.tensor(curvatures, dtype=torch.float64), torch.tensor(start, dtype=torch.float64)
    for step in range({first}, most + 1):
        w = w - lr * c * w
        f = {f}
        if f < tol:
            return step
        {diverges}
    return {never}

def read_runs():
    return {runs}
"""
STABLE_RIGHT = {
    "limit": "2 / max(curvatures)",
    "first": "1",
    "f": "0.5 * (c * w * w).sum().item()",
    "diverges": "if not math.isfinite(f): return None",
    "never": "None",
    "runs": '["b", "d", "a", 1.0]',
}

COSINE = "def warmup_cosine(step, total, warmup, base):\n    {}\n"

RANGE = """
def lr_range_test(make_model, batches, low=1e-4, high=10.0):
    model = make_model()
    rates = [low * (high / low) ** (k / (len(batches) - 1)) for k in range(len(batches))]
    losses = []
    for lr, (inputs, targets) in zip(rates, batches):
        loss = F.cross_entropy(model(inputs), targets)
        losses.append(loss.item() if math.isfinite(loss.item()) else 1e9)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= lr * p.grad
    smooth = [sum(losses[max(0, k - 4): k + 1]) / len(losses[max(0, k - 4): k + 1]) for k in range(len(losses))]
    {end}
"""
BEST = "return rates[smooth.index(min(smooth))] / 3"

DIGITS = """
def train_digits(make_optimizer, train, epochs=15, seed=0):
    {seeds}
    model = models.MLP([64, 64, 10])
    optimizer = {optimizer}
    {before}
    for _ in range(epochs):
        {each}
        {order}
        for i in order.split(32):
            {clear}
            F.cross_entropy(model(train.images[i]{scale}), train.targets[i]).backward()
            optimizer.step()
    return model
"""
DIGITS_RIGHT = {
    "seeds": "torch.manual_seed(seed)",
    "optimizer": "make_optimizer(model.parameters())",
    "before": "pass",
    "each": "pass",
    "order": "order = torch.randperm(len(train.targets))",
    "clear": "optimizer.zero_grad()",
    "scale": " / 255",
}


def step(body):
    return STEP.format(body=body)


def batches(**changes):
    return BATCHES.format(**(BATCHES_RIGHT | changes))


def sgd(**changes):
    return SGD.format(**(SGD_RIGHT | changes))


def adam(**changes):
    return ADAM.format(**(ADAM_RIGHT | changes))


def stable(**changes):
    return STABLE.format(**(STABLE_RIGHT | changes))


def digits(**changes):
    return DIGITS.format(**(DIGITS_RIGHT | changes))


ANSWERS = [
    Answers(
        "logistic-gd-step",
        right={
            "vectorised": step(
                "e = torch.sigmoid(X @ w + b) - y\n    return w - lr * (e[:, None] * X).mean(0), b - lr * e.mean()"
            ),
            "autograd": step(
                "w, b = w.detach().clone().requires_grad_(), torch.as_tensor(b).detach().clone().requires_grad_()\n"
                "    F.binary_cross_entropy_with_logits(X @ w + b, y).backward()\n"
                "    return (w - lr * w.grad).detach(), (b - lr * b.grad).detach()"
            ),
        },
        wrong={
            "prediction without b": (
                step("e = torch.sigmoid(X @ w) - y\n    return w - lr * (e @ X) / len(y), b - lr * e.mean()"),
                "b is missing",
            ),
            "returns in the loop": (
                step(
                    "for x, t in zip(X, y):\n        e = torch.sigmoid(w @ x + b) - t\n"
                    "        return w - lr * e * x / len(y), b - lr * e / len(y)"
                ),
                "stands after the loop",
            ),
            "only y_hat": (
                step("e = torch.sigmoid(X @ w + b)\n    return w - lr * (e @ X) / len(y), b - lr * e.mean()"),
                "error",
            ),
            "error with the wrong sign": (
                step("e = y - torch.sigmoid(X @ w + b)\n    return w - lr * (e @ X) / len(y), b - lr * e.mean()"),
                "error",
            ),
            "online instead of all points": (
                step(
                    "for x, t in zip(X, y):\n        e = torch.sigmoid(w @ x + b) - t\n"
                    "        w, b = w - lr * e * x / len(y), b - lr * e / len(y)\n    return w, b"
                ),
                "error|before w changes",
            ),
            "in place": (
                step(
                    "e = torch.sigmoid(X @ w + b) - y\n    w -= lr * (e @ X) / len(y)\n    b -= lr * e.mean()\n    return w, b"
                ),
                "in place",
            ),
            "sum instead of mean": (
                step("e = torch.sigmoid(X @ w + b) - y\n    return w - lr * (e @ X), b - lr * e.sum()"),
                "error|mean",
            ),
            "mends the error only": (
                step(
                    "n = len(y)\n    for x, t in zip(X, y):\n        e = torch.sigmoid(w @ x + b) - t\n"
                    "        for i in range(len(w)):\n            w[i] -= lr * e * x[i] / n\n"
                    "            b = b - lr * e / n\n    return w, b"
                ),
                "in place",
            ),
            "bias once per weight": (
                step(
                    "e = torch.sigmoid(X @ w + b) - y\n    return w - lr * (e @ X) / len(y), b - len(w) * lr * e.mean()"
                ),
                "once per point",
            ),
        },
    ),
    Answers(
        "minibatches",
        right={
            "generator function": """
def minibatches(n, batch_size, generator, shuffle=True):
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for start in range(0, n, batch_size):
        yield order[start:start + batch_size]
""",
            "blanks": batches(),
            "blanks with other words": batches(
                order="order = order[torch.randperm(n, generator=generator)]",
                starts="starts = [k * batch_size for k in range(-(-n // batch_size))]",
                batch="batch = order[start : min(start + batch_size, n)]",
            ),
            "sort random keys": """
def minibatches(n, batch_size, generator, shuffle=True):
    keys = torch.rand(n, generator=generator)
    order = keys.argsort() if shuffle else torch.arange(n)
    return [order[i:i + batch_size] for i in range(0, n, batch_size)]
""",
        },
        wrong={
            "blank 1 still open": (batches(order="..."), "blank 1 gives `order` a new order"),
            "blank 1 without the generator": (batches(order="order = torch.randperm(n)"), "equally seeded"),
            "blank 1 seeds torch": (
                batches(
                    order="torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))\n"
                    "        order = torch.randperm(n)"
                ),
                "torch's own random numbers",
            ),
            "blank 1 draws with replacement": (
                batches(order="order = torch.randint(n, (n,), generator=generator)"),
                "every index once",
            ),
            "blank 1 with a generator of its own": (
                batches(order="order = torch.randperm(n, generator=torch.Generator().manual_seed(0))"),
                "new order",
            ),
            "blank 2 without the last": (
                batches(starts="starts = range(0, n - batch_size + 1, batch_size)"),
                "last one is shorter",
            ),
            "blank 2 with an empty one": (batches(starts="starts = range(0, n + 1, batch_size)"), "empty one"),
            "blank 2 numbers the batches": (
                batches(starts="starts = range(-(-n // batch_size))"),
                "repeats all but one index",
            ),
            "blank 2 starts everywhere": (batches(starts="starts = range(n)"), "repeats all but one index"),
            "blank 3 ends at batch_size": (batches(batch="batch = order[start:batch_size]"), "ends at place 8"),
            "blank 3 one short": (
                batches(batch="batch = order[start : start + batch_size - 1]"),
                "ends before its second number",
            ),
            "blank 3 to the end": (batches(batch="batch = order[start:]"), "not with the last index"),
            "blank 3 without the order": (
                batches(batch="batch = torch.arange(start, min(start + batch_size, n))"),
                "blank 3 cuts `order`",
            ),
            "blank 3 past the end": (
                batches(batch="batch = torch.arange(start, start + batch_size)"),
                "past the last index",
            ),
            "equal parts": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)\n"
                "    return list(order.chunk(-(-n // batch_size)))\n",
                "`chunk` makes equal parts",
            ),
            "drops the last if it does not shuffle": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    if shuffle:\n"
                "        return list(torch.randperm(n, generator=generator).split(batch_size))\n"
                "    return list(torch.arange(n)[: n // batch_size * batch_size].split(batch_size))\n",
                "without shuffling too",
            ),
            "no batch for few samples": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)\n"
                "    return [b for b in order.split(batch_size) if len(b) == batch_size or n > batch_size]\n",
                "one short batch",
            ),
            "drops the last": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)\n"
                "    return [order[i:i + batch_size] for i in range(0, n - batch_size + 1, batch_size)]\n",
                "last batch",
            ),
            "never shuffles": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n    return list(torch.arange(n).split(batch_size))\n",
                "new order",
            ),
            "always shuffles": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    return list(torch.randperm(n, generator=generator).split(batch_size))\n",
                "keeps the order",
            ),
            "ignores generator and shuffle": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    return list(torch.randperm(n).split(batch_size))\n",
                "equally seeded",
            ),
            "ignores the generator": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    return list((torch.randperm(n) if shuffle else torch.arange(n)).split(batch_size))\n",
                "equally seeded",
            ),
            "same order every epoch": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    g = torch.Generator().manual_seed(generator.initial_seed())\n"
                "    return list((torch.randperm(n, generator=g) if shuffle else torch.arange(n)).split(batch_size))\n",
                "new order",
            ),
            "an empty batch at the end": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)\n"
                "    return [order[i * batch_size:(i + 1) * batch_size] for i in range(n // batch_size + 1)]\n",
                "empty one",
            ),
            "mixes the batches only": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    batches = list(torch.arange(n).split(batch_size))\n    if shuffle:\n"
                "        first = torch.randperm(n // batch_size, generator=generator).tolist()\n"
                "        batches = [batches[i] for i in first] + batches[n // batch_size:]\n"
                "    return batches\n",
                "same members",
            ),
            "mixes all batches, the short one too": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    batches = list(torch.arange(n).split(batch_size))\n"
                "    order = torch.randperm(len(batches), generator=generator) if shuffle else range(len(batches))\n"
                "    return [batches[i] for i in order]\n",
                "have changed places|same members",
            ),
            "mixes within each batch": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    batches = torch.arange(n).split(batch_size)\n"
                "    return [b[torch.randperm(len(b), generator=generator)] if shuffle else b for b in batches]\n",
                "same members",
            ),
            "turns the order": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    shift = int(torch.randint(1, n, (), generator=generator)) if shuffle else 0\n"
                "    return list(torch.arange(n).roll(shift).split(batch_size))\n",
                "a shift keeps",
            ),
            "turns a mixed order": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    mixed = torch.randperm(n, generator=torch.Generator().manual_seed(0))\n"
                "    shift = int(torch.randint(1, n, (), generator=generator))\n"
                "    return list((mixed.roll(shift) if shuffle else torch.arange(n)).split(batch_size))\n",
                "not a shift",
            ),
            "draws with replacement": (
                "def minibatches(n, batch_size, generator, shuffle=True):\n"
                "    order = torch.randint(0, n, (n,), generator=generator) if shuffle else torch.arange(n)\n"
                "    return list(order.split(batch_size))\n",
                "every index once",
            ),
        },
    ),
    Answers(
        "sgd",
        right={
            "list of buffers": sgd(),
            "in place": sgd(velocity="g.clone() if self.v[i] is None else self.v[i].mul_(self.mu).add_(g)"),
            "adds the decay to a copy": sgd(gradient="p.grad.clone(); g += self.decay * p"),
        },
        wrong={
            "no momentum": (sgd(velocity="g.clone()"), "v is 1, then 1.9"),
            "an average": (
                sgd(velocity="(1 - self.mu) * g if self.v[i] is None else self.mu * self.v[i] + (1 - self.mu) * g"),
                "v is 1, then 1.9",
            ),
            "uphill": (sgd(update="p.add_(self.lr * self.v[i])"), "moves by -lr"),
            "binds a new name": (sgd(update="p = p - self.lr * self.v[i]"), "binds a new name"),
            "one v for all": (
                sgd(velocity="0")
                .replace(
                    "self.v[i] = 0",
                    "self.v[0] = g.clone() if self.v[0] is None or self.v[0].shape != g.shape else self.mu * self.v[0] + g",
                )
                .replace("self.v[i])", "self.v[0])"),
                "one v for each",
            ),
            "no weight decay": (sgd(gradient="p.grad"), "weight decay adds"),
            "decoupled decay": (
                sgd(gradient="p.grad", update="p.mul_(1 - self.lr * self.decay).sub_(self.lr * self.v[i])"),
                "weight decay adds",
            ),
            "consumes the generator": (sgd(params="params"), "generator"),
            "stumbles over None": (sgd(missing="pass"), "raised"),
            "ends at None": (sgd(missing="if p.grad is None: return"), "not `return`|`return` ends the step"),
            "zeros for None": (
                sgd(missing="pass", gradient="(0 if p.grad is None else p.grad) + self.decay * p"),
                "left alone",
            ),
            "decay into the gradient": (sgd(gradient="p.grad; g += self.decay * p"), "write `g = p.grad"),
            "velocity is the gradient": (
                sgd(
                    gradient="p.grad if self.decay == 0 else p.grad + self.decay * p",
                    velocity="g if self.v[i] is None else self.v[i].mul_(self.mu).add_(g)",
                ),
                "start with a copy",
            ),
            "counts only those with a gradient": (
                sgd().replace("enumerate(self.params)", "enumerate([p for p in self.params if p.grad is not None])"),
                "keeps its own v",
            ),
            "zero_grad forgets v": (
                sgd().replace("def zero_grad(self):", "def zero_grad(self):\n        self.v = [None] * 99"),
                "gradients only, not v",
            ),
            "step clears the gradients": (
                sgd(update="p.sub_(self.lr * self.v[i]); p.grad = None"),
                "work of zero_grad",
            ),
            "uses the generator up": (
                sgd(params="params").replace("self.v = [None] * 99", "self.v = [None for p in params]"),
                "used up before the first step",
            ),
            "zeros instead of None": (sgd(clear="p.grad = torch.zeros_like(p)"), "to None"),
        },
    ),
    Answers(
        "adam",
        right={
            "new tensors": adam(),
            "folded corrections": adam(
                update="self.lr * (1 - b2**self.t) ** 0.5 / (1 - b1**self.t) * m / (v.sqrt() + self.eps * (1 - b2**self.t) ** 0.5)"
            ),
        },
        wrong={
            "counts parameters": (
                adam(count="pass", missing="if p.grad is None: continue\n            self.t += 1"),
                "t counts steps, not parameters",
            ),
            "counts all parameters": (
                adam(count="pass", missing="self.t += 1\n            if p.grad is None: continue"),
                "t counts steps, not parameters",
            ),
            "decays without a gradient": (
                adam(missing="p.mul_(1 - self.lr * self.decay)\n            if p.grad is None: continue", decay="pass"),
                "decay included",
            ),
            "ends at None": (adam(missing="if p.grad is None: return"), "`return` ends the step"),
            "stumbles over None": (adam(missing="pass"), "raised"),
            "no bias correction": (adam(update="self.lr * m / (v.sqrt() + self.eps)"), "no bias correction yet"),
            "binds a new name": (
                adam().replace("p.sub_(", "p = p - (").replace("p.mul_(1", "p = p * (1"),
                "binds a new name",
            ),
            "counts nothing": (adam(count="self.t = 1"), "number of the step"),
            "stores nothing": (
                adam().replace("self.state[i] = (m, v)", "pass"),
                "keep m and s",
            ),
            "consumes the generator": (
                adam()
                .replace("list(params), lr", "params, lr")
                .replace("for p in self.params]", "for p in [torch.zeros(())] * 9]"),
                "read once",
            ),
            "uses the generator up": (
                adam().replace("list(params), lr", "params, lr"),
                "used up before the first step",
            ),
            "counts only those with a gradient": (
                adam().replace("enumerate(self.params)", "enumerate([p for p in self.params if p.grad is not None])"),
                "keeps its own m and s",
            ),
            "zero_grad starts anew": (
                adam().replace("def zero_grad(self):", "def zero_grad(self):\n        self.t = 0"),
                "zero_grad clears gradients only",
            ),
            "one s for all entries": (adam(square="(g * g).mean()"), "each entry has an s of its own"),
            "squares the gradient itself": (adam(square="g.pow_(2)"), "no `pow_`"),
            "uphill": (adam().replace("p.sub_(", "p.add_("), "uphill"),
            "no root": (
                adam(update="self.lr * (m / (1 - b1**self.t)) / (v / (1 - b2**self.t) + self.eps)"),
                "by the root of s",
            ),
            "fixed betas": (adam(betas="(0.9, 0.999)"), "use betas and eps"),
            "eps inside the root": (
                adam(update="self.lr * (m / (1 - b1**self.t)) / (v / (1 - b2**self.t) + self.eps).sqrt()"),
                "not inside it",
            ),
            "coupled decay": (adam(gradient="p.grad + self.decay * p", decay="pass"), "AdamW"),
            "forgets the decay": (adam(decay="pass"), "AdamW"),
            "first moment only": (
                adam(update="self.lr * (m / (1 - b1**self.t))"),
                "the root of the mean of their squares",
            ),
            "keeps the gradients": (adam(zero="pass"), "zero_grad sets"),
            "no square": (adam(square="g.abs()"), "size lr|bias correction"),
        },
    ),
    Answers(
        "stable-lr",
        right={
            "tensors": stable(),
            "sorted": stable(limit="2.0 / sorted(curvatures)[-1]", diverges="if f > 1e30: return None"),
            "the rate computed": stable(runs='["b", "d", "a", 0.1 / (1 - 0.9)]'),
        },
        wrong={
            "one over": (stable(limit="1 / max(curvatures)"), "2 divided"),
            "the flattest": (stable(limit="2 / min(curvatures)"), "largest curvature"),
            "the last one": (stable(limit="2 / curvatures[-1]"), "steepest direction"),
            "counts from zero": (stable(first="0"), "count the steps"),
            "without the half": (stable(f="(c * w * w).sum().item()"), "count the steps"),
            "squares without their curvature": (stable(f="0.5 * (w * w).sum().item()"), "counts with its curvature"),
            "looks before the step": (
                stable()
                .replace("        w = w - lr * c * w\n", "")
                .replace("return step\n", "return step\n        w = w - lr * c * w\n"),
                "look at f after each step",
            ),
            "ignores tol": (stable().replace("f < tol", "f < 1e-6"), "only its default"),
            "overflows": (
                stable()
                .replace("c, w = torch", "c, w = curvatures, list(start); _ = torch")
                .replace("w = w - lr * c * w", "w = [x - lr * k * x for k, x in zip(c, w)]")
                .replace("0.5 * (c * w * w).sum().item()", "0.5 * sum(k * x**2 for k, x in zip(c, w))"),
                "OverflowError",
            ),
            "changes the start": (
                stable()
                .replace("c, w = torch", "c, w = curvatures, start; _ = torch")
                .replace("w = w - lr * c * w", "w[:] = [x - lr * k * x for k, x in zip(c, w)]")
                .replace("0.5 * (c * w * w).sum().item()", "0.5 * sum(k * x * x for k, x in zip(c, w))"),
                "work on a copy",
            ),
            "another rate": (stable(runs='["b", "d", "a", 0.9]'), "move as far"),
            "capital letters": (stable(runs='["B", "D", "A", 1.0]'), "three of the letters"),
            "distance instead of f": (stable(f="w.norm().item()"), "count the steps"),
            "one step too few": (stable().replace("most + 1", "most"), "ends one step too early"),
            "one step too many": (stable().replace("most + 1", "most + 2"), "217 steps"),
            "gives the last step": (stable(never="most"), "None if|None, without"),
            "equal rates are a fair race": (stable(runs='["b", "d", "a", 0.1]'), "no fair race"),
            "momentum counts less": (stable(runs='["b", "d", "a", 0.01]'), "larger rate"),
            "slow is taken for too slow": (stable(runs='["c", "d", "a", 1.0]'), "run c still falls"),
            "noise is taken for too fast": (stable(runs='["b", "a", "c", 1.0]'), "loss grow"),
            "raises what diverges": (stable(runs='["d", "b", "a", 1.0]'), "smaller rate"),
        },
    ),
    Answers(
        "warmup-cosine",
        right={
            "clamped": COSINE.format(
                "if step < warmup:\n        return base * step / warmup\n"
                "    p = min(max((step - warmup) / max(1, total - warmup), 0), 1)\n"
                "    return base / 2 * (1 + math.cos(math.pi * p))"
            ),
            "squared cosine": COSINE.format(
                "if step < warmup:\n        return step * base / warmup\n    if step >= total:\n        return 0.0\n"
                "    return base * math.cos(0.5 * math.pi * (step - warmup) / (total - warmup)) ** 2"
            ),
        },
        wrong={
            "no warm-up": (
                COSINE.format("return base / 2 * (1 + math.cos(math.pi * min(1, step / total)))"),
                "linear from 0",
            ),
            "cosine up": (
                COSINE.format(
                    "if step < warmup:\n        return base / 2 * (1 - math.cos(math.pi * step / warmup))\n"
                    "    return base / 2 * (1 + math.cos(math.pi * min(1, (step - warmup) / (total - warmup))))"
                ),
                "rises in a straight line",
            ),
            "linear fall": (
                COSINE.format(
                    "if step < warmup:\n        return base * step / warmup\n"
                    "    return base * max(0.0, 1 - (step - warmup) / (total - warmup))"
                ),
                "half a cosine",
            ),
            "rises again": (
                COSINE.format(
                    "if step < warmup:\n        return base * step / warmup\n"
                    "    return base / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))"
                ),
                "never rises again",
            ),
            "cosine over all steps": (
                COSINE.format(
                    "if step < warmup:\n        return base * step / warmup\n"
                    "    return base / 2 * (1 + math.cos(math.pi * min(1, step / total)))"
                ),
                "linear from 0|halfway|half a cosine",
            ),
            "divides by zero": (
                COSINE.format(
                    "p = min(1, max(0, (step - warmup) / (total - warmup)))\n"
                    "    return base * min(1, step / warmup) / 2 * (1 + math.cos(math.pi * p))"
                ),
                "raised|without warm-up",
            ),
            "starts one step early": (
                COSINE.format(
                    "if step < warmup:\n        return base * (step + 1) / warmup\n"
                    "    return base / 2 * (1 + math.cos(math.pi * min(1, (step - warmup) / (total - warmup))))"
                ),
                "linear from 0",
            ),
        },
    ),
    Answers(
        "lr-range-test",
        right={
            "running mean": RANGE.format(end=BEST),
            "a little lower": RANGE.format(end="return rates[smooth.index(min(smooth))] / 6"),
            "the chapter's tenth": RANGE.format(end="return rates[losses.index(min(losses))] / 10"),
            "half of it": RANGE.format(end="return rates[losses.index(min(losses))] / 2"),
        },
        wrong={
            "the rate with the lowest loss": (
                RANGE.format(end="return rates[losses.index(min(losses))]"),
                "suggest a third",
            ),
            "the lowest running mean": (RANGE.format(end="return rates[smooth.index(min(smooth))]"), "suggest a third"),
            "twice the edge": (RANGE.format(end="return 2 * rates[losses.index(min(losses))]"), "suggest a third"),
            "a mean that begins at 0": (
                RANGE.format(
                    end="smooth, mean = [], 0.0\n    for loss in losses:\n        mean = 0.95 * mean + 0.05 * loss\n"
                    "        smooth.append(mean)\n    " + BEST
                ),
                "begin it at the first loss",
            ),
            "the rate never rises": (
                RANGE.format(end=BEST).replace("p -= lr * p.grad", "p -= low * p.grad"),
                "the rate stays the same",
            ),
            "linear rates": (
                RANGE.format(end=BEST).replace(
                    "low * (high / low) ** (k / (len(batches) - 1))", "low + (high - low) * k / (len(batches) - 1)"
                ),
                "constant factor",
            ),
            "momentum": (
                RANGE.format(end=BEST)
                .replace("    losses = []", "    losses, v = [], {}", 1)
                .replace("p -= lr * p.grad", "v[p] = 0.9 * v.get(p, 0.0) + p.grad\n                p -= lr * v[p]"),
                "momentum: the test",
            ),
            "a fresh model for each rate": (
                RANGE.format(end=BEST).replace(
                    "        loss = F.cross", "        model = make_model()\n        loss = F.cross"
                ),
                "one model from batch to batch",
            ),
            "nan is the lowest": (
                RANGE.format(end="return rates[torch.tensor(losses).argmin()] / 3").replace(
                    "loss.item() if math.isfinite(loss.item()) else 1e9", "loss.item()"
                ),
                "becomes nan",
            ),
            "uphill": (
                RANGE.format(end=BEST).replace("p -= lr * p.grad", "p += lr * p.grad"),
                "does the loss fall",
            ),
            "never clears": (RANGE.format(end=BEST).replace("        model.zero_grad()\n", ""), "clear them"),
            "linear rates, never clears": (
                RANGE.format(end=BEST)
                .replace(
                    "low * (high / low) ** (k / (len(batches) - 1))", "low + (high - low) * k / (len(batches) - 1)"
                )
                .replace("        model.zero_grad()\n", ""),
                "constant factor",
            ),
            "always the same": (
                "def lr_range_test(make_model, batches, low=1e-4, high=10.0):\n    return 0.1\n",
                "follow the loss",
            ),
            "the largest": (RANGE.format(end="return high"), "rates around|one number|lowest"),
            "the smallest": (RANGE.format(end="return low"), "very first rate"),
            "the loss itself": (RANGE.format(end="return min(smooth) * 1e-4"), "third of the rate"),
            "a list": (RANGE.format(end="return rates"), "one number"),
            "trains the original": (
                RANGE.format(end=BEST).replace(
                    "model = make_model()",
                    "model = make_model()\n    for cell in (make_model.__closure__ or ()):\n        pass\n    model = globals().get('kept', model)",
                ),
                "make_model|follow the loss",
            ),
        },
    ),
    Answers(
        "own-optimizer",
        right={
            "permutation": digits(),
            "course loader": """
def train_digits(make_optimizer, train, epochs=15, seed=0):
    torch.manual_seed(seed)
    model = models.MLP([64, 64, 10])
    optimizer = make_optimizer(model.parameters())
    loader = data.make_loader(*train, batch_size=32, shuffle=True, seed=seed)
    for _ in range(epochs):
        for images, targets in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), targets).backward()
            optimizer.step()
    return model
""",
        },
        wrong={
            "a new optimizer in each epoch": (
                digits(each="optimizer = make_optimizer(model.parameters())", optimizer="None"),
                "once, before the epochs",
            ),
            "a loader with its own seed": (
                """
def train_digits(make_optimizer, train, epochs=15, seed=0):
    torch.manual_seed(seed)
    model = models.MLP([64, 64, 10])
    optimizer = make_optimizer(model.parameters())
    loader = data.make_loader(*train, batch_size=32, shuffle=True)
    for _ in range(epochs):
        for images, targets in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), targets).backward()
            optimizer.step()
    return model
""",
                "pass `seed=seed`",
            ),
            "mixes the batches only": (
                digits(
                    before="batches = torch.randperm(len(train.targets)).split(32)",
                    order="order = torch.cat([batches[k] for k in torch.randperm(len(batches) - 1)] + [batches[-1]])",
                ),
                "same members",
            ),
            "draws with replacement": (
                digits(order="order = torch.randint(len(train.targets), (len(train.targets),))"),
                "draw a permutation",
            ),
            "batches of 64": (digits().replace("split(32)", "split(64)"), "batches of 32"),
            "another network": (digits().replace("[64, 64, 10]", "[64, 32, 10]"), "4,810 weights"),
            "the last layer only": (
                digits(optimizer="make_optimizer(list(model.parameters())[-2:])"),
                "gets all of them",
            ),
            "15 epochs always": (digits().replace("range(epochs)", "range(15)"), "only its default"),
            "scales twice": (
                """
def train_digits(make_optimizer, train, epochs=15, seed=0):
    torch.manual_seed(seed)
    model = models.MLP([64, 64, 10])
    optimizer = make_optimizer(model.parameters())
    loader = data.make_loader(*train, batch_size=32, shuffle=True, seed=seed)
    for _ in range(epochs):
        for images, targets in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images / 255), targets).backward()
            optimizer.step()
    return model
""",
                "once|70 %",
            ),
            "seed 0 for all": (digits(seeds="torch.manual_seed(0)"), "another seed begins"),
            "no seed": (digits(seeds="pass"), "before the model is made"),
            "seeds after the model": (
                digits(seeds="pass", before="torch.manual_seed(seed)"),
                "before the model is made",
            ),
            "order without the seed": (
                digits(order="torch.seed(); order = torch.randperm(len(train.targets))"),
                "must fix the order",
            ),
            "own choice of optimizer": (digits(optimizer="torch.optim.Adam(model.parameters(), lr=1e-2)"), "handed in"),
            "never clears": (digits(clear="pass"), "all five steps|one zero_grad|pass 90"),
            "one order for all epochs": (
                digits(before="order = torch.randperm(len(train.targets))", order="pass"),
                "a new one in every epoch",
            ),
            "one epoch": (digits().replace("range(epochs)", "range(1)"), "for each of|all five|pass 90"),
            "does not scale": (digits(scale=".float()"), "images / 255|pass 90"),
            "never steps": (digits().replace("            optimizer.step()\n", ""), "all five steps"),
            "returns nothing": (digits().replace("    return model\n", ""), "expected an answer"),
        },
    ),
]
