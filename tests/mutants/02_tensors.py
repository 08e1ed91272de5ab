"""Right and wrong answers to exercise 2, and the hint that each wrong one must get."""

from tests.mutants import Answers

DESCRIBE = """
def describe(t):
    return {{"shape": {shape}, "dtype": {dtype}, "device": {device}, "ndim": {ndim}, "numel": {numel}}}
"""


def describe(shape="tuple(t.shape)", dtype="str(t.dtype)", device="str(t.device)", ndim="t.ndim", numel="t.numel()"):
    return DESCRIBE.format(shape=shape, dtype=dtype, device=device, ndim=ndim, numel=numel)


MATMUL = """
def matmul_loops(A, B):
    if A.shape[1] != B.shape[0]:
        raise ValueError(f"shapes {{tuple(A.shape)}} and {{tuple(B.shape)}} do not fit")
    {body}
"""

FORWARD = """
def forward_two_layer(x, W1, b1, W2, b2, act):
    {body}

XOR = [
    torch.tensor([[20.0, 20.0], [-20.0, -20.0]]), torch.tensor([-10.0, 30.0]),
    torch.tensor([[20.0, 20.0]]), torch.tensor([-30.0]),
]
"""


def xor(first, b1, second, b2):
    """A right forward pass, and these numbers for XOR."""
    body = "return act(act(x @ W1.T + b1) @ W2.T + b2)"
    numbers = ", ".join(f"torch.tensor({one})" for one in (first, b1, second, b2))
    return FORWARD.format(body=body).partition("XOR")[0] + f"XOR = [{numbers}]"


TO_BATCH = """
def to_batch(arrays):
    if len({{a.shape for a in arrays}}) > 1:
        raise ValueError("these pictures have different shapes")
    {body}
"""

STANDARDIZE = """
def standardize(batch):
    {body}
"""

ADD_BIAS = """
def add_bias(t, b):
    {new}

def add_bias_(t, b):
    {in_place}
"""

ACCURACY = """
FAULTY_LINES = {lines}

def accuracy(pred, labels):
    {body}
"""
REFUSE = 'if len(pred) != len(labels):\n        raise ValueError("the lengths differ")\n    '
MEND = REFUSE + "return (pred.flatten() == labels.flatten()).float().mean().item()"


def accuracy(body=MEND, lines='["B", "C", "D"]'):
    return ACCURACY.format(lines=lines, body=body)


