"""Right and wrong answers to exercise 3, and the hint that each wrong one must get."""

from tests.mutants import Answers

NUMERICAL = """
def numerical_gradient(f, x, h=1e-5):
    {prepare}
    gradient = torch.zeros({zeros})
    for i in range(x.numel()):
        up, down = x.clone(), x.clone()
        up.reshape(-1)[i] += h
        down.reshape(-1)[i] -= h
        gradient.reshape(-1)[i] = {difference}
    return {result}
"""

NUMERICAL_PARTS = {
    "prepare": "x = x.detach().to(torch.float64).contiguous()",
    "zeros": "x.shape, dtype=torch.float64",
    "difference": "(float(f(up)) - float(f(down))) / (2 * h)",
    "result": "gradient",
}

VALUE = """
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad, self.parents, self.slopes = {init}, 0.0, parents, slopes

    def wrap(self, other):
        return {wrap}

    def __add__(self, other):
        other = self.wrap(other)
        return Value(self.data + other.data, (self, other), {sum_slopes})

    def __mul__(self, other):
        other = self.wrap(other)
        return Value(self.data * other.data, (self, other), {product_slopes})

    def maximum(self, other):
        return Value(max(self.data, other.data), (self, other), {max_slopes})

    {right}
"""

VALUE_PARTS = {
    "init": "float(data)",
    "wrap": "other if isinstance(other, Value) else Value(other)",
    "sum_slopes": "(1.0, 1.0)",
    "product_slopes": "(other.data, self.data)",
    "max_slopes": "(1.0, 0.0) if self.data >= other.data else (0.0, 1.0)",
    "right": "__radd__, __rmul__ = __add__, __mul__",
}

ITERATIVE = """
def backward(root, start=1.0):
    users, stack, seen = {{root: 0}}, [root], {{root}}
    while stack:
        node = stack.pop()
        for parent in node.parents:
            users[parent] = users.get(parent, 0) + 1
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    upstream = {{node: 0.0 for node in seen}}
    upstream[root] = {start}
    ready = [root]
    while ready:
        node = ready.pop()
        node.grad {add} upstream[node]
        for parent, slope in zip(node.parents, node.slopes):
            upstream[parent] {collect} {flow}
            users[parent] -= 1
            if users[parent] == 0:
                ready.append(parent)
"""

ITERATIVE_PARTS = {"start": "start", "add": "+=", "collect": "+=", "flow": "upstream[node] * slope"}

RECURSIVE = """
def backward(root, start=1.0):
    order, seen = [], set()
    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)
    visit(root)
    upstream = dict.fromkeys(order, 0.0)
    upstream[root] = start
    for node in reversed(order):
        node.grad += upstream[node]
        for parent, slope in zip(node.parents, node.slopes):
            upstream[parent] += upstream[node] * slope
"""

KAHN_ON_GRAD = """
def backward(root, start=1.0):
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents)
    root.grad = start
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes):
            parent.grad += node.grad * slope
"""

ALL_PATHS = """
def backward(root, start=1.0):
    stack = [(root, start)]
    while stack:
        node, flow = stack.pop()
        node.grad += flow
        for parent, slope in zip(node.parents, node.slopes):
            stack.append((parent, flow * slope))
"""

BREADTH_FIRST = """
def backward(root, start=1.0):
    upstream, order, seen = {root: start}, [root], {root}
    for node in order:
        for parent, slope in zip(node.parents, node.slopes):
            upstream[parent] = upstream.get(parent, 0.0) + upstream[node] * slope
            if parent not in seen:
                seen.add(parent)
                order.append(parent)
    for node in order:
        node.grad += upstream[node]
"""

NAIVE_STACK = """
def backward(root, start=1.0):
    root.grad += start
    stack = [root]
    while stack:
        node = stack.pop()
        for parent, slope in zip(node.parents, node.slopes):
            parent.grad += node.grad * slope
            stack.append(parent)
"""

CHAPTER = """
def backward(root):
    order = ordered(root)
    force = {node: 0.0 for node in order}
    force[root] = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes):
            force[parent] += force[node] * slope
    for node in order:
        node.grad += force[node]
"""

OPERATIONS = {
    "neg": "Node(-a.data, (a,), (-1.0,))",
    "sub": "Node(a.data - b.data, (a, b), (1.0, -1.0))",
    "div": "Node(a.data / b.data, (a, b), (1 / b.data, -a.data / b.data**2))",
    "power": "Node(a.data**n, (a,), (n * a.data ** (n - 1),))",
    "exp": "Node(math.exp(a.data), (a,), (math.exp(a.data),))",
    "sigmoid": "Node(s := 1 / (1 + math.exp(-a.data)), (a,), (s * (1 - s),))",
    "leaky": "Node(a.data if a.data > 0 else k * a.data, (a,), (1.0 if a.data > 0 else k,))",
}

TWO_LAYERS = """
def two_layer_grads(X, y, W1, b1, W2, b2):
    net = X @ W1.T + b1
    hidden = {hidden}
    logits = hidden @ W2.T + b2
    d_logits = {d_logits}
    d_hidden = d_logits @ W2
    d_net = {d_net}
    return {result}
"""

