"""Right and wrong answers to exercise 14, and the hint that each wrong one must get."""

from tests.mutants import Answers

DEVICES = """
def get_device(prefer=None):
    {get}

def move(batch, device):
    {move}
"""
GET = """if prefer is not None:
        return torch.device(prefer)
    names = [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True)]
    return torch.device(next(name for name, there in names if there))"""
MOVE = """if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, dict):
        return {k: move(v, device) for k, v in batch.items()}
    if isinstance(batch, list):
        return [move(v, device) for v in batch]
    if isinstance(batch, tuple):
        return tuple(move(v, device) for v in batch)
    return batch"""

MEMORY = """
def training_memory(parameters, activations, batch_size, optimizer):
    state = {{"SGD": 0, "momentum": 1, "Adam": {adam}}}[optimizer]
    return {end}
"""

ACCUMULATE = """
def accumulate(model, images, targets, loss_fn, largest):
    {clear}
    total = 0.0
    for x, y in zip(images.split(largest), targets.split(largest)):
        loss = loss_fn(model(x), y) * {share}
        {inside}
        loss.backward()
        total += {add}
    return total
"""

DECIDE = """
REMEDY = dict(A={a!r}, B={b!r}, C={c!r}, D={d!r})

def largest_batch(parameters, activations, optimizer, capacity):
    left = capacity - 4 * parameters * {numbers}
    return {end}
"""


def devices(get=GET, move=MOVE):
    return DEVICES.format(get=get, move=move)


def memory(end="4 * (parameters * (2 + state) + activations * batch_size)", adam=2):
    return MEMORY.format(end=end, adam=adam)


def accumulate(clear="model.zero_grad()", share="len(y) / len(targets)", inside="pass", add="loss.item()"):
    return ACCUMULATE.format(clear=clear, share=share, inside=inside, add=add)


def decide(**changes):
    parts = {"a": "smaller model", "b": "smaller batch", "c": "keep numbers", "d": "no_grad"}
    parts |= {"numbers": "{'SGD': 2, 'momentum': 3, 'Adam': 4}[optimizer]", "end": "max(0, left // activations // 4)"}
    return DECIDE.format(**(parts | changes))


ANSWERS = [
    Answers(
        "devices",
        right={
            "list of names": devices(),
            "namedtuple-free recursion": devices(
                move="if isinstance(batch, torch.Tensor):\n        return batch.to(device)\n"
                "    if isinstance(batch, dict):\n        return type(batch)((k, move(v, device)) for k, v in batch.items())\n"
                "    if type(batch) in (list, tuple):\n        return type(batch)([move(v, device) for v in batch])\n"
                "    return batch"
            ),
        },
        wrong={
            "a string": (
                devices(get="return prefer or ('cuda' if torch.cuda.is_available() else 'cpu')"),
                "torch.device",
            ),
            "no mps": (
                devices(get="return torch.device(prefer or ('cuda' if torch.cuda.is_available() else 'cpu'))"),
                "cuda first, then mps",
            ),
            "mps first": (
                devices(
                    get="if prefer:\n        return torch.device(prefer)\n"
                    "    if torch.backends.mps.is_available():\n        return torch.device('mps')\n"
                    "    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')"
                ),
                "cuda first, then mps",
            ),
            "ignores the preference": (
                devices(
                    get="return torch.device('cuda' if torch.cuda.is_available() else 'mps' "
                    "if torch.backends.mps.is_available() else 'cpu')"
                ),
                "preferred device wins",
            ),
            "flat only": (
                devices(
                    move="if isinstance(batch, dict):\n"
                    "        return {k: v.to(device) if hasattr(v, 'to') else v for k, v in batch.items()}\n"
                    "    if isinstance(batch, (list, tuple)):\n"
                    "        return type(batch)(v.to(device) if hasattr(v, 'to') else v for v in batch)\n"
                    "    return batch.to(device) if hasattr(batch, 'to') else batch"
                ),
                "dicts, tuples and lists",
            ),
            "tuples become lists": (
                devices(move=MOVE.replace("tuple(move(v, device) for v in batch)", "[move(v, device) for v in batch]")),
                "keep the types",
            ),
        },
    ),
    Answers(
        "training-memory",
        right={
            "other order": memory(),
            "part by part": memory(end="sum([4 * parameters] * (2 + state)) + 4 * batch_size * activations"),
        },
        wrong={
            "numbers, not bytes": (
                memory(end="parameters * (2 + state) + activations * batch_size"),
                "numbers, not bytes",
            ),
            "no gradients": (
                memory(end="4 * (parameters * (1 + state) + activations * batch_size)"),
                "gradients are missing",
            ),
            "one image": (memory(end="4 * (parameters * (2 + state) + activations)"), "those of one image"),
            "Adam keeps one": (memory(adam=1), "not one"),
            "half precision": (memory(end="2 * (parameters * (2 + state) + activations * batch_size)"), "not 2"),
        },
    ),
    Answers(
        "accumulate",
        right={
            "split": accumulate(),
            "clears by hand": accumulate(clear="for p in model.parameters():\n        p.grad = None"),
        },
        wrong={
            "unweighted": (accumulate(share="1"), "weigh each part"),
            "equal shares": (accumulate(share="1 / len(targets.split(largest))"), "not equal"),
            "clears in each part": (accumulate(inside="model.zero_grad()"), "only the last part"),
            "never clears": (accumulate(clear="pass"), "clear the old"),
            "keeps the graph": (accumulate(add="loss"), "keeps its graph"),
            "one backward at the end": (
                "def accumulate(model, images, targets, loss_fn, largest):\n    model.zero_grad()\n    total = 0.0\n"
                "    for x, y in zip(images.split(largest), targets.split(largest)):\n"
                "        total = total + loss_fn(model(x), y) * len(y) / len(targets)\n"
                "    total.backward()\n    return total.item()",
                "all graphs wait",
            ),
            "the loss of the last part": (accumulate().replace("total +=", "total ="), "mean loss over all"),
            "whole batch": (
                "def accumulate(model, images, targets, loss_fn, largest):\n    model.zero_grad()\n"
                "    loss = loss_fn(model(images), targets)\n    loss.backward()\n    return loss.item()",
                "at a time",
            ),
        },
    ),
    Answers(
        "out-of-memory",
        right={
            "floor twice": decide(),
            "search": decide(end="next(n for n in range(10**6) if 4 * activations * (n + 1) > left)"),
        },
        wrong={
            "always a smaller batch": (decide(a="smaller batch", c="smaller batch", d="smaller batch"), "not all four"),
            "swapped": (decide(c="no_grad", d="keep numbers"), "not all four"),
            "counts bytes as numbers": (decide(end="max(0, left // activations)"), "200 bytes for each image"),
            "no gradients": (
                decide(numbers="{'SGD': 1, 'momentum': 2, 'Adam': 3}[optimizer]"),
                "gradients are missing",
            ),
            "negative": (decide(end="left // (4 * activations)"), "not a negative"),
            "rounds up": (decide(end="max(0, -(-left // (4 * activations)))"), "the rest is too small"),
            "no optimizer state": (decide(numbers="2"), "state is missing"),
        },
    ),
]