ANSWERS = [
    Answers(
        "describe",
        right={
            "via size and dim": describe("tuple(t.size())", "f'{t.dtype}'", "t.device.type", "t.dim()", "t.nelement()"),
            "torch.Size is a tuple": describe(shape="t.shape", numel="t.shape.numel()"),
            "counts with NumPy": describe(numel="np.prod(t.shape)"),  # equal to the int, and the card asks for no type
        },
        wrong={
            "returns None": ("def describe(t):\n    print(t.shape)", r"got None"),
            "dtype is no text": (describe(dtype="t.dtype"), r"dtype as text"),
            "device is no text": (describe(device="t.device"), r"device as text"),
            "numel multiplies two axes": (describe(numel="t.shape[0] * t.shape[1]"), r"how many numbers"),
            "ndim is the first size": (describe(ndim="len(t) if t.ndim else 0"), r"number of axes"),
            "always float32": (describe(dtype="'torch.float32'"), r"read the dtype"),
            "always cpu": (describe(device="'cpu'"), r"read the device"),
            "one key too many": (
                "def describe(t):\n    return {'rank': t.ndim, **dict.fromkeys(['shape', 'dtype'])}",
                r"these five keys",
            ),
            "shape as a list": (describe(shape="list(t.shape)"), r"tuple of ints"),
            "counts from the first axis": (
                describe(numel="t.shape[0] * t.shape[1:].numel()"),
                r"IndexError",
            ),
            "an empty axis counts as one": (describe(numel="t.numel() or 1"), r"an empty one holds 0"),
            "at least one axis": (describe(ndim="max(1, t.ndim)"), r"no axes hold 1"),
            "numel without brackets": (describe(numel="t.numel"), r"with brackets"),
            "dim without brackets": (describe(ndim="t.dim"), r"with brackets"),
            "numel adds the sizes": (describe(numel="sum(t.shape)"), r"4 x 5 x 2"),
            "the kind of tensor": (describe(dtype="t.type()"), r"dtype as text"),
            "one text for both": (describe(device="str(t.dtype)"), r"device as text"),
            "both blanks open": ("def describe(t):\n    return {'shape': tuple(t.shape)}", r"both blanks are open"),
            "blank 1 open": (
                "def describe(t):\n    return {'shape': tuple(t.shape), 'ndim': t.ndim, 'numel': t.numel()}",
                r"blank 1 is open",
            ),
            "blank 2 open": (
                "def describe(t):\n"
                "    return {'shape': tuple(t.shape), 'dtype': str(t.dtype), 'device': str(t.device)}",
                r"blank 2 is open",
            ),
        },
    ),
    Answers(
        "matmul-loops",
        right={
            "rows times columns": MATMUL.format(
                body="return torch.stack([torch.stack([(row * column).sum() for column in B.T]) for row in A])"
            ),
            "sum of outer products": MATMUL.format(
                body="return sum(A[:, k, None] * B[None, k] for k in range(A.shape[1]))"
            ),
            "in plain Python": MATMUL.format(
                body="return torch.tensor([[sum(a * b for a, b in zip(r, c)) for c in zip(*B.tolist())] for r in A.tolist()])"
            ),
            "broadcast at once": MATMUL.format(body="return (A[:, :, None] * B[None]).sum(dim=1)"),
        },
        wrong={
            "uses @": (MATMUL.format(body="return A @ B"), r"not allowed"),
            "uses einsum": (MATMUL.format(body="return torch.einsum('ik,kj->ij', A, B)"), r"not allowed"),
            "does not refuse": (
                "def matmul_loops(A, B):\n    return torch.stack([(A[i, :, None] * B).sum(0) for i in range(len(A))])",
                r"ValueError",
            ),
            "message without shapes": (
                MATMUL.format(body="return sum(A[:, k, None] * B[None, k] for k in range(A.shape[1]))").replace(
                    'f"shapes {tuple(A.shape)} and {tuple(B.shape)} do not fit"', '"wrong shapes"'
                ),
                r"name both shapes",
            ),
            "one by one": (MATMUL.format(body="return A * B"), r"RuntimeError|row i of A"),
            "transposed": (
                MATMUL.format(body="return sum(A[:, k, None] * B[None, k] for k in range(len(B))).T"),
                r"is \(n, m\)",
            ),
            "knows the example": (
                MATMUL.format(
                    body="return torch.tensor([[15, 27], [6, 7], [26, 63]] if len(A) == 3 else [[-16, 20], [16, 2]])"
                ),
                r"random matrices",
            ),
            "unfinished": ("def matmul_loops(A, B):\n    ...", r"got None"),
            "whole numbers only": (
                MATMUL.format(
                    body="rows = [[sum(int(a * b) for a, b in zip(r, c)) for c in B.T] for r in A]\n"
                    "    return torch.tensor(rows)"
                ),
                r"and fractions",
            ),
            "through NumPy": (
                MATMUL.format(body="import numpy as np\n    return torch.from_numpy(np.dot(A.numpy(), B.numpy()))"),
                r"numpy, which is not allowed",
            ),
            "NumPy by itself": (
                MATMUL.format(body="import numpy as np\n    return torch.tensor(np.matmul(A, B))"),
                r"which is not allowed",
            ),
            "another ready-made product": (MATMUL.format(body="return torch.linalg.matmul(A, B)"), r"not allowed"),
            "quotes the card": (
                MATMUL.format(body="return (A[:, :, None] * B[None]).sum(dim=1)").replace(
                    'f"shapes {tuple(A.shape)} and {tuple(B.shape)} do not fit"', '"(2, 3) and (4, 5) do not fit"'
                ),
                r"name both shapes, here \(3, 4\)",
            ),
            "refuses too narrow an A only": (
                MATMUL.format(
                    body="return (A[:, : len(B), None] * B[None, : A.shape[1]]).sum(dim=1)",
                ).replace("!=", "<"),
                r"compare the inner sizes",
            ),
        },
    ),
    Answers(
        "forward-two-layer",
        right={
            "with linear": FORWARD.format(
                body="F = torch.nn.functional.linear\n    return act(F(act(F(x, W1, b1)), W2, b2))"
            ),
            "columns": FORWARD.format(body="return act(W2 @ act(W1 @ x.T + b1[:, None]) + b2[:, None]).T"),
            "einsum": FORWARD.format(
                body="h = act(torch.einsum('bd,hd->bh', x, W1) + b1)\n    return act(torch.einsum('bh,kh->bk', h, W2) + b2)"
            ),
            "other gates": xor([[-9.0, -9.0], [12.0, 12.0]], [4.0, -18.0], [[-20.0, -20.0]], [10.0]),
            "as a tuple": xor([[20.0, 20.0], [-20.0, -20.0]], [-10.0, 30.0], [[20.0, 20.0]], [-30.0])
            .replace("[torch", "(torch", 1)
            .removesuffix("]")
            + ")",
        },
        wrong={
            "no transpose": (
                FORWARD.format(body="return act(act(x @ W1 + b1) @ W2 + b2)"),
                r"cannot be multiplied|\.T",
            ),
            "transposes whatever does not fit": (
                FORWARD.format(
                    body="f = lambda x, W: x @ W if x.shape[1] == W.shape[0] else x @ W.T\n"
                    "    return act(f(act(f(x, W1) + b1), W2) + b2)"
                ),
                r"missing \.T|any batch|one row per row",
            ),
            "no activation at the end": (
                FORWARD.format(body="return act(x @ W1.T + b1) @ W2.T + b2"),
                r"activation in both layers",
            ),
            "always sigmoid": (
                FORWARD.format(body="return torch.sigmoid(torch.sigmoid(x @ W1.T + b1) @ W2.T + b2)"),
                r"use act in both",
            ),
            "hidden bias forgotten": (
                FORWARD.format(body="return act(act(x @ W1.T) @ W2.T + b2)"),
                r"bias and activation",
            ),
            "only the first row": (
                FORWARD.format(body="return act(act(x[:1] @ W1.T + b1) @ W2.T + b2)"),
                r"one row per row",
            ),
            "through numpy": (
                FORWARD.format(body="h = act(x @ W1.detach().T + b1)\n    return act(h @ W2.detach().T + b2)"),
                r"gradients can flow",
            ),
            "a number": (
                FORWARD.format(body="return act(act(x @ W1.T + b1) @ W2.T + b2).mean().item()"),
                r"weights are \(out, in\)",
            ),
            "NumPy's product": (
                FORWARD.format(
                    body="h = act(torch.as_tensor(np.matmul(x, W1.T)) + b1)\n"
                    "    return act(torch.as_tensor(np.matmul(h, W2.T)) + b2)"
                ),
                "`torch.exp` for `np.exp`",
            ),
            "input detached": (
                FORWARD.format(body="return act(act(x.detach() @ W1.T + b1) @ W2.T + b2)"),
                r"gradients can flow|gradients must flow",
            ),
            "weights as data": (
                FORWARD.format(body="return act(act(x @ W1.T + b1) @ W2.data.T + b2)"),
                r"gradients can flow|gradients must flow",
            ),
            "XOR forgotten": (
                FORWARD.format(body="return act(act(x @ W1.T + b1) @ W2.T + b2)").partition("XOR")[0] + "XOR = None",
                r"a list of four tensors",
            ),
            "XOR with columns for units": (
                xor([[20.0, -20.0], [20.0, -20.0]], [-10.0, 30.0], [[20.0, 20.0]], [-30.0]),
                r"each \*row\* of W1 is one unit",
            ),
            "XOR with a vector for W2": (
                xor([[20.0, 20.0], [-20.0, -20.0]], [-10.0, 30.0], [20.0, 20.0], [-30.0]),
                r"W2 is \(out, in\)",
            ),
            "XOR of the ReLU network": (
                xor([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0], [[1.0, -2.0]], [0.0]),
                r"had for the ReLU",
            ),
            "XOR in whole numbers": (
                xor([[20, 20], [-20, -20]], [-10, 30], [[20, 20]], [-30]),
                r"makes float32",
            ),
            "XNOR": (xor([[20.0, 20.0], [-20.0, -20.0]], [-10.0, 30.0], [[-20.0, -20.0]], [30.0]), r"its opposite"),
            "OR behind OR and NAND": (
                xor([[20.0, 20.0], [-20.0, -20.0]], [-10.0, 30.0], [[20.0, 20.0]], [-10.0]),
                r"must want \*both\*",
            ),
            "XOR with small weights": (
                xor([[4.0, 4.0], [-4.0, -4.0]], [-2.0, 6.0], [[8.0, 8.0]], [-12.0]),
                r"larger weights",
            ),
            "XOR with three hidden units": (
                xor([[20.0, 20.0], [-20.0, -20.0], [0.0, 0.0]], [-10.0, 30.0, 0.0], [[20.0, 20.0, 0.0]], [-30.0]),
                r"one row for each of the two hidden units",
            ),
            "XOR from OR and AND": (
                xor([[20.0, 20.0], [20.0, 20.0]], [-10.0, -30.0], [[20.0, 20.0]], [-30.0]),
                r"print what each hidden unit says",
            ),
            "XOR's biases in columns": (
                xor([[20.0, 20.0], [-20.0, -20.0]], [[-10.0], [30.0]], [[20.0, 20.0]], [-30.0]),
                r"the biases \(2,\) and \(1,\)",
            ),
        },
    ),
    Answers(
        "to-batch",
        right={
            "stack of tensors": TO_BATCH.format(
                body="x = torch.stack([torch.tensor(a) for a in arrays]).float() / 255\n"
                "    return x[:, None] if x.ndim == 3 else x.movedim(3, 1)"
            ),
            "in numpy": TO_BATCH.format(
                body="x = np.stack([a[..., None] if a.ndim == 2 else a for a in arrays])\n"
                "    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)) / np.float32(255))"
            ),
        },
        wrong={
            "reshape": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float() / 255\n"
                    "    return x[:, None] if x.ndim == 3 else x.reshape(len(x), x.shape[3], x.shape[1], x.shape[2])"
                ),
                r"`reshape` only cuts",
            ),
            "not divided": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float()\n    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)"
                ),
                r"divide by 255",
            ),
            "float64": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays) / 255)\n    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)"
                ),
                r"convert with",
            ),
            "rows and columns swapped": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float() / 255\n    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 2, 1)"
                ),
                r"permute",
            ),
            "divided by the maximum": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float()\n    x = x / x.max().clamp(min=1)\n"
                    "    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)"
                ),
                r"255",
            ),
            "no grey pictures": (
                TO_BATCH.format(body="return torch.tensor(np.stack(arrays)).permute(0, 3, 1, 2).float() / 255"),
                r"permute|grey",
            ),
            "changes the arrays": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float() / 255\n    for a in arrays:\n        a //= 2\n"
                    "    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)"
                ),
                r"work on a copy",
            ),
            "cuts mixed sizes": (
                "def to_batch(arrays):\n    h, w = min(a.shape[0] for a in arrays), min(a.shape[1] for a in arrays)\n"
                "    x = torch.tensor(np.stack([a[:h, :w] for a in arrays])).float() / 255\n"
                "    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)",
                r"different shapes",
            ),
            "first against last": (
                TO_BATCH.replace("len({{a.shape for a in arrays}}) > 1", "arrays[0].shape != arrays[-1].shape").format(
                    body="x = torch.stack([torch.tensor(a) for a in arrays]).float() / 255\n"
                    "    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)"
                ),
                r"compare all of them",
            ),
            "grey stays bytes": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float()\n"
                    "    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2) / 255"
                ),
                r"divide grey pictures",
            ),
            "grey in float64": (
                TO_BATCH.format(
                    body="if arrays[0].ndim == 2:\n        return torch.tensor(np.stack(arrays) / 255)[:, None]\n"
                    "    return torch.tensor(np.stack(arrays)).float().permute(0, 3, 1, 2) / 255"
                ),
                r"become float32",
            ),
            "grey pictures as channels": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float() / 255\n"
                    "    return x[None] if x.ndim == 3 else x.permute(0, 3, 1, 2)"
                ),
                r"another order",
            ),
            "divides what looks like bytes": (
                TO_BATCH.format(
                    body="x = torch.tensor(np.stack(arrays)).float()\n    x = x / 255 if x.max() > 1 else x\n"
                    "    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)"
                ),
                r"always divide by 255",
            ),
        },
    ),
    Answers(
        "standardize",
        right={
            "with a small number": STANDARDIZE.format(
                body="mean, std = batch.mean((0, 2, 3)), batch.std((0, 2, 3), correction=0)\n"
                "    return (batch - mean.view(1, -1, 1, 1)) / (std.view(1, -1, 1, 1) + 1e-7), mean, std"
            ),
            "channels first": STANDARDIZE.format(
                body="rows = batch.transpose(0, 1).flatten(1)\n    mean, std = rows.mean(1), rows.var(1, unbiased=False).sqrt()\n"
                "    z = (batch - mean[None, :, None, None]) / std.clamp(min=1e-6)[None, :, None, None]\n    return z, mean, std"
            ),
            "channel by channel": STANDARDIZE.format(
                body="z, mean, std = torch.zeros_like(batch), batch.mean((0, 2, 3)), batch.std((0, 2, 3), correction=0)\n"
                "    for c in range(len(mean)):\n        if std[c] > 0:\n"
                "            z[:, c] = (batch[:, c] - mean[c]) / std[c]\n    return z, mean, std"
            ),
        },
        wrong={
            "per image": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((2, 3)), batch.std((2, 3), correction=0)\n"
                    "    return (batch - mean[:, :, None, None]) / std[:, :, None, None].clamp(min=1e-6), mean, std"
                ),
                r"one mean per channel",
            ),
            "over everything": (
                STANDARDIZE.format(
                    body="return (batch - batch.mean()) / batch.std(correction=0), batch.mean(), batch.std()"
                ),
                r"one mean per channel",
            ),
            "correction forgotten": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((0, 2, 3)), batch.std((0, 2, 3))\n"
                    "    return (batch - mean[:, None, None]) / std[:, None, None].clamp(min=1e-6), mean, std"
                ),
                r"correction=0",
            ),
            "divides by zero": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((0, 2, 3)), batch.std((0, 2, 3), correction=0)\n"
                    "    return (batch - mean[:, None, None]) / std[:, None, None], mean, std"
                ),
                r"constant channel",
            ),
            "in place": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((0, 2, 3)), batch.std((0, 2, 3), correction=0)\n"
                    "    batch -= mean[:, None, None]\n    batch /= std[:, None, None].clamp(min=1e-6)\n    return batch, mean, std"
                ),
                r"not work in place",
            ),
            "axes kept": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((0, 2, 3), keepdim=True), batch.std((0, 2, 3), correction=0, keepdim=True)\n"
                    "    return (batch - mean) / std.clamp(min=1e-6), mean, std"
                ),
                r"one mean per channel",
            ),
            "variance for deviation": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((0, 2, 3)), batch.var((0, 2, 3), correction=0)\n"
                    "    return (batch - mean[:, None, None]) / std[:, None, None].clamp(min=1e-6), mean, std"
                ),
                r"divide by the number|correction=0",
            ),
            "only z": (
                STANDARDIZE.format(body="return batch - batch.mean((0, 2, 3))[:, None, None]"),
                r"three things",
            ),
            "returns the divisor": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((0, 2, 3)), batch.std((0, 2, 3), correction=0)\n    std[std == 0] = 1\n"
                    "    return (batch - mean[:, None, None]) / std[:, None, None], mean, std"
                ),
                r"only where you divide",
            ),
            "in numpy": (
                STANDARDIZE.format(
                    body="x = batch.numpy()\n    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))\n"
                    "    return (x - mean[:, None, None]) / np.where(std > 0, std, 1)[:, None, None], mean, std"
                ),
                r"all tensors",
            ),
            "three channels": (
                STANDARDIZE.format(
                    body="mean, std = batch.mean((0, 2, 3)), batch.std((0, 2, 3), correction=0)\n    z = batch.clone()\n"
                    "    for c in range(3):\n        z[:, c] = (batch[:, c] - mean[c]) / max(std[c].item(), 1e-9)\n"
                    "    return z, mean, std"
                ),
                r"line up with the channel|IndexError",
            ),
        },
    ),
    Answers(
        "add-bias",
        right={
            "add and +=": ADD_BIAS.format(new="return torch.add(t, b)", in_place="t += b\n    return t"),
            "clone and copy_": ADD_BIAS.format(new="return t.clone().add_(b)", in_place="return t.copy_(t + b)"),
            "slice": ADD_BIAS.format(new="return b + t", in_place="t[:] = t + b\n    return t"),
            "row by row": ADD_BIAS.format(
                new="return add_bias_(t.clone(), b)", in_place="for row in t:\n        row += b\n    return t"
            ),
        },
        wrong={
            "both in place": (
                ADD_BIAS.format(new="t += b\n    return t", in_place="return t.add_(b)"),
                r"leave t alone",
            ),
            "both new": (ADD_BIAS.format(new="return t + b", in_place="return t + b"), r"binds a new name"),
            "changes, returns a copy": (
                ADD_BIAS.format(new="return t + b", in_place="t.add_(b)\n    return t.clone()"),
                r"return t itself",
            ),
            "returns nothing": (ADD_BIAS.format(new="return t + b", in_place="t.add_(b)"), r"got None"),
            "moves the name": (
                ADD_BIAS.format(new="return t + b", in_place="t = t + b\n    return t"),
                r"binds a new name",
            ),
            "subtracts": (ADD_BIAS.format(new="return t - b", in_place="return t.add_(b)"), r"add_bias adds b"),
            "swapped": (
                ADD_BIAS.format(new="return t.add_(b)", in_place="return t + b"),
                r"leave t alone",
            ),
            "for two rows": (
                ADD_BIAS.format(new="return t + torch.stack([b, b])", in_place="return t.add_(b)"),
                r"RuntimeError|whatever the sizes",
            ),
            "another memory under the old name": (
                ADD_BIAS.format(new="return t + b", in_place="t.data = t + b\n    return t"),
                r"nothing has changed|memory of t",
            ),
            "as many rows as columns": (
                ADD_BIAS.format(
                    new="return t + b", in_place="for i in range(len(b)):\n        t[i] += b\n    return t"
                ),
                r"whatever the sizes",
            ),
            "returns a view": (
                ADD_BIAS.format(new="return t + b", in_place="t += b\n    return t[:]"),
                r"return t itself",
            ),
        },
    ),
    Answers(
        "accuracy",
        right={
            "with reshape and equal": accuracy(
                REFUSE
                + "a, b = pred.reshape(-1).double(), labels.reshape(-1).double()\n    return torch.eq(a, b).double().mean().item()"
            ),
            "in plain Python": accuracy(
                REFUSE
                + "a, b = pred.flatten().tolist(), labels.flatten().tolist()\n    return sum(p == q for p, q in zip(a, b)) / len(a)"
            ),
            "counts": accuracy(REFUSE + "return int((pred.view(-1) == labels.view(-1)).sum()) / labels.numel()"),
            "squeezes both": accuracy(
                REFUSE
                + "hits = (pred.squeeze() == labels.squeeze()).float()\n    return float(hits.sum() / len(labels))"
            ),
        },
        wrong={
            "the colleague's": (
                accuracy(
                    "labels = labels[: len(pred)]\n    hits = pred == labels\n"
                    "    right = hits.to(torch.uint8).sum(dtype=torch.uint8)\n    return float(right) / len(labels)"
                ),
                r"\(64, 1\) == \(64,\)|expected 1, got",
            ),
            "broadcasts": (accuracy(REFUSE + "return (pred == labels).float().mean().item()"), r"give both one shape"),
            "flattens pred only": (
                accuracy(REFUSE + "return (pred.flatten() == labels).float().mean().item()"),
                r"flatten both",
            ),
            "cuts": (
                accuracy(
                    "n = min(len(pred), len(labels))\n    return (pred.flatten()[:n] == labels.flatten()[:n]).float().mean().item()"
                ),
                r"refuse them",
            ),
            "bytes": (
                accuracy(
                    REFUSE + "hits = (pred.flatten() == labels.flatten()).to(torch.uint8).sum(dtype=torch.uint8)\n"
                    "    return hits.item() / len(labels)"
                ),
                r"a byte ends at 255",
            ),
            "truth values": (
                accuracy(REFUSE + "return (pred.flatten().bool() == labels.flatten().bool()).float().mean().item()"),
                r"ValueError|class numbers",
            ),
            "a tensor": (
                accuracy(REFUSE + "return (pred.flatten() == labels.flatten()).float().mean()"),
                r"Python float",
            ),
            "mean of truth values": (
                accuracy(REFUSE + "return (pred.flatten() == labels.flatten()).mean().item()"),
                r"your code raised|RuntimeError",
            ),
            "lines missed": (accuracy(lines='["C", "D"]'), r"which lines"),
            "all lines": (accuracy(lines='["A", "B", "C", "D", "E"]'), r"which lines"),
            "lines not named": (accuracy(lines="None"), r"got None"),
            "squeezes, then asks for the length": (
                accuracy("pred, labels = pred.squeeze(), labels.squeeze()\n    " + MEND),
                r"len\(\) of a 0-d",
            ),
            "a mean distance": (
                accuracy(REFUSE + "return 1 - (pred.flatten().float() - labels.flatten().float()).abs().mean().item()"),
                r"do not measure distances",
            ),
            "subtracts truth values": (
                accuracy(REFUSE + "return 1 - (pred.flatten() - labels.flatten() != 0).float().mean().item()"),
                r"bool tensor",
            ),
            "refuses the shorter only": (
                accuracy(MEND.replace("!=", "<").replace("pred.flatten()", "pred.flatten()[: len(labels)]")),
                r"refuse them",
            ),
            "rounds": (
                accuracy(MEND.replace("return ", "return round(").replace(".item()", ".item(), 1)")),
                r"one of three",
            ),
            "lines as one text": (accuracy(lines="'BCD'"), r"in a list"),
            "lines in another order": (accuracy(lines='["D", "C", "B"]'), r"order of the alphabet"),
        },
    ),
]