TWO_LAYERS_PARTS = {
    "hidden": "torch.relu(net)",
    "d_logits": "(torch.softmax(logits, 1) - F.one_hot(y, len(b2))) / len(X)",
    "d_net": "torch.where(net > 0, d_hidden, torch.zeros_like(d_hidden))",
    "result": "d_net.T @ X, d_net.sum(0), d_logits.T @ hidden, d_logits.sum(0)",
}

AUTOGRAD = """
def two_layer_grads(X, y, W1, b1, W2, b2):
    leaves = [p.clone().requires_grad_() for p in (W1, b1, W2, b2)]
    loss = F.cross_entropy(torch.relu(X @ leaves[0].T + leaves[1]) @ leaves[2].T + leaves[3], y)
    return torch.autograd.grad(loss, leaves)
"""
AUTOGRAD_BACKWARD = AUTOGRAD.replace(
    "    return torch.autograd.grad(loss, leaves)",
    "    torch.autograd.backward(loss)\n    return [leaf.grad for leaf in leaves]",
)

FIND = """
VERDICTS = {verdicts}


def find_broken_gradient(ops):
    g = torch.Generator().manual_seed(1)
    for name, (forward, backward) in ops.items():
        for n in {lengths}:
            x = {x}
            u = {u}
            ours = backward(x.clone(), u.clone())
            steps = 1e-5 * torch.eye(n, dtype=torch.float64)
            wanted = torch.stack([((forward(x + s) - forward(x - s)) * u).sum() / 2e-5 for s in steps])
            if not {agree}:
                return name
    return {nothing}


def mended(x, upstream):
    return {mended}
"""

FIND_PARTS = {
    "verdicts": "dict(zip('ABCD', 2 * ['right', 'wrong']))",
    "lengths": "(1, 2, 3, 8, 8, 8)",
    "x": "torch.randn(n, generator=g, dtype=torch.float64)",
    "u": "torch.randn(forward(x).shape, generator=g, dtype=torch.float64)",
    "agree": "torch.allclose(ours.double(), wanted, rtol=1e-4, atol=1e-6)",
    "nothing": "None",
    "mended": "(upstream / x.numel()).expand(x.shape)",
}

WITH_AUTOGRAD = """
VERDICTS = {"D": "wrong", "C": "right", "B": "wrong", "A": "right"}

def find_broken_gradient(ops):
    torch.manual_seed(0)
    broken = None
    for name, (forward, backward) in ops.items():
        for _ in range(20):
            x = torch.randn(5, dtype=torch.float64, requires_grad=True)
            y = forward(x)
            u = torch.randn_like(y)
            (wanted,) = torch.autograd.grad(y, x, u)
            if not torch.allclose(backward(x.detach(), u), wanted):
                broken = name
    return broken

def mended(x, upstream):
    return torch.full_like(x, 1.0) * upstream / len(x)
"""

JACOBIAN = """
def jacobian(f, x):
    {prepare}
    y = f(x)
    rows = []
    for i in range({outputs}):
        {row}
    return {result}
"""

JACOBIAN_PARTS = {
    "prepare": "x = x.detach().clone().requires_grad_(True)",
    "outputs": "len(y)",
    "row": "rows.append(torch.autograd.grad(y[i], x, retain_graph=True)[0])",
    "result": "torch.stack(rows)",
}


TRAIN = """
def train(model, X, y, steps, lr):
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr={lr})
    {before}
    losses = []
    for _ in range({steps}):
        logits = model(X)
        loss = loss_fn(logits, {targets})
        {early}
        {zero}
        loss.backward()
        {after}
        {step}
        {end}
        losses.append({item})
    return {result}
"""

TRAIN_PARTS = {"lr": "lr", "before": "", "steps": "steps", "targets": "y[:, None]", "early": ""}
TRAIN_PARTS |= {"zero": "optimizer.zero_grad()", "after": "", "step": "optimizer.step()", "end": ""}
TRAIN_PARTS |= {"item": "loss.item()", "result": "losses"}


def train(**changes):
    return TRAIN.format(**(TRAIN_PARTS | changes))


def numerical(**changes):
    return NUMERICAL.format(**(NUMERICAL_PARTS | changes))


def value(**changes):
    return VALUE.format(**(VALUE_PARTS | changes))


def iterative(**changes):
    return ITERATIVE.format(**(ITERATIVE_PARTS | changes))


def operations(**changes):
    heads = {"sub": "sub(a, b)", "div": "div(a, b)", "power": "power(a, n)", "leaky": "leaky(a, k)"}
    bodies = OPERATIONS | changes
    return "\n\n".join(f"def {heads.get(name, f'{name}(a)')}:\n    return {body}" for name, body in bodies.items())


def two_layers(**changes):
    return TWO_LAYERS.format(**(TWO_LAYERS_PARTS | changes))


def find(**changes):
    return FIND.format(**(FIND_PARTS | changes))


def jacobian(**changes):
    return JACOBIAN.format(**(JACOBIAN_PARTS | changes))


