"""Right and wrong answers to exercise 4, and the hint that each wrong one must get."""

from tests.mutants import Answers

FUNCTIONS_RIGHT = {
    "sigmoid": "torch.exp(-F.softplus(-z))",
    "relu": "torch.where(z > 0, z, torch.zeros_like(z))",
    "leaky": "torch.relu(z) - slope * torch.relu(-z)",
    "elu": "torch.relu(z) + alpha * (torch.exp(torch.clamp(z, max=0)) - 1)",
}


def functions(**changes):
    parts = FUNCTIONS_RIGHT | changes
    return (
        f"def sigmoid(z):\n    return {parts['sigmoid']}\n\n"
        f"def relu(z):\n    return {parts['relu']}\n\n"
        f"def leaky_relu(z, slope=0.01):\n    return {parts['leaky']}\n\n"
        f"def elu(z, alpha=1.0):\n    return {parts['elu']}\n"
    )


def blanks(below="slope * z", low="z.clamp(max=0)", elu_below="alpha * torch.expm1(low)"):
    """The answer cell of task 1 with these three blanks."""
    return (
        "def sigmoid(z):\n    return 0.5 * (1 + torch.tanh(z / 2))\n\n"
        "def relu(z):\n    return z.clamp(min=0)\n\n"
        f"def leaky_relu(z, slope=0.01):\n    below = {below}\n    return torch.where(z > 0, z, below)\n\n"
        f"def elu(z, alpha=1.0):\n    low = {low}\n    below = {elu_below}\n    return torch.where(z > 0, z, below)"
    )


SLOPES_RIGHT = {
    "sigmoid": "torch.sigmoid(z) * torch.sigmoid(-z)",
    "relu": "torch.where(z > 0, 1.0, 0.0)",
    "leaky": "torch.where(z > 0, 1.0, slope)",
    "elu": "torch.where(z > 0, torch.ones_like(z), alpha * torch.exp(torch.clamp(z, max=0)))",
}


def slopes(**changes):
    parts = SLOPES_RIGHT | changes
    return (
        f"def d_sigmoid(z):\n    return {parts['sigmoid']}\n\n"
        f"def d_relu(z):\n    return {parts['relu']}\n\n"
        f"def d_leaky_relu(z, slope=0.01):\n    return {parts['leaky']}\n\n"
        f"def d_elu(z, alpha=1.0):\n    return {parts['elu']}\n"
    )


MAXOUT_RIGHT = {
    "weight": "nn.Parameter(torch.rand(k, n_out, n_in) - 0.5)",
    "bias": "nn.Parameter(torch.zeros(k, n_out))",
    "out": "torch.stack([F.linear(x, w, b) for w, b in zip(self.weight, self.bias)]).max(dim=0).values",
}


def maxout(**changes):
    parts = MAXOUT_RIGHT | changes
    return (
        "class Maxout(nn.Module):\n    def __init__(self, n_in, n_out, k=2):\n        super().__init__()\n"
        f"        self.weight = {parts['weight']}\n        self.bias = {parts['bias']}\n\n"
        f"    def forward(self, x):\n        return {parts['out']}\n"
    )


def collapse(
    weight="linear2.weight @ linear1.weight", bias="b", one="nn.Linear(n, m)", first="linear1.bias", second="0"
):
    return f"""
def collapse(linear1, linear2):
    n, m = linear1.in_features, linear2.out_features
    one = {one}
    with torch.no_grad():
        b = torch.zeros(m)
        if {first} is not None:
            b = b + linear2.weight @ linear1.bias
        if linear2.bias is not None or {second}:
            b = b + linear2.bias
        one.weight.copy_({weight})
        one.bias.copy_({bias})
    return one
"""


DEAD_RIGHT = {
    "which": "isinstance(m, nn.ReLU)",
    "among": "model.modules()",
    "test": "(o <= 0).all(dim=0)",
    "share": "sum(d.sum().item() for d in dead) / sum(d.numel() for d in dead)",
    "end": "for h in hooks:\n        h.remove()",
}


def dead(**changes):
    parts = DEAD_RIGHT | changes
    return f"""
def dead_fraction(model, x):
    seen = []

    def look(module, given, output):
        seen.append(output.detach())

    hooks = [m.register_forward_hook(look) for m in {parts["among"]} if {parts["which"]}]
    model(x)
    {parts["end"]}
    dead = [{parts["test"]} for o in seen]
    return {parts["share"]}
"""


HE_RIGHT = {
    "among": "model.modules()",
    "weight": "m.weight.normal_(0, (2 / m.weight.shape[1]) ** 0.5)",
    "bias": "if m.bias is not None: m.bias.zero_()",
    "end": "return model",
}


def he(**changes):
    parts = HE_RIGHT | changes
    return f"""
def he_init_(model):
    import copy
    with torch.no_grad():
        for m in {parts["among"]}:
            if isinstance(m, nn.Linear):
                {parts["weight"]}
                {parts["bias"]}
    {parts["end"]}
"""


SPIRAL_RIGHT = {
    "between": "activation() if activation is not None else nn.Identity()",
    "hidden": "hidden",
    "optimizer": "torch.optim.Adam(model.parameters(), lr=lr, weight_decay=l2)",
    "steps": "500",
    "data": "data.spiral(seed=seed)",
    "end": "return model",
}


def spiral(**changes):
    parts = SPIRAL_RIGHT | changes
    return f"""
def train_spiral(hidden=50, activation=nn.ReLU, lr=0.02, l2=0.0, seed=0):
    torch.manual_seed(seed)
    X, y = {parts["data"]}
    h = {parts["hidden"]}
    model = nn.Sequential(nn.Linear(2, h), {parts["between"]}, nn.Linear(h, 3))
    optimizer = {parts["optimizer"]}
    for _ in range({parts["steps"]}):
        optimizer.zero_grad()
        F.cross_entropy(model(X), y).backward()
        optimizer.step()
    {parts["end"]}
"""


ANSWERS = [
    Answers(
        "functions",
        right={
            "other formulas": functions(),
            "masks": functions(
                sigmoid="torch.where(z >= 0, 1 / (1 + torch.exp(-z.abs())), torch.exp(-z.abs()) / (1 + torch.exp(-z.abs())))",
                relu="z * (z > 0)",
                leaky="z * torch.where(z > 0, 1.0, slope)",
            ),
            "a sum of two clamped parts": (
                "def sigmoid(z):\n"
                "    return 1 / (1 + torch.exp(-z))\n"
                "\n"
                "def relu(z):\n"
                "    return z * (z > 0)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return z.clamp(min=0) + slope * z.clamp(max=0)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return z.clamp(min=0) + alpha * (torch.exp(z.clamp(max=0)) - 1)"
            ),
            "blanks without clamp": blanks(
                "z * slope", "torch.minimum(z, torch.zeros_like(z))", "alpha * (torch.exp(low) - 1)"
            ),
            "blanks with where": blanks("-slope * z.abs()", "torch.where(z < 0, z, 0.0)", "alpha * low.exp() - alpha"),
        },
        wrong={
            "the slope, not times z": (blanks(below="torch.full_like(z, slope)"), r"blank 1: below 0"),
            "the slope alone": (blanks(below="slope"), r"blank 1: below 0"),
            "slope of the limited z": (blanks(below="slope * z.clamp(min=0)"), r"default slope"),
            "the chapter's elu": (blanks(low="z"), r"nothing above 0"),
            "limits the result, not the input": (
                blanks(low="z", elu_below="(alpha * torch.expm1(low)).clamp(max=1000)"),
                r"nothing above 0",
            ),
            "limits only far away": (blanks(low="z.clamp(max=800)"), r"nothing above 0"),
            "keeps the upper half": (blanks(low="z.clamp(min=0)"), r"what is \*below\* 0"),
            "clamps in place": (blanks(low="z.clamp_(max=0)"), r"with an underscore"),
            "only the negative numbers": (blanks(low="z[z < 0]"), r"shorter than z"),
            "size without sign": (blanks(low="z.abs().clamp(max=1)"), r"the sign is lost"),
            "without the 1": (blanks(elu_below="alpha * torch.exp(low)"), r"subtract the 1"),
            "brackets forgotten": (blanks(elu_below="alpha * torch.exp(low) - 1"), r"in brackets"),
            "alpha forgotten": (blanks(elu_below="torch.exp(low) - 1"), r"argument alpha"),
            "NumPy's exponential": (
                "import numpy as np\n\n" + blanks(elu_below="alpha * np.expm1(low)"),
                "`torch.exp` for `np.exp`",
            ),
            "cut off from autograd": (
                blanks(low="z.detach().clamp(max=0)", elu_below="alpha * torch.expm1(low)"),
                r"no gradient comes back through",
            ),
            "sign of the exponent": (functions(sigmoid="1 / (1 + torch.exp(z))"), r"exp\(-z\)"),
            "overflows": (functions(sigmoid="torch.exp(z) / (1 + torch.exp(z))"), "overflows"),
            "elu by product": (functions(elu="z * (z > 0) + alpha * (torch.exp(z) - 1) * (z <= 0)"), "elu at"),
            "in place": (functions(relu="z.clamp_(min=0)"), "in place"),
            "slope of print": (functions(leaky="torch.maximum(0.1 * z, z)"), "default slope"),
            "fixed slope": (functions(leaky="torch.maximum(0.01 * z, z)"), "argument slope"),
            "fixed alpha": (functions(elu="torch.where(z > 0, z, torch.exp(z) - 1)"), "argument alpha"),
            "absolute value": (functions(relu="z.abs()"), "negative inputs"),
            "leaky_relu in place": (
                "def sigmoid(z):\n"
                "    return 0.5 * (1 + torch.tanh(z / 2))\n"
                "\n"
                "def relu(z):\n"
                "    return z * (z > 0)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    z[z < 0] *= slope\n"
                "    return z\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return torch.where(z > 0, z, alpha * torch.expm1(z.clamp(max=0)))",
                r"leaky_relu changed its input",
            ),
            "elu in place": (
                "def sigmoid(z):\n"
                "    return 0.5 * (1 + torch.tanh(z / 2))\n"
                "\n"
                "def relu(z):\n"
                "    return z * (z > 0)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, z, slope * z)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    low = z < 0\n"
                "    z[low] = alpha * (torch.exp(z[low]) - 1)\n"
                "    return z",
                r"elu changed its input|mismatch",
            ),
            "sigmoid in place": (
                "def sigmoid(z):\n"
                "    z /= 2\n"
                "    return 0.5 * (1 + torch.tanh(z))\n"
                "\n"
                "def relu(z):\n"
                "    return z * (z > 0)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, z, slope * z)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return torch.where(z > 0, z, alpha * torch.expm1(z.clamp(max=0)))",
                r"sigmoid changed its input",
            ),
            "elu as the larger": (
                "def sigmoid(z):\n"
                "    return 0.5 * (1 + torch.tanh(z / 2))\n"
                "\n"
                "def relu(z):\n"
                "    return z * (z > 0)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, z, slope * z)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return torch.maximum(z, alpha * torch.expm1(z.clamp(max=0)))",
                r"ask where z is above 0",
            ),
            "torch's sigmoid": (
                "def sigmoid(z):\n"
                "    return torch.sigmoid(z)\n"
                "\n"
                "def relu(z):\n"
                "    return z * (z > 0)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, z, slope * z)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return torch.where(z > 0, z, alpha * torch.expm1(z.clamp(max=0)))",
                r"not allowed",
            ),
            "torch's elu": (
                "def sigmoid(z):\n"
                "    return 0.5 * (1 + torch.tanh(z / 2))\n"
                "\n"
                "def relu(z):\n"
                "    return z * (z > 0)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return F.leaky_relu(z, slope)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return F.elu(z, alpha)",
                r"not allowed",
            ),
            "torch's relu": (
                "def sigmoid(z):\n"
                "    return 0.5 * (1 + torch.tanh(z / 2))\n"
                "\n"
                "def relu(z):\n"
                "    return nn.ReLU()(z)\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, z, slope * z)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return torch.where(z > 0, z, alpha * torch.expm1(z.clamp(max=0)))",
                r"not allowed",
            ),
            "one axis only": (
                "def sigmoid(z):\n"
                "    return 0.5 * (1 + torch.tanh(z / 2))\n"
                "\n"
                "def relu(z):\n"
                "    return torch.stack([v if v > 0 else v * 0 for v in z])\n"
                "\n"
                "def leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, z, slope * z)\n"
                "\n"
                "def elu(z, alpha=1.0):\n"
                "    return torch.where(z > 0, z, alpha * torch.expm1(z.clamp(max=0)))",
                r"ambiguous",
            ),
        },
    ),
    Answers(
        "slopes",
        right={
            "where": slopes(),
            "powers": slopes(sigmoid="torch.sigmoid(z) - torch.sigmoid(z) ** 2", relu="(z > 0) * 1.0"),
            "by autograd": (
                "def d_sigmoid(z):\n"
                "    leaf = z.clone().requires_grad_()\n"
                "    torch.sigmoid(leaf).sum().backward()\n"
                "    return leaf.grad\n"
                "\n"
                "def d_relu(z):\n"
                "    return (z > 0).float()\n"
                "\n"
                "def d_leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, torch.ones_like(z), torch.full_like(z, slope))\n"
                "\n"
                "def d_elu(z, alpha=1.0):\n"
                "    return torch.where(z > 0, torch.ones_like(z), alpha * torch.exp(z.clamp(max=0)))"
            ),
        },
        wrong={
            "one fault left in sigmoid": (slopes(sigmoid="z * (1 - z)"), r"s\(1 - s\)"),
            "one fault left in relu": (slopes(relu="(z >= 0).float()"), "d_relu at 0"),
            "one fault left in elu": (slopes(elu="torch.where(z > 0, 1.0, alpha * torch.expm1(z))"), "d_elu"),
            "fixed slope": (slopes(leaky="torch.where(z > 0, 1.0, 0.01)"), "argument slope"),
            "fixed alpha": (slopes(elu="torch.where(z > 0, 1.0, torch.exp(z))"), "argument alpha"),
            "right side at zero": (slopes(leaky="torch.where(z >= 0, 1.0, slope)"), "d_leaky_relu at 0"),
            "elu has slope 1 at 0": (
                "def d_sigmoid(z):\n"
                "    s = 1 / (1 + torch.exp(-z))\n"
                "    return s * (1 - s)\n"
                "\n"
                "def d_relu(z):\n"
                "    return (z > 0).float()\n"
                "\n"
                "def d_leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, torch.ones_like(z), torch.full_like(z, slope))\n"
                "\n"
                "def d_elu(z, alpha=1.0):\n"
                "    return torch.where(z >= 0, torch.ones_like(z), alpha * torch.exp(z.clamp(max=0)))",
                r"d_elu at 0",
            ),
            "exp of 500": (
                "def d_sigmoid(z):\n"
                "    s = 1 / (1 + torch.exp(-z))\n"
                "    return s * (1 - s)\n"
                "\n"
                "def d_relu(z):\n"
                "    return (z > 0).float()\n"
                "\n"
                "def d_leaky_relu(z, slope=0.01):\n"
                "    return torch.where(z > 0, torch.ones_like(z), torch.full_like(z, slope))\n"
                "\n"
                "def d_elu(z, alpha=1.0):\n"
                "    m = (z > 0).float()\n"
                "    return m + (1 - m) * alpha * torch.exp(z)",
                r"limit the input of exp",
            ),
        },
    ),
    Answers(
        "maxout",
        right={
            "stack": maxout(),
            "einsum": maxout(out="(torch.einsum('bi,koi->kbo', x, self.weight) + self.bias.unsqueeze(1)).amax(0)"),
            "piece by piece": (
                "class Maxout(nn.Module):\n"
                "    def __init__(self, n_in, n_out, k=2):\n"
                "        super().__init__()\n"
                "        self.weight = nn.Parameter(torch.randn(k, n_out, n_in) / math.sqrt(n_in))\n"
                "        self.bias = nn.Parameter(torch.zeros(k, n_out))\n"
                "\n"
                "    def forward(self, x):\n"
                "        best = x @ self.weight[0].T + self.bias[0]\n"
                "        for w, b in zip(self.weight[1:], self.bias[1:]):\n"
                "            best = torch.maximum(best, F.linear(x, w, b))\n"
                "        return best"
            ),
        },
        wrong={
            "not registered": (maxout(weight="torch.randn(k, n_out, n_in)"), "register"),
            "sum of the pieces": (
                maxout(out="torch.stack([F.linear(x, w, b) for w, b in zip(self.weight, self.bias)]).sum(0)"),
                "largest of three",
            ),
            "without bias": (maxout(out="(x @ self.weight.mT).amax(0)"), "with its bias"),
            "turns all three axes": (maxout(out="(x @ self.weight.T + self.bias[:, None]).amax(0)"), r"W\.mT"),
            "no transpose": (maxout(out="(x @ self.weight + self.bias[:, None]).amax(0)"), r"W\.mT"),
            "the maximum and its places": (
                maxout(out="(x @ self.weight.mT + self.bias[:, None]).max(dim=0)"),
                r"pair of `\.values`",
            ),
            "two pieces only": (
                maxout(
                    out="torch.maximum(F.linear(x, self.weight[0], self.bias[0]), F.linear(x, self.weight[1], self.bias[1]))"
                ),
                "k = 3",
            ),
            "bias of the pieces on the rows": (
                maxout(out="(x @ self.weight.mT + self.bias).amax(0)"),
                "axis for the rows",
            ),
            "maximum over outputs": (
                maxout(out="torch.stack([F.linear(x, w, b) for w, b in zip(self.weight, self.bias)]).amax(-1)"),
                "over the k pieces",
            ),
            "first piece, all zeros": (
                maxout(
                    weight="nn.Parameter(torch.zeros(k, n_out, n_in))", out="F.linear(x, self.weight[0], self.bias[0])"
                ),
                "at random",
            ),
            "first piece": (maxout(out="F.linear(x, self.weight[0], self.bias[0])"), "first piece alone"),
            "no super().__init__()": (maxout().replace("super().__init__()", "pass"), r"super\(\).__init__\(\)"),
            "starts at zero": (maxout(weight="nn.Parameter(torch.zeros(k, n_out, n_in))"), "at random"),
            "numbers without their graph": (
                "class Maxout(nn.Module):\n"
                "    def __init__(self, n_in, n_out, k=2):\n"
                "        super().__init__()\n"
                "        self.weight = nn.Parameter(torch.randn(k, n_out, n_in) / math.sqrt(n_in))\n"
                "        self.bias = nn.Parameter(torch.zeros(k, n_out))\n"
                "\n"
                "    def forward(self, x):\n"
                "        return torch.stack([x @ w.T + b for w, b in zip(self.weight.data, self.bias.data)]).amax(0)",
                r"could not learn",
            ),
            "without gradients": (
                "class Maxout(nn.Module):\n"
                "    def __init__(self, n_in, n_out, k=2):\n"
                "        super().__init__()\n"
                "        self.weight = nn.Parameter(torch.randn(k, n_out, n_in) / math.sqrt(n_in))\n"
                "        self.bias = nn.Parameter(torch.zeros(k, n_out))\n"
                "\n"
                "    def forward(self, x):\n"
                "        with torch.no_grad():\n"
                "            return torch.stack([x @ w.T + b for w, b in zip(self.weight, self.bias)]).amax(0)",
                r"could not learn",
            ),
            "squeezed": (
                "class Maxout(nn.Module):\n"
                "    def __init__(self, n_in, n_out, k=2):\n"
                "        super().__init__()\n"
                "        self.weight = nn.Parameter(torch.randn(k, n_out, n_in) / math.sqrt(n_in))\n"
                "        self.bias = nn.Parameter(torch.zeros(k, n_out))\n"
                "\n"
                "    def forward(self, x):\n"
                "        return torch.stack([x @ w.T + b for w, b in zip(self.weight, self.bias)]).amax(0).squeeze()",
                r"also for one sample",
            ),
            "the largest in size": (
                "class Maxout(nn.Module):\n"
                "    def __init__(self, n_in, n_out, k=2):\n"
                "        super().__init__()\n"
                "        self.weight = nn.Parameter(torch.randn(k, n_out, n_in) / math.sqrt(n_in))\n"
                "        self.bias = nn.Parameter(torch.zeros(k, n_out))\n"
                "\n"
                "    def forward(self, x):\n"
                "        s = torch.stack([x @ w.T + b for w, b in zip(self.weight, self.bias)])\n"
                "        return s.gather(0, s.abs().argmax(0, keepdim=True))[0]",
                r"largest of three",
            ),
        },
    ),
    Answers(
        "collapse",
        right={
            "no grad": collapse(),
            "by probing": """
def collapse(linear1, linear2):
    n = linear1.in_features
    one = nn.Linear(n, linear2.out_features)
    with torch.no_grad():
        zero = linear2(linear1(torch.zeros(1, n)))
        one.bias.copy_(zero[0])
        one.weight.copy_((linear2(linear1(torch.eye(n))) - zero).T)
    return one
""",
            "asks the two layers": (
                "def collapse(linear1, linear2):\n"
                "    one = nn.Linear(linear1.in_features, linear2.out_features)\n"
                "    with torch.no_grad():\n"
                "        start = linear2(linear1(torch.zeros(1, linear1.in_features)))\n"
                "        one.bias.copy_(start[0])\n"
                "        one.weight.copy_((linear2(linear1(torch.eye(linear1.in_features))) - start).T)\n"
                "    return one"
            ),
            "no bias if there is none": (
                "def collapse(linear1, linear2):\n"
                "    b = linear1.bias is not None or linear2.bias is not None\n"
                "    one = nn.Linear(linear1.in_features, linear2.out_features, bias=b)\n"
                "    with torch.no_grad():\n"
                "        one.weight.copy_(linear2.weight @ linear1.weight)\n"
                "        if b:\n"
                "            total = torch.zeros(linear2.out_features)\n"
                "            if linear1.bias is not None:\n"
                "                total += linear2.weight @ linear1.bias\n"
                "            if linear2.bias is not None:\n"
                "                total += linear2.bias\n"
                "            one.bias.copy_(total)\n"
                "    return one"
            ),
        },
        wrong={
            "adds the biases": (collapse(bias="linear1.bias[:m] * 0 + linear2.bias"), "W2 b1"),
            "wrong order": (collapse(weight="(linear1.weight.T @ linear2.weight.T)"), "raised|W2 W1"),
            "keeps a random bias": (
                collapse(bias="b if linear1.bias is not None or linear2.bias is not None else one.bias"),
                "random bias",
            ),
            "stumbles over None": (collapse(second="True"), "raised"),
            "assigns a tensor": (
                """
def collapse(linear1, linear2):
    one = nn.Linear(linear1.in_features, linear2.out_features)
    one.weight = linear2.weight @ linear1.weight
    one.bias = linear2.weight @ linear1.bias + linear2.bias
    return one
""",
                r"copy_",
            ),
            "stack of two": (
                "def collapse(linear1, linear2):\n    return nn.Sequential(linear1, linear2)\n",
                "one nn.Linear",
            ),
            "shares the bias": (
                "def collapse(linear1, linear2):\n"
                "    one = nn.Linear(linear1.in_features, linear2.out_features)\n"
                "    with torch.no_grad():\n"
                "        one.weight.copy_(linear2.weight @ linear1.weight)\n"
                "        if linear1.bias is None and linear2.bias is not None:\n"
                "            one.bias = linear2.bias\n"
                "        else:\n"
                "            one.bias.zero_()\n"
                "            if linear1.bias is not None:\n"
                "                one.bias += linear2.weight @ linear1.bias\n"
                "            if linear2.bias is not None:\n"
                "                one.bias += linear2.bias\n"
                "    return one",
                r"share one bias",
            ),
            "gives a layer a bias": (
                "def collapse(linear1, linear2):\n"
                "    if linear1.bias is None:\n"
                "        linear1.bias = nn.Parameter(torch.zeros(linear1.out_features))\n"
                "    if linear2.bias is None:\n"
                "        linear2.bias = nn.Parameter(torch.zeros(linear2.out_features))\n"
                "    one = nn.Linear(linear1.in_features, linear2.out_features)\n"
                "    with torch.no_grad():\n"
                "        one.weight.copy_(linear2.weight @ linear1.weight)\n"
                "        one.bias.copy_(linear2.weight @ linear1.bias + linear2.bias)\n"
                "    return one",
                r"has got a bias",
            ),
        },
    ),
    Answers(
        "dead-fraction",
        right={
            "counts": dead(),
            "largest value": dead(
                test="o.amax(dim=0) == 0",
                share="torch.cat(dead).double().mean().item()",
                end="[h.remove() for h in hooks]",
            ),
        },
        wrong={
            "share of zeros": (dead(test="(o == 0).float().mean(dim=0)"), "for every row"),
            "any row": (dead(test="(o == 0).any(dim=0)"), "for every row"),
            "leaves its hooks": (dead(end="pass"), "remove the hooks"),
            "top level only": (dead(among="model"), "nested"),
            "last layer only": (dead(share="dead[-1].float().mean().item()"), "both over all units"),
            "mean of means": (
                dead(share="sum(d.float().mean().item() for d in dead) / len(dead)"),
                "both over all units",
            ),
            "looks at the linear layers": (dead(which="isinstance(m, nn.Linear)"), "after the ReLU layers"),
            "exactly two layers": (
                "def dead_fraction(model, x):\n"
                "    outputs = []\n"
                "    hooks = [\n"
                "        layer.register_forward_hook(lambda layer, given, output: outputs.append(output.detach().clone()))\n"
                "        for layer in model.modules()\n"
                "        if isinstance(layer, nn.ReLU)\n"
                "    ]\n"
                "    with torch.no_grad():\n"
                "        model(x)\n"
                "    for hook in hooks:\n"
                "        hook.remove()\n"
                "    a, b = outputs\n"
                "    d = (a == 0).all(0).sum() + (b == 0).all(0).sum()\n"
                "    return (d / (a.shape[1] + b.shape[1])).item()",
                r"ValueError",
            ),
            "the first two rows": (
                "def dead_fraction(model, x):\n"
                "    outputs = []\n"
                "    hooks = [\n"
                "        layer.register_forward_hook(lambda layer, given, output: outputs.append(output.detach().clone()))\n"
                "        for layer in model.modules()\n"
                "        if isinstance(layer, nn.ReLU)\n"
                "    ]\n"
                "    with torch.no_grad():\n"
                "        model(x)\n"
                "    for hook in hooks:\n"
                "        hook.remove()\n"
                "    return torch.cat([(o[0] == 0) & (o[1] == 0) for o in outputs]).float().mean().item()",
                r"rests for some rows",
            ),
            "first and last row": (
                "def dead_fraction(model, x):\n"
                "    outputs = []\n"
                "    hooks = [\n"
                "        layer.register_forward_hook(lambda layer, given, output: outputs.append(output.detach().clone()))\n"
                "        for layer in model.modules()\n"
                "        if isinstance(layer, nn.ReLU)\n"
                "    ]\n"
                "    with torch.no_grad():\n"
                "        model(x)\n"
                "    for hook in hooks:\n"
                "        hook.remove()\n"
                "    return torch.cat([(o[[0, -1]] == 0).all(0) for o in outputs]).float().mean().item()",
                r"rests for some rows",
            ),
            "six units": (
                "def dead_fraction(model, x):\n"
                "    outputs = []\n"
                "    hooks = [\n"
                "        layer.register_forward_hook(lambda layer, given, output: outputs.append(output.detach().clone()))\n"
                "        for layer in model.modules()\n"
                "        if isinstance(layer, nn.ReLU)\n"
                "    ]\n"
                "    with torch.no_grad():\n"
                "        model(x)\n"
                "    for hook in hooks:\n"
                "        hook.remove()\n"
                "    return sum((o == 0).all(0).sum().item() for o in outputs) / 6",
                r"one ReLU layer",
            ),
            "small is dead": (
                "def dead_fraction(model, x):\n"
                "    outputs = []\n"
                "    hooks = [\n"
                "        layer.register_forward_hook(lambda layer, given, output: outputs.append(output.detach().clone()))\n"
                "        for layer in model.modules()\n"
                "        if isinstance(layer, nn.ReLU)\n"
                "    ]\n"
                "    with torch.no_grad():\n"
                "        model(x)\n"
                "    for hook in hooks:\n"
                "        hook.remove()\n"
                "    return torch.cat([(o < 0.5).all(0) for o in outputs]).float().mean().item()",
                r"one of four units|rests for some",
            ),
        },
    ),
    Answers(
        "he-init",
        right={
            "in place": he(),
            "kaiming": he(weight="nn.init.kaiming_normal_(m.weight, nonlinearity='relu')"),
        },
        wrong={
            "without the two": (he(weight="m.weight.normal_(0, (1 / m.in_features) ** 0.5)"), "under the root"),
            "fan-out": (he(weight="m.weight.normal_(0, (2 / m.out_features) ** 0.5)"), "fan-in"),
            "uniform": (he(weight="nn.init.kaiming_uniform_(m.weight, nonlinearity='relu')"), "normal distribution"),
            "no root": (he(weight="m.weight.normal_(0, 2 / m.in_features)"), "under the root"),
            "top level only": (he(among="model"), "nested"),
            "keeps the biases": (he(bias="pass"), "biases are 0"),
            "a copy": (
                he(end="return copy.deepcopy(model)"),
                "same object",
            ),
            "returns nothing": (he(end="pass"), "expected an answer"),
            "stumbles over None": (he(bias="m.bias.zero_()"), "raised"),
            "constant, biases and nesting forgotten": (
                he(among="model", weight="m.weight.normal_(0, 0.1)", bias="pass"),
                "nested",
            ),
            "one number for all layers": (he(weight="m.weight.normal_(0, 0.1)"), "own fan-in"),
            "the bias of the first layer only": (
                "def he_init_(model):\n"
                "    for layer in model.modules():\n"
                "        if isinstance(layer, nn.Linear):\n"
                "            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_features))\n"
                "            if layer is model[0]:\n"
                "                nn.init.zeros_(layer.bias)\n"
                "    return model",
                r"biases of all layers|AttributeError|random",
            ),
            "a seed inside": (
                "def he_init_(model):\n"
                "    for layer in model.modules():\n"
                "        if isinstance(layer, nn.Linear):\n"
                "            torch.manual_seed(0)\n"
                "            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_features))\n"
                "            if layer.bias is not None:\n"
                "                nn.init.zeros_(layer.bias)\n"
                "    return model",
                r"no seed inside",
            ),
            "gives a layer a bias": (
                "def he_init_(model):\n"
                "    for layer in model.modules():\n"
                "        if isinstance(layer, nn.Linear):\n"
                "            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_features))\n"
                "            layer.bias = nn.Parameter(torch.zeros(layer.out_features))\n"
                "    return model",
                r"leave it without",
            ),
            "a mean that is not 0": (
                "def he_init_(model):\n"
                "    for layer in model.modules():\n"
                "        if isinstance(layer, nn.Linear):\n"
                "            s = math.sqrt(2 / layer.in_features)\n"
                "            nn.init.normal_(layer.weight, mean=s, std=s)\n"
                "            if layer.bias is not None:\n"
                "                nn.init.zeros_(layer.bias)\n"
                "    return model",
                r"with mean 0",
            ),
        },
    ),
    Answers(
        "diagnoses",
        right={
            "by name": 'DIAGNOSES = dict(E="learns", D="small", C="twins", B="dead", A="saturated")',
            "in pairs": 'DIAGNOSES = dict(zip("ABCDE", ["saturated", "dead", "twins", "small", "learns"]))',
        },
        wrong={
            "vanished gradients exchanged": (
                'DIAGNOSES = dict(zip("ABCDE", ["small", "dead", "twins", "saturated", "learns"]))',
                "which gradient vanishes alone",
            ),
            "dead and twins exchanged": (
                'DIAGNOSES = dict(zip("ABCDE", ["saturated", "twins", "dead", "small", "learns"]))',
                "alike and yet alive",
            ),
            "the saturated one learns": (
                'DIAGNOSES = dict(zip("ABCDE", ["learns", "dead", "twins", "small", "saturated"]))',
                "not all five fit",
            ),
            "the twins learn": (
                'DIAGNOSES = dict(zip("ABCDE", ["saturated", "dead", "learns", "small", "twins"]))',
                "not all five fit",
            ),
            "nothing wrong anywhere": ('DIAGNOSES = dict.fromkeys("ABCDE", "learns")', "occurs once"),
            "four of five": (
                'DIAGNOSES = {"A": "saturated", "B": "dead", "C": "twins", "D": "small"}',
                "five entries",
            ),
            "in words of one's own": (
                'DIAGNOSES = dict(zip("ABCDE", ["flat", "dead", "twins", "small", "learns"]))',
                "occurs once",
            ),
            "a list": ('DIAGNOSES = ["saturated", "dead", "twins", "small", "learns"]', "five entries"),
        },
    ),
    Answers(
        "train-spiral",
        right={
            "Adam": spiral(),
            "more steps": spiral(steps="600", between="*([activation()] if activation else [])"),
        },
        wrong={
            "too short": (spiral(steps="20"), "train longer"),
            "always ReLU": (spiral(between="nn.ReLU()"), "the class that `activation` names"),
            "never an activation": (spiral(between="nn.Identity()"), "train longer"),
            "ignores l2": (spiral(optimizer="torch.optim.Adam(model.parameters(), lr=lr)"), "weight_decay"),
            "ignores all arguments": (
                spiral(
                    between="nn.ReLU()",
                    hidden="50",
                    optimizer="torch.optim.Adam(model.parameters(), lr=0.02)",
                    data="data.spiral(seed=0)",
                ),
                "argument hidden",
            ),
            "ignores lr": (
                spiral(optimizer="torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=l2)", steps="600"),
                "argument lr",
            ),
            "a class, not a layer": (
                spiral(between="activation if activation is not None else nn.Identity()"),
                r"nn\.ReLU\(\)",
            ),
            "ignores hidden": (spiral(hidden="50"), "argument hidden"),
            "returns the logits": (spiral(end="return model(X)"), "trained model"),
            "data of seed 0": (
                "def train_spiral(hidden=50, activation=nn.ReLU, lr=0.02, l2=0.0, seed=0):\n"
                "    torch.manual_seed(seed)\n"
                "    X, y = data.spiral()\n"
                "    layers = [nn.Linear(2, hidden), nn.Linear(hidden, 3)]\n"
                "    if activation is not None:\n"
                "        layers.insert(1, activation())\n"
                "    model = nn.Sequential(*layers)\n"
                "    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=l2)\n"
                "    for _ in range(400):\n"
                "        loss = F.cross_entropy(model(X), y)\n"
                "        optimizer.zero_grad()\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    return model",
                r"data.spiral\(seed=7\)",
            ),
            "seed 0 throughout": (
                "def train_spiral(hidden=50, activation=nn.ReLU, lr=0.02, l2=0.0, seed=0):\n"
                "    torch.manual_seed(0)\n"
                "    X, y = data.spiral(seed=0)\n"
                "    layers = [nn.Linear(2, hidden), nn.Linear(hidden, 3)]\n"
                "    if activation is not None:\n"
                "        layers.insert(1, activation())\n"
                "    model = nn.Sequential(*layers)\n"
                "    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=l2)\n"
                "    for _ in range(400):\n"
                "        loss = F.cross_entropy(model(X), y)\n"
                "        optimizer.zero_grad()\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    return model",
                r"data.spiral\(seed=7\)",
            ),
            "ReLU for any activation": (
                "def train_spiral(hidden=50, activation=nn.ReLU, lr=0.02, l2=0.0, seed=0):\n"
                "    torch.manual_seed(seed)\n"
                "    X, y = data.spiral(seed=seed)\n"
                "    layers = [nn.Linear(2, hidden), nn.Linear(hidden, 3)]\n"
                "    if activation is not None:\n"
                "        layers.insert(1, nn.ReLU())\n"
                "    model = nn.Sequential(*layers)\n"
                "    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=l2)\n"
                "    for _ in range(400):\n"
                "        loss = F.cross_entropy(model(X), y)\n"
                "        optimizer.zero_grad()\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    return model",
                r"class that `activation` names",
            ),
            "weights without a seed": (
                "def train_spiral(hidden=50, activation=nn.ReLU, lr=0.02, l2=0.0, seed=0):\n"
                "    pass\n"
                "    X, y = data.spiral(seed=seed)\n"
                "    layers = [nn.Linear(2, hidden), nn.Linear(hidden, 3)]\n"
                "    if activation is not None:\n"
                "        layers.insert(1, activation())\n"
                "    model = nn.Sequential(*layers)\n"
                "    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=l2)\n"
                "    for _ in range(400):\n"
                "        loss = F.cross_entropy(model(X), y)\n"
                "        optimizer.zero_grad()\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    return model",
                r"must give the same network",
            ),
        },
    ),
]