ANSWERS = [
    Answers(
        "numerical-gradient",
        right={
            "copies": numerical(),
            "index by index": """
def numerical_gradient(f, x, h=1e-5):
    work = x.detach().double().clone()
    slopes = []
    for index in torch.cartesian_prod(*[torch.arange(n) for n in x.shape]).reshape(-1, x.ndim).tolist():
        kept = work[tuple(index)].item()
        work[tuple(index)] = kept + h
        above = float(f(work))
        work[tuple(index)] = kept - h
        below = float(f(work))
        work[tuple(index)] = kept
        slopes.append((above - below) / (2 * h))
    return torch.tensor(slopes, dtype=torch.float64).reshape(x.shape)
""",
        },
        wrong={
            "forward difference": (
                numerical(difference="(float(f(up)) - float(f(x))) / h"),
                "both ways",
            ),
            "divides by h": (numerical(difference="(float(f(up)) - float(f(down))) / h"), "divide by 2 h"),
            "aliased copies": (
                numerical().replace("up, down = x.clone(), x.clone()", "up, down = x, x"),
                "the same tensor",
            ),
            "all entries at once": (
                numerical(difference="(float(f(x + h)) - float(f(x - h))) / (2 * h)"),
                "one entry at a time",
            ),
            "works in place": (
                """
def numerical_gradient(f, x, h=1e-5):
    gradient = torch.zeros(x.shape, dtype=torch.float64)
    flat = x.reshape(-1)
    for i in range(len(flat)):
        flat[i] += h
        up = float(f(x))
        flat[i] -= 2 * h
        gradient.view(-1)[i] = (up - float(f(x))) / (2 * h)
    return gradient
""",
                "x was changed|both ways",
            ),
            "stays in float32": (
                numerical(prepare="x = x.detach().contiguous()"),
                "convert to float64 before",
            ),
            "returns float32": (numerical(result="gradient.float()"), "compute in float64|central"),
            "own step": (
                numerical(prepare="x, h = x.detach().double().contiguous(), 1e-5"),
                "the h that was handed in",
            ),
            "flat result": (numerical(result="gradient.flatten()"), "the shape of x"),
        },
    ),
    Answers(
        "value",
        right={
            "wraps": value(),
            "constants without a parent": """
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad, self.parents, self.slopes = float(data), 0.0, parents, slopes

    def __add__(self, other):
        if not isinstance(other, Value):
            return Value(self.data + other, (self,), (1.0,))
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        if not isinstance(other, Value):
            return Value(self.data * other, (self,), (float(other),))
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def maximum(self, other):
        larger = self if self.data >= other.data else other
        return Value(larger.data, (larger,), (1.0,))
""",
            "a number is no parent": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = tuple(parents), tuple(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        if isinstance(other, (int, float)):\n"
                "            return Value(self.data * other, (self,), (float(other),))\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __radd__, __rmul__ = __add__, __mul__\n"
                "    def maximum(self, other):\n"
                "        s = (1.0, 0.0) if self.data >= other.data else (0.0, 1.0)\n"
                "        return Value(max(self.data, other.data), (self, other), s)"
            ),
        },
        wrong={
            "slopes not swapped": (value(product_slopes="(self.data, other.data)"), "the other factor"),
            "no constants": (value(wrap="other"), "a plain number may stand on the right|no attribute 'data'"),
            "no constant on the left": (value(right=""), r"stand on the left|unsupported operand"),
            "left product adds": (value(right="__radd__ = __rmul__ = __add__"), "stand on the left"),
            "keeps ints": (value(init="data"), "data is a float"),
            "maximum distributes": (value(max_slopes="(1.0, 1.0)"), "routes"),
            "maximum routes to the smaller": (
                value(max_slopes="(float(self.data < other.data), float(self.data >= other.data))"),
                "routes",
            ),
            "a tie goes to nobody": (
                value(max_slopes="(float(self.data > other.data), float(self.data < other.data))"),
                "of two equal values",
            ),
            "drops the second use": (
                value(
                    right="__radd__, __rmul__ = __add__, __mul__\n    "
                    "@property\n    def parents(self):\n        return tuple(dict.fromkeys(self._parents))\n    "
                    "@parents.setter\n    def parents(self, parents):\n        self._parents = parents"
                ),
                "uses x twice",
            ),
            "adds in place": (
                value().replace(
                    "        return Value(self.data + other.data, (self, other), (1.0, 1.0))",
                    "        old = Value(self.data, self.parents, self.slopes)\n"
                    "        self.data, self.parents, self.slopes = self.data + other.data, (old, other), (1.0, 1.0)\n"
                    "        return self",
                ),
                "slopes of a sum|on the right|must not change",
            ),
            "of two equal ones both feel": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = tuple(parents), tuple(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __radd__, __rmul__ = __add__, __mul__\n"
                "    def maximum(self, other):\n"
                "        return Value(max(self.data, other.data), (self, other), (float(self.data >= other.data), float(other.data >= self.data)))",
                r"the other nothing",
            ),
            "maximum is one of the two": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = tuple(parents), tuple(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __radd__, __rmul__ = __add__, __mul__\n"
                "    def maximum(self, other):\n"
                "        return self if self.data >= other.data else other",
                r"not one of the two",
            ),
            "no number on the left of a sum": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = tuple(parents), tuple(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __rmul__ = __mul__\n"
                "    def maximum(self, other):\n"
                "        s = (1.0, 0.0) if self.data >= other.data else (0.0, 1.0)\n"
                "        return Value(max(self.data, other.data), (self, other), s)",
                r"TypeError",
            ),
            "a number cuts the way": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = tuple(parents), tuple(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        if not isinstance(other, Value):\n"
                "            return Value(self.data * other)\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __radd__, __rmul__ = __add__, __mul__\n"
                "    def maximum(self, other):\n"
                "        s = (1.0, 0.0) if self.data >= other.data else (0.0, 1.0)\n"
                "        return Value(max(self.data, other.data), (self, other), s)",
                r"is a factor like every other",
            ),
            "a number has slope 1": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = tuple(parents), tuple(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        if not isinstance(other, Value):\n"
                "            return Value(self.data * other, (self,), (1.0,))\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __radd__, __rmul__ = __add__, __mul__\n"
                "    def maximum(self, other):\n"
                "        s = (1.0, 0.0) if self.data >= other.data else (0.0, 1.0)\n"
                "        return Value(max(self.data, other.data), (self, other), s)",
                r"is a factor like every other",
            ),
            "keeps lists": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = list(parents), list(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __radd__, __rmul__ = __add__, __mul__\n"
                "    def maximum(self, other):\n"
                "        s = (1.0, 0.0) if self.data >= other.data else (0.0, 1.0)\n"
                "        return Value(max(self.data, other.data), (self, other), s)",
                r"slopes are tuples",
            ),
            "writes into grad": (
                "class Value:\n"
                "    def __init__(self, data, parents=(), slopes=()):\n"
                "        self.data, self.grad = float(data), 0.0\n"
                "        self.parents, self.slopes = tuple(parents), tuple(slopes)\n"
                "    def __add__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        return Value(self.data + other.data, (self, other), (1.0, 1.0))\n"
                "    def __mul__(self, other):\n"
                "        other = other if isinstance(other, Value) else Value(other)\n"
                "        self.grad = other.data\n"
                "        return Value(self.data * other.data, (self, other), (other.data, self.data))\n"
                "    __radd__, __rmul__ = __add__, __mul__\n"
                "    def maximum(self, other):\n"
                "        s = (1.0, 0.0) if self.data >= other.data else (0.0, 1.0)\n"
                "        return Value(max(self.data, other.data), (self, other), s)",
                r"must not change",
            ),
        },
    ),
    Answers(
        "backward",
        right={
            "counts users": iterative(),
            "counts users, spelled out": iterative(add="= node.grad +", collect="= upstream[parent] +"),
            "forces on the nodes": (
                "def backward(root, start=1.0):\n"
                "    order = ordered(root)\n"
                "    for n in order:\n"
                "        n.force = 0.0\n"
                "    root.force = start\n"
                "    for n in order[::-1]:\n"
                "        n.grad += n.force\n"
                "        for p, s in zip(n.parents, n.slopes):\n"
                "            p.force += s * n.force"
            ),
            "adds as it goes": (
                "from collections import defaultdict\n"
                "def backward(root, start=1.0):\n"
                "    up = defaultdict(float)\n"
                "    up[root] += start\n"
                "    for n in reversed(ordered(root)):\n"
                "        n.grad = n.grad + up[n]\n"
                "        for k, p in enumerate(n.parents):\n"
                "            up[p] = up[p] + n.slopes[k] * up[n]"
            ),
        },
        wrong={
            "recursive": (RECURSIVE, "recursion"),
            "flows through grad": (KAHN_ON_GRAD, "apart from .grad"),
            "walks all paths": (ALL_PATHS, "each node once"),
            "breadth first": (BREADTH_FIRST, "until it had all|all its users have delivered"),
            "naive stack": (NAIVE_STACK, "until it had all"),
            "the chapter's cell": (CHAPTER, "positional argument"),
            "ignores start": (iterative(start="1.0"), "half the force"),
            "overwrites": (iterative(collect="="), "c has two users"),
            "clears grad": (iterative(add="="), "a second call adds"),
            "forgets upstream": (iterative(flow="slope"), "c has two users|until it had all"),
            "starts with 0": (iterative(start="0.0"), "begin with `start`"),
            "sets the grad of the root": (
                "def backward(root, start=1.0):\n"
                "    order = ordered(root)\n"
                "    up = {node: 0.0 for node in order}\n"
                "    up[root] = start\n"
                "    for node in reversed(order):\n"
                "        for parent, slope in zip(node.parents, node.slopes):\n"
                "            up[parent] += up[node] * slope\n"
                "    for node in order:\n"
                "        node.grad += up[node]\n"
                "    root.grad = start",
                r"root, too",
            ),
            "one slope for each parent": (
                "def backward(root, start=1.0):\n"
                "    order = ordered(root)\n"
                "    up = {node: 0.0 for node in order}\n"
                "    up[root] = start\n"
                "    for node in reversed(order):\n"
                "        for parent, slope in dict(zip(node.parents, node.slopes)).items():\n"
                "            up[parent] += up[node] * slope\n"
                "    for node in order:\n"
                "        node.grad += up[node]",
                r"each with its own slope|both shares",
            ),
            "the first slope of a parent": (
                "def backward(root, start=1.0):\n"
                "    order = ordered(root)\n"
                "    up = {node: 0.0 for node in order}\n"
                "    up[root] = start\n"
                "    for node in reversed(order):\n"
                "        for parent in node.parents:\n"
                "            up[parent] += up[node] * node.slopes[node.parents.index(parent)]\n"
                "    for node in order:\n"
                "        node.grad += up[node]",
                r"first slope twice",
            ),
            "scales all of grad by start": (
                "def backward(root, start=1.0):\n"
                "    order = ordered(root)\n"
                "    up = {node: 0.0 for node in order}\n"
                "    up[root] = 1.0\n"
                "    for node in reversed(order):\n"
                "        for parent, slope in zip(node.parents, node.slopes):\n"
                "            up[parent] += up[node] * slope\n"
                "    for node in order:\n"
                "        node.grad = (node.grad + up[node]) * start",
                r"adds the same again",
            ),
        },
    ),
    Answers(
        "operations",
        right={
            "plain": operations(),
            "made of others": operations(
                neg="mul(a, Node(-1))",
                sub="add(a, neg(b))",
                div="mul(a, power(b, -1))",
                sigmoid="div(Node(1), add(Node(1), exp(neg(a))))",
                leaky="mul(a, Node(1 if a.data > 0 else k))",
            ),
        },
        wrong={
            "sub adds in slopes": (operations(sub="Node(a.data - b.data, (a, b), (1.0, 1.0))"), "for b is -1"),
            "div by hand": (
                operations(div="Node(a.data / b.data, (a, b), (1 / b.data, a.data / b.data**2))"),
                "-a / b squared",
            ),
            "power without n": (operations(power="Node(a.data**n, (a,), (a.data ** (n - 1),))"), "n times a"),
            "power only for whole n": (
                operations(power="Node(a.data ** int(n), (a,), (int(n) * a.data ** (int(n) - 1),))"),
                "negative or fractional exponent",
            ),
            "sigmoid's slope from a": (
                operations(sigmoid="Node(1 / (1 + math.exp(-a.data)), (a,), (a.data * (1 - a.data),))"),
                "with its value s",
            ),
            "exp like a power": (
                operations(exp="Node(math.exp(a.data), (a,), (a.data * math.exp(a.data - 1),))"),
                "exp itself",
            ),
            "parent without a tuple": (
                operations(neg="Node(-a.data, (a), (-1.0,))"),
                r"neg\(a\): the parents are a tuple",
            ),
            "sub the wrong way round": (
                operations(sub="Node(b.data - a.data, (a, b), (1.0, -1.0))"),
                r"sub\(a, b\): look at its value",
            ),
            "sigmoid without the minus": (
                operations(sigmoid="Node(s := 1 / (1 + math.exp(a.data)), (a,), (s * (1 - s),))"),
                r"sigmoid\(b\): look at its value",
            ),
            "exp gives a number": (operations(exp="math.exp(a.data)"), r"exp\(b\): return a new Node"),
            "slope without a tuple": (operations(neg="Node(-a.data, (a,), (-1.0))"), "with a comma"),
            "leaky takes the larger one": (
                operations(leaky="Node(max(a.data, k * a.data), (a,), (1.0 if a.data > 0 else k,))"),
                "the sign of a decides",
            ),
            "leaky lets all through": (
                operations(leaky="Node(max(a.data, k * a.data), (a,), (1.0,))"),
                "only k of the force",
            ),
            "leaky is relu": (
                operations(leaky="Node(max(a.data, k * a.data), (a,), (float(a.data > 0),))"),
                "this is relu",
            ),
            "leaky with slope 1 at 0": (
                operations(leaky="Node(max(a.data, k * a.data), (a,), (1.0 if a.data >= 0 else k,))"),
                "at 0 is k",
            ),
            "in place": (
                operations(neg="(setattr(a, 'data', -a.data), Node(a.data, (a,), (-1.0,)))[1]"),
                "do not change a",
            ),
            "neg has slope 1": (operations(neg="Node(-a.data, (a,), (1.0,))"), r"slope of -a is -1"),
            "powers by logarithms": (
                operations(power="Node(math.exp(n * math.log(a.data)), (a,), (n * a.data ** (n - 1),))"),
                r"domain error|without logarithm",
            ),
            "powers of the size": (
                operations(power="Node(abs(a.data)**n, (a,), (n * abs(a.data) ** (n - 1),))"),
                r"without logarithm",
            ),
            "div keeps a list": (
                operations(div="Node(a.data / b.data, [a, b], [1 / b.data, -a.data / b.data**2])"),
                r"written \(x,\)",
            ),
        },
    ),
    Answers(
        "two-layer-grads",
        right={
            "one hot": two_layers(),
            "einsum": two_layers(
                d_net="d_hidden * (hidden > 0).to(X.dtype)",
                result='torch.einsum("nh,nd->hd", d_net, X), torch.einsum("nh->h", d_net), '
                'torch.einsum("nk,nh->kh", d_logits, hidden), torch.einsum("nk->k", d_logits)',
            ),
            "row by row": (
                "def two_layer_grads(X, y, W1, b1, W2, b2):\n"
                "    g = [torch.zeros_like(p) for p in (W1, b1, W2, b2)]\n"
                "    for x, t in zip(X, y):\n"
                "        n = W1 @ x + b1\n"
                "        h = n.relu()\n"
                "        d = (W2 @ h + b2).softmax(0)\n"
                "        d[t] -= 1\n"
                "        d /= len(X)\n"
                "        e = (W2.T @ d) * (n > 0)\n"
                "        for a, b in zip(g, (torch.outer(e, x), e, torch.outer(d, h), d)):\n"
                "            a += b\n"
                "    return tuple(g)"
            ),
        },
        wrong={
            "autograd": (AUTOGRAD, "switched off"),
            "autograd by another name": (AUTOGRAD_BACKWARD, "switched off"),
            "forgets relu": (two_layers(d_net="d_hidden"), "through relu|lets the gradient through"),
            "relu of the gradient": (
                two_layers(d_net="torch.relu(d_hidden)"),
                "through relu|lets the gradient through",
            ),
            "sum instead of mean": (
                two_layers(d_logits="torch.softmax(logits, 1) - F.one_hot(y, len(b2))"),
                "db2",
            ),
            "softmax over the batch": (
                two_layers(d_logits="(torch.softmax(logits, 0) - F.one_hot(y, len(b2))) / len(X)"),
                "db2",
            ),
            "hidden before relu": (
                two_layers(result="d_net.T @ X, d_net.sum(0), d_logits.T @ net, d_logits.sum(0)"),
                "dW2",
            ),
            "transposed weights": (
                two_layers(result="X.T @ d_net, d_net.sum(0), hidden.T @ d_logits, d_logits.sum(0)"),
                "shape of its parameter",
            ),
            "two classes only": (
                two_layers(d_logits="(torch.softmax(logits, 1) - torch.stack([1 - y, y], 1)) / len(X)"),
                "any N and K|raised",
            ),
            "mean of biases": (
                two_layers(result="d_net.T @ X, d_net.mean(0), d_logits.T @ hidden, d_logits.mean(0)"),
                "summed over the batch",
            ),
            "in place": (
                two_layers().replace("net = X @ W1.T + b1", "X *= 2\n    net = X @ W1.T / 2 + b1\n    X = X / 2"),
                "input was changed",
            ),
            "first bias forgotten": (
                "def two_layer_grads(X, y, W1, b1, W2, b2):\n"
                "    pass\n"
                "    net = X @ W1.T\n"
                "    hidden = net.clamp(min=0)\n"
                "    logits = hidden @ W2.T + b2\n"
                "    d = logits.softmax(dim=1)\n"
                "    d[torch.arange(len(y)), y] -= 1\n"
                "    d = d / len(y)\n"
                "    dn = (d @ W2) * (net > 0)\n"
                "    return dn.T @ X, dn.sum(dim=0), d.T @ hidden, d.sum(dim=0)",
                r"both biases in your forward",
            ),
            "second bias forgotten": (
                "def two_layer_grads(X, y, W1, b1, W2, b2):\n"
                "    pass\n"
                "    net = X @ W1.T + b1\n"
                "    hidden = net.clamp(min=0)\n"
                "    logits = hidden @ W2.T\n"
                "    d = logits.softmax(dim=1)\n"
                "    d[torch.arange(len(y)), y] -= 1\n"
                "    d = d / len(y)\n"
                "    dn = (d @ W2) * (net > 0)\n"
                "    return dn.T @ X, dn.sum(dim=0), d.T @ hidden, d.sum(dim=0)",
                r"both biases in your forward",
            ),
            "changes a bias": (
                "def two_layer_grads(X, y, W1, b1, W2, b2):\n"
                "    W1 *= 1.0\n"
                "    b1 += 1\n"
                "    b1 = b1 - 1\n"
                "    net = X @ W1.T + b1\n"
                "    hidden = net.clamp(min=0)\n"
                "    logits = hidden @ W2.T + b2\n"
                "    d = logits.softmax(dim=1)\n"
                "    d[torch.arange(len(y)), y] -= 1\n"
                "    d = d / len(y)\n"
                "    dn = (d @ W2) * (net > 0)\n"
                "    return dn.T @ X, dn.sum(dim=0), d.T @ hidden, d.sum(dim=0)",
                r"do not work in place",
            ),
        },
    ),
    Answers(
        "find-broken-gradient",
        right={"several lengths": find(), "with autograd": WITH_AUTOGRAD},
        wrong={
            "upstream of ones": (find(u="torch.ones_like(forward(x))"), "upstream"),
            "equal upstream": (find(u="torch.full_like(forward(x), 2.5)"), "entries of upstream are equal"),
            "positive entries only": (find(x="torch.rand(n, generator=g, dtype=torch.float64)"), "both signs"),
            "two entries only": (find(lengths="(2, 2, 2, 2)"), "other lengths"),
            "one entry only": (find(lengths="(1, 1, 1, 1)"), "several entries"),
            "always finds one": (find(nothing="name"), "return None"),
            "exact comparison": (find(agree="torch.equal(ours.double(), wanted)"), "return None|several entries"),
            "the name by heart": (
                find() + "\n\ndef find_broken_gradient(ops):\n    return 'mean'\n",
                "return None",
            ),
            "verdict by size": (find(verdicts="dict(A='right', B='wrong', C='right', D='right')"), "changes with h"),
            "verdict at one step": (
                find(verdicts="dict(A='right', B='wrong', C='wrong', D='right')"),
                "changes with h",
            ),
            "three verdicts": (find(verdicts="dict(A='right', B='wrong', C='right')"), "four entries"),
            "not mended": (find(mended="upstream * torch.ones_like(x)"), "mended"),
            "mended for scalars": (find(mended="upstream / x.numel()"), "mended"),
            "vectors of two": (
                'VERDICTS = {"A": "right", "B": "wrong", "C": "right", "D": "wrong"}\n'
                "def find_broken_gradient(ops):\n"
                "    for name, (forward, backward) in ops.items():\n"
                "        for length in (2,):\n"
                "            torch.manual_seed(3)\n"
                "            x0 = 0.3 + torch.rand(length, dtype=torch.float64)\n"
                "            x0[::2] *= -1\n"
                "            for x in (x0, -x0):\n"
                "                u = torch.randn(forward(x).shape, dtype=torch.float64)\n"
                "                num = nudged(lambda x: (forward(x) * u).sum(), x)\n"
                "                if not torch.allclose(backward(x, u), num, rtol=1e-5, atol=1e-6):\n"
                "                    return name\n"
                "    return None\n"
                "def mended(x, upstream):\n"
                "    return torch.full_like(x, 1 / len(x)) * upstream",
                r"several lengths",
            ),
            "allows for a tenth": (
                'VERDICTS = {"A": "right", "B": "wrong", "C": "right", "D": "wrong"}\n'
                "def find_broken_gradient(ops):\n"
                "    for name, (forward, backward) in ops.items():\n"
                "        for length in (1, 2, 5):\n"
                "            torch.manual_seed(3)\n"
                "            x0 = 0.3 + torch.rand(length, dtype=torch.float64)\n"
                "            x0[::2] *= -1\n"
                "            for x in (x0, -x0):\n"
                "                u = torch.randn(forward(x).shape, dtype=torch.float64)\n"
                "                num = nudged(lambda x: (forward(x) * u).sum(), x)\n"
                "                if not torch.allclose(backward(x, u), num, rtol=0.1, atol=1e-2):\n"
                "                    return name\n"
                "    return None\n"
                "def mended(x, upstream):\n"
                "    return torch.full_like(x, 1 / len(x)) * upstream",
                r"no more than rounding",
            ),
            "a relative error of 5 %": (
                'VERDICTS = {"A": "right", "B": "wrong", "C": "right", "D": "wrong"}\n'
                "def find_broken_gradient(ops):\n"
                "    for name, (forward, backward) in ops.items():\n"
                "        for length in (1, 2, 5):\n"
                "            torch.manual_seed(3)\n"
                "            x0 = 0.3 + torch.rand(length, dtype=torch.float64)\n"
                "            x0[::2] *= -1\n"
                "            for x in (x0, -x0):\n"
                "                u = torch.randn(forward(x).shape, dtype=torch.float64)\n"
                "                num = nudged(lambda x: (forward(x) * u).sum(), x)\n"
                "                if (backward(x, u) - num).norm() / (backward(x, u).norm() + num.norm() + 1e-12) > 0.05:\n"
                "                    return name\n"
                "    return None\n"
                "def mended(x, upstream):\n"
                "    return torch.full_like(x, 1 / len(x)) * upstream",
                r"no more than rounding",
            ),
            "mended for four entries": (
                'VERDICTS = {"A": "right", "B": "wrong", "C": "right", "D": "wrong"}\n'
                "def find_broken_gradient(ops):\n"
                "    for name, (forward, backward) in ops.items():\n"
                "        for length in (1, 2, 5):\n"
                "            torch.manual_seed(3)\n"
                "            x0 = 0.3 + torch.rand(length, dtype=torch.float64)\n"
                "            x0[::2] *= -1\n"
                "            for x in (x0, -x0):\n"
                "                u = torch.randn(forward(x).shape, dtype=torch.float64)\n"
                "                num = nudged(lambda x: (forward(x) * u).sum(), x)\n"
                "                if not torch.allclose(backward(x, u), num, rtol=1e-5, atol=1e-6):\n"
                "                    return name\n"
                "    return None\n"
                "def mended(x, upstream):\n"
                "    return torch.full_like(x, upstream.item() / 4)",
                r"n is the number of entries",
            ),
            "verdicts with capitals": (
                'VERDICTS = {"A": "Right", "B": "Wrong", "C": "Right", "D": "Wrong"}\n'
                "def find_broken_gradient(ops):\n"
                "    for name, (forward, backward) in ops.items():\n"
                "        for length in (1, 2, 5):\n"
                "            torch.manual_seed(3)\n"
                "            x0 = 0.3 + torch.rand(length, dtype=torch.float64)\n"
                "            x0[::2] *= -1\n"
                "            for x in (x0, -x0):\n"
                "                u = torch.randn(forward(x).shape, dtype=torch.float64)\n"
                "                num = nudged(lambda x: (forward(x) * u).sum(), x)\n"
                "                if not torch.allclose(backward(x, u), num, rtol=1e-5, atol=1e-6):\n"
                "                    return name\n"
                "    return None\n"
                "def mended(x, upstream):\n"
                "    return torch.full_like(x, 1 / len(x)) * upstream",
                r"small letters",
            ),
        },
    ),
    Answers(
        "jacobian",
        right={
            "row by row": jacobian(),
            "jacrev": "def jacobian(f, x):\n    return torch.func.jacrev(f)(x.detach().clone())",
            "a fresh pass for each row": (
                "def jacobian(f, x):\n"
                "    rows = []\n"
                "    m = f(x.detach()).shape[0]\n"
                "    for i in range(m):\n"
                "        leaf = x.detach().clone().requires_grad_()\n"
                "        rows.append(torch.autograd.grad(f(leaf)[i], leaf)[0][None])\n"
                "    return torch.cat(rows)"
            ),
        },
        wrong={
            "transposed": (jacobian(result="torch.stack(rows, dim=1)"), "one row for each output"),
            "one row only": (jacobian(outputs="1"), "one row for each output"),
            "as many rows as inputs": (jacobian(outputs="len(x)"), "one row|raised"),
            "changes x": (jacobian(prepare="x.requires_grad_(True)"), "x was changed"),
            "keeps a graph": (
                jacobian(row="rows.append(torch.autograd.grad(y[i], x, create_graph=True)[0])"),
                "no graph",
            ),
            "frees the graph": (jacobian(row="rows.append(torch.autograd.grad(y[i], x)[0])"), "second time"),
            "switches requires_grad off": (
                "def jacobian(f, x):\n"
                "    x.requires_grad_(True)\n"
                "    y = f(x)\n"
                "    J = torch.stack([torch.autograd.grad(y[i], x, retain_graph=True)[0] for i in range(len(y))])\n"
                "    x.requires_grad_(False)\n"
                "    return J",
                r"requires_grad",
            ),
            "one row squeezed": (
                "def jacobian(f, x):\n"
                "    x = x.detach().clone().requires_grad_()\n"
                "    y = f(x)\n"
                "    return torch.stack([torch.autograd.grad(y[i], x, retain_graph=True)[0] for i in range(len(y))]).squeeze()",
                r"keep both axes",
            ),
            "always float32": (
                "def jacobian(f, x):\n"
                "    x = x.detach().clone().requires_grad_()\n"
                "    y = f(x)\n"
                "    J = torch.zeros(len(y), len(x))\n"
                "    for i in range(len(y)):\n"
                "        J[i] = torch.autograd.grad(y[i], x, retain_graph=True)[0]\n"
                "    return J",
                r"dtype of x",
            ),
            "leaves a grad on x": (
                "def jacobian(f, x):\n"
                "    leaf = x.detach().requires_grad_()\n"
                "    y = f(leaf)\n"
                "    rows = []\n"
                "    for i in range(len(y)):\n"
                "        x.grad = None\n"
                "        rows.append(torch.autograd.grad(y[i], leaf, retain_graph=True)[0])\n"
                "    x.grad = rows[-1].to(x.dtype)\n"
                "    return torch.stack(rows)",
                r"`grad` of x was changed",
            ),
        },
    ),
    Answers(
        "train",
        right={
            "plain": train(),
            "by hand": """
def train(model, X, y, steps, lr):
    losses = []
    for _ in range(steps):
        loss = ((model(X).squeeze(1) - y) ** 2).mean()
        for parameter in model.parameters():
            parameter.grad = None
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= lr * parameter.grad
        losses.append(loss.item())
    return losses
""",
        },
        wrong={
            "the broadcast trap": (train(targets="y"), r"is \(N, N\)"),
            "never clears": (train(zero=""), "at the start cleared, too"),
            "clears before the loop only": (
                train(zero="", before="optimizer.zero_grad()"),
                "clear the old gradients",
            ),
            "clears after backward": (
                train(zero="", after="optimizer.zero_grad()"),
                "the second loss",
            ),
            "clears at the end of a step": (
                train(zero="", end="optimizer.zero_grad()"),
                "at the start, too|clear the gradients",
            ),
            "never steps": (train(step=""), "the second loss"),
            "steps first": (train(early="optimizer.step()", step=""), "inplace operation"),
            "own learning rate": (train(lr="0.1"), "the second loss|this lr"),
            "tensors": (train(item="loss.detach()"), "as many floats"),
            "one step too many": (train(steps="steps + 1"), "three losses|as many floats"),
            "only the last loss": (train(result="losses[-1]"), "could not use your answer|raised|the first loss"),
            "trains a copy": (
                "def train(model, X, y, steps, lr):\n"
                "    model = copy.deepcopy(model)\n"
                "    optimizer = torch.optim.SGD(model.parameters(), lr=lr)\n"
                "    losses = []\n"
                "    for step in range(steps):\n"
                "        loss = F.mse_loss(model(X), y[:, None])\n"
                "        losses.append(loss.item())\n"
                "        pass\n"
                "        optimizer.zero_grad()\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    return losses",
                r"no copy of it",
            ),
            "the last step is missing": (
                "def train(model, X, y, steps, lr):\n"
                "    pass\n"
                "    optimizer = torch.optim.SGD(model.parameters(), lr=lr)\n"
                "    losses = []\n"
                "    for step in range(steps):\n"
                "        loss = F.mse_loss(model(X), y[:, None])\n"
                "        losses.append(loss.item())\n"
                "        if step == steps - 1:\n"
                "            break\n"
                "        optimizer.zero_grad()\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    return losses",
                r"has its step, too",
            ),
            "unsqueezes y in place": (
                "def train(model, X, y, steps, lr):\n"
                "    y.unsqueeze_(1)\n"
                "    optimizer = torch.optim.SGD(model.parameters(), lr=lr)\n"
                "    losses = []\n"
                "    for step in range(steps):\n"
                "        loss = F.mse_loss(model(X), y)\n"
                "        losses.append(loss.item())\n"
                "        pass\n"
                "        optimizer.zero_grad()\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    return losses",
                r"unsqueeze_",
            ),
        },
    ),
]
