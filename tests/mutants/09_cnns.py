"""Right and wrong answers to exercise 9, and the hint that each wrong one must get."""

from tests.mutants import Answers

CONV = """
def conv2d(x, weight, bias=None, stride=1, padding=0):
    {pad}
    O, C, kh, kw = weight.shape
    rows, columns = (x.shape[2] - kh) // stride + 1, (x.shape[3] - {width}) // stride + 1
    out = x.new_zeros(len(x), O, rows, columns)
    for i in range(rows):
        for j in range(columns):
            patch = x[:, None, :, i * {step}:i * {step} + kh, j * {step}:j * {step} + kw]
            out[:, :, i, j] = (patch * {weight}).{reduce}
    return {end}
"""

FILLED = """
def conv2d(x, weight, bias=None, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)
    kh, kw = weight.shape[-2:]
    rows, columns = {places}
    out = x.new_zeros(len(x), len(weight), rows, columns)
    for i in range(rows):
        for j in range(columns):
            patch = {patch}
            out[:, :, i, j] = torch.einsum("bcij,ocij->bo", patch, weight)
    {bias}
    return out
"""

SIZES = """
def out_size(n, k, s=1, p=0, d=1):
    out = {out}
    {guard}
    return out


def receptive_field(layers):
    field, jump = {start}, 1
    for k, s, d in layers:
        {order}
    return field
"""

SOBEL = """
def sobel(image):
    {prepare}
    a = image[:-2] {w} image[1:-1] + image[2:]
    b = image[:, :-2] + 2 * image[:, 1:-1] + image[:, 2:]
    gx = {gx}
    gy = b[2:] - b[:-2]
    return {end}
"""

POOL = """
def _windows(x, k, stride):
    stride = {stride}
    rows, columns = ((size - k) // stride + 1 for size in x.shape[-2:])
    return torch.stack([x[..., i:i + stride * (rows - 1) + 1:stride, j:j + stride * (columns - 1) + 1:stride]
                        for i in range(k) for j in range(k)])


def max_pool2d(x, k, stride=None):
    return {largest}


def avg_pool2d(x, k, stride=None):
    return {mean}
"""

COUNT = """
def count_parameters(spec):
    total = 0
    for layer in spec:
        bias = {bias}
        if layer["kind"] == "conv":
            total += layer["cout"] * ({slices} * layer["k"] {square} + bias)
        elif layer["kind"] == "linear":
            total += layer["nout"] * (layer["nin"] + {linear_bias})
        elif layer["kind"] == "norm":
            total += {norm} * layer["channels"]
    return total
"""

LENET = """
class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding={pad}), nn.Conv2d(6, 16, 5)
        self.f1, self.f2, self.f3 = nn.Linear({flat}, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.{pool}(torch.{act}(self.c1(x)), 2)
        x = F.{pool}(torch.{act}(self.c2(x)), 2).flatten(1)
        return {end}
"""

MAPS = """
def feature_maps(model, x, names):
    maps, handles = {{}}, []
    modes = {{module: module.training for module in model.modules()}}
    for name, module in model.named_modules():
        if name in names:
            handles.append(module.register_forward_hook({hook}))
    {mode}
    {run}
    {remove}
    {restore}
    return maps
"""

PET = """
class PetCNN(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        {layers}

    def forward(self, x):
        return {forward}


def train_pets(train, epochs=8, seed=0):
    torch.manual_seed(seed)
    model = PetCNN()
    {train}
    return model
"""


def conv(**changes):
    parts = {"pad": "x = F.pad(x, (padding,) * 4)", "width": "kw", "step": "stride", "weight": "weight"}
    parts |= {"reduce": "sum(dim=(2, 3, 4))", "end": "out if bias is None else out + bias.view(1, -1, 1, 1)"}
    return CONV.format(**(parts | changes))


def filled(**changes):
    parts = {"places": "(x.shape[2] - kh) // stride + 1, (x.shape[3] - kw) // stride + 1"}
    parts |= {"patch": "x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]"}
    parts |= {"bias": "out = out if bias is None else out + bias[:, None, None]"}
    return FILLED.format(**(parts | changes))


def sizes(**changes):
    parts = {"out": "(n + 2 * p - d * (k - 1) - 1) // s + 1", "start": "1"}
    parts |= {"guard": "if out <= 0:\n        raise ValueError('too small')"}
    parts |= {"order": "field, jump = field + d * (k - 1) * jump, jump * s"}
    return SIZES.format(**(parts | changes))


def sobel(**changes):
    parts = {"prepare": "image = image.double()", "w": "+ 2 *", "gx": "a[:, 2:] - a[:, :-2]"}
    return SOBEL.format(**(parts | {"end": "torch.hypot(gx, gy)"} | changes))


def pool(**changes):
    parts = {"stride": "k if stride is None else stride", "largest": "_windows(x, k, stride).max(dim=0).values"}
    return POOL.format(**(parts | {"mean": "_windows(x, k, stride).mean(dim=0)"} | changes))


def count(**changes):
    parts = {"bias": 'int(layer.get("bias", True))', "slices": 'layer["cin"] // layer.get("groups", 1)'}
    parts |= {"square": '* layer["k"]', "linear_bias": "bias", "norm": "2"}
    return COUNT.format(**(parts | changes))


def lenet(**changes):
    parts = {"pad": "2", "flat": "400", "pool": "avg_pool2d", "act": "tanh"}
    parts |= {"end": "self.f3(torch.tanh(self.f2(torch.tanh(self.f1(x)))))"}
    return LENET.format(**(parts | changes))


def maps(**changes):
    parts = {"hook": "lambda m, i, o, name=name: maps.__setitem__(name, o.detach().clone())", "mode": "model.eval()"}
    parts |= {"run": "with torch.no_grad():\n        model(x)", "remove": "[handle.remove() for handle in handles]"}
    parts |= {"restore": "for module, mode in modes.items():\n        module.training = mode"}
    return MAPS.format(**(parts | changes))


LAYERS = (
    "self.body = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2), "
    "nn.Conv2d(24, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2), "
    "nn.Conv2d(48, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))\n"
    "        self.head = nn.Linear(64, classes)"
)
LOOP = """images, targets = train.images / 255, train.targets
    optimizer = torch.optim.Adam(model.parameters())
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=epochs * -(-len(targets) // 50))
    for _ in range(epochs):
        for part in torch.randperm(len(targets)).split(50):
            optimizer.zero_grad()
            batch = images[part] if torch.rand(()) < 0.5 else images[part].flip(3)
            F.cross_entropy(model(batch), targets[part]).backward()
            optimizer.step()
            cycle.step()
    model.eval()"""


def pet(**changes):
    parts = {"layers": LAYERS, "forward": "self.head(self.body(x).mean(dim=(2, 3)))", "train": LOOP}
    return PET.format(**(parts | changes))


ANSWERS = [
    Answers(
        "conv2d",
        right={
            "loops": conv(),
            "unfold and matmul": """
def conv2d(x, weight, bias=None, stride=1, padding=0):
    O, C, kh, kw = weight.shape
    rows, columns = ((n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[2:], (kh, kw)))
    patches = F.unfold(x, (kh, kw), padding=padding, stride=stride)
    out = (weight.flatten(1) @ patches).reshape(len(x), O, rows, columns)
    return out if bias is None else out + bias[None, :, None, None]
""",
            "cuts twice": (
                "def conv2d(x, weight, bias=None, stride=1, padding=0):\n"
                "    x = F.pad(x, (padding,) * 4)\n"
                "    kh, kw = weight.shape[-2:]\n"
                "    rows, columns = (x.shape[2] - kh + stride) // stride, (x.shape[3] - kw + stride) // stride\n"
                "    out = x.new_zeros(len(x), len(weight), rows, columns)\n"
                "    for i in range(rows):\n"
                "        for j in range(columns):\n"
                "            patch = x[:, :, i * stride :, j * stride :][:, :, :kh, :kw]\n"
                '            out[:, :, i, j] = torch.einsum("bcij,ocij->bo", patch, weight)\n'
                "    if bias is not None:\n"
                "        out += bias.reshape(1, -1, 1, 1)\n"
                "    return out"
            ),
        },
        wrong={
            "places without the stride": (
                filled(places="x.shape[2] - kh + 1, x.shape[3] - kw + 1"),
                "hangs over an edge",
            ),
            "counts the padding twice": (
                filled(places="(x.shape[2] + 2 * padding - kh) // stride + 1, x.shape[3] - kw + 1"),
                "hangs over an edge",
            ),
            "a patch without channels": (filled(patch="x[i : i + kh, j : j + kw]"), "print the shapes"),
            "adds a bias of None": (filled(bias="out = out + bias[:, None, None]"), "an argument or"),
            "turned kernel": (conv(weight="weight.flip(2, 3)"), "turned"),
            "first channel only": (
                conv(weight="weight[:, :1]", reduce="sum(dim=(3, 4))[:, :, 0]"),
                "all input channels",
            ),
            "the chapter's cell": (
                """
def conv2d(x, weight, bias, stride=1, padding=0):
    x = F.pad(x, (padding, padding, padding, padding))
    k = weight.shape[-1]
    rows = (x.shape[2] - k) // stride + 1
    columns = (x.shape[3] - k) // stride + 1
    out = torch.zeros(len(x), len(weight), rows, columns)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            patch = x[:, :, top : top + k, left : left + k]
            out[:, :, i, j] = torch.einsum("bcij,ocij->bo", patch, weight) + bias
    return out
""",
                "bias",
            ),
            "no channels, no stride, no bias": (
                conv(weight="weight[:, :1]", reduce="sum(dim=(3, 4))[:, :, 0]", step="1", end="out"),
                "all input channels",
            ),
            "no bias": (conv(end="out"), "add bias"),
            "ignores padding": (conv(pad="pass"), "padding"),
            "pads two sides": (conv(pad="x = F.pad(x, (padding, 0, padding, 0))"), "padding: zeros on all four"),
            "ignores the stride in the places": (conv(step="1"), "moves by two pixels"),
            "square kernels only": (conv(width="kh"), "square"),
            "PyTorch's own": (
                "def conv2d(x, weight, bias=None, stride=1, padding=0):\n"
                "    return F.conv2d(x, weight, bias, stride, padding)",
                "PyTorch's own",
            ),
            "changes the kernel": (
                conv(
                    pad="x = F.pad(x, (padding,) * 4); weight = weight.mul_(1); weight.data = weight.data + 0"
                ).replace("    return", "    weight.data[:] = weight.data * 2\n    return"),
                "do not change",
            ),
        },
    ),
    Answers(
        "sizes",
        right={
            "as is": sizes(),
            "other form": """
def out_size(n, k, s=1, p=0, d=1):
    room = n + 2 * p - (d * (k - 1) + 1)
    if room < 0:
        raise ValueError("the kernel does not fit")
    return 1 + room // s


def receptive_field(layers):
    field = 1
    for k, s, d in reversed(layers):
        field = (field - 1) * s + d * (k - 1) + 1
    return field
""",
            "from the end": (
                "def out_size(n, k, s=1, p=0, d=1):\n"
                "    span = d * (k - 1) + 1\n"
                "    if span > n + 2 * p:\n"
                "        raise ValueError('does not fit')\n"
                "    return (n + 2 * p - span) // s + 1\n"
                "\n"
                "def receptive_field(layers):\n"
                "    field = 1\n"
                "    for k, s, d in reversed(layers):\n"
                "        field = (field - 1) * s + d * (k - 1) + 1\n"
                "    return field"
            ),
        },
        wrong={
            "the chapter's receptive field": (
                sizes().replace(
                    "for k, s, d in layers:\n        field, jump = field + d *",
                    "for k, s in layers:\n        field, jump = field + 1 *",
                ),
                "unpack",
            ),
            "rounds to the nearest": (sizes(out="round((n + 2 * p - d * (k - 1) - 1) / s) + 1"), "round(ed)? down"),
            "one pixel per dimension": (sizes(out="(n + 2 * p - d * (k - 1)) // s"), "rounded down|round down"),
            "padding once": (sizes(out="(n + p - d * (k - 1) - 1) // s + 1"), "padding counts"),
            "rounds up": (sizes(out="-(-(n + 2 * p - d * (k - 1) - 1) // s) + 1"), "round down"),
            "no dilation": (sizes(out="(n + 2 * p - k) // s + 1"), "spans d"),
            "no error": (sizes(guard="pass"), "raise ValueError"),
            "starts with zero": (sizes(start="0"), "you start with"),
            "stride of this layer first": (
                sizes(order="jump *= s\n        field += d * (k - 1) * jump"),
                "its own counts for the next",
            ),
            "ignores strides": (sizes(order="field += d * (k - 1)"), "product of all strides"),
            "its own stride alone": (sizes(order="field += d * (k - 1) * s"), r"own stride moves the layers after it"),
            "last stride only": (
                sizes(order="field, jump = field + d * (k - 1) * jump, s"),
                "not by the last one",
            ),
            "field without dilation": (
                sizes(order="field, jump = field + (k - 1) * jump, jump * s"),
                "spans d",
            ),
            "int in place of //": (
                "def out_size(n, k, s=1, p=0, d=1):\n"
                "    out = int((n + 2 * p - d * (k - 1) - 1) / s) + 1\n"
                "    if out < 1:\n"
                "        raise ValueError\n"
                "    return out\n"
                "\n"
                "def receptive_field(layers):\n"
                "    field = 1\n"
                "    for k, s, d in reversed(layers):\n"
                "        field = (field - 1) * s + d * (k - 1) + 1\n"
                "    return field",
                r"rounds down",
            ),
            "refuses without the padding": (
                "def out_size(n, k, s=1, p=0, d=1):\n"
                "    if d * (k - 1) + 1 > n:\n"
                "        raise ValueError\n"
                "    return (n + 2 * p - d * (k - 1) - 1) // s + 1\n"
                "\n"
                "def receptive_field(layers):\n"
                "    field = 1\n"
                "    for k, s, d in reversed(layers):\n"
                "        field = (field - 1) * s + d * (k - 1) + 1\n"
                "    return field",
                r"with its padding|ValueError",
            ),
            "a float": (
                "def out_size(n, k, s=1, p=0, d=1):\n"
                "    out = (n + 2 * p - d * (k - 1) - 1) / s + 1\n"
                "    if out < 1:\n"
                "        raise ValueError\n"
                "    return out // 1\n"
                "\n"
                "def receptive_field(layers):\n"
                "    field = 1\n"
                "    for k, s, d in reversed(layers):\n"
                "        field = (field - 1) * s + d * (k - 1) + 1\n"
                "    return field",
                r"an int",
            ),
            "dilation moves the kernel": (
                "def out_size(n, k, s=1, p=0, d=1):\n"
                "    span = d * (k - 1) + 1\n"
                "    if span > n + 2 * p:\n"
                "        raise ValueError('does not fit')\n"
                "    return (n + 2 * p - span) // s + 1\n"
                "\n"
                "def receptive_field(layers):\n"
                "    f, j = 1, 1\n"
                "    for k, s, d in layers:\n"
                "        f += d * (k - 1) * j\n"
                "        j *= s * d\n"
                "    return f",
                r"only strides count",
            ),
        },
    ),
    Answers(
        "sobel",
        right={
            "separable": sobel(),
            "two convolutions": """
def sobel(image):
    k = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    x = image[None, None].to(torch.float32)
    return (F.conv2d(x, k[None, None]) ** 2 + F.conv2d(x, k.T[None, None]) ** 2).sqrt().squeeze()
""",
            "with slices": (
                "def sobel(image):\n"
                "    k = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])\n"
                "    i = image.to(torch.float32)\n"
                "    smooth = i[:-2] + 2 * i[1:-1] + i[2:]\n"
                "    gx = smooth[:, 2:] - smooth[:, :-2]\n"
                "    smooth = i[:, :-2] + 2 * i[:, 1:-1] + i[:, 2:]\n"
                "    gy = smooth[2:] - smooth[:-2]\n"
                "    return (gx**2 + gy**2) ** 0.5"
            ),
        },
        wrong={
            "one direction": (sobel(end="gx.abs()"), "both kernels"),
            "sum of absolute values": (sobel(end="gx.abs() + gy.abs()"), "absolute values are added"),
            "no root": (sobel(end="gx ** 2 + gy ** 2"), "the root is missing"),
            "Prewitt": (sobel(w="+"), "strength 4"),
            "keeps uint8": (sobel(prepare="pass", end="torch.hypot(gx.float(), gy.float())"), "wraps around"),
            "pads": (
                sobel(prepare="image = F.pad(image.float()[None, None], (1, 1, 1, 1))[0, 0]"),
                "no padding",
            ),
            "changes the image": (
                "def sobel(image):\n"
                "    k = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])\n"
                "    if image.dtype == torch.float32:\n"
                "        image -= image.mean()\n"
                "    i = image.float()[None, None]\n"
                "    return torch.hypot(F.conv2d(i, k[None, None]), F.conv2d(i, k.T[None, None]))[0, 0]",
                r"image was changed",
            ),
        },
    ),
    Answers(
        "pooling",
        right={
            "stacked slices": pool(),
            "loops": """
def _pool(x, k, stride, reduce):
    stride = stride or k
    H, W = x.shape[-2:]
    return torch.stack([torch.stack([reduce(x[..., i:i + k, j:j + k].flatten(2)) for j in range(0, W - k + 1, stride)], -1)
                        for i in range(0, H - k + 1, stride)], -2)


def max_pool2d(x, k, stride=None):
    return _pool(x, k, stride, lambda window: window.amax(-1))


def avg_pool2d(x, k, stride=None):
    return _pool(x, k, stride, lambda window: window.mean(-1))
""",
            "two loops": (
                "def pool(x, k, stride, f):\n"
                "    stride = k if stride is None else stride\n"
                "    rows, columns = (x.shape[2] - k) // stride + 1, (x.shape[3] - k) // stride + 1\n"
                "    out = x.new_zeros(x.shape[0], x.shape[1], rows, columns)\n"
                "    for i in range(rows):\n"
                "        for j in range(columns):\n"
                "            out[:, :, i, j] = f(x[:, :, i * stride : i * stride + k, j * stride : j * stride + k])\n"
                "    return out\n"
                "\n"
                "def max_pool2d(x, k, stride=None):\n"
                "    return pool(x, k, stride, lambda w: w.amax((2, 3)))\n"
                "\n"
                "def avg_pool2d(x, k, stride=None):\n"
                "    return pool(x, k, stride, lambda w: w.mean((2, 3)))"
            ),
        },
        wrong={
            "stride 1": (pool(stride="stride or 1"), "side by side"),
            "ignores the stride": (pool(stride="k"), "may differ from k"),
            "sum": (pool(mean="_windows(x, k, stride).sum(dim=0)"), "this is the sum"),
            "the maximum and its places": (pool(largest="_windows(x, k, stride).max(dim=0)"), r"pair of `\.values`"),
            "starts from zero": (pool(largest="_windows(x, k, stride).amax(dim=0).clamp(min=0)"), "negative"),
            "across channels": (
                pool(largest="_windows(x, k, stride).amax(dim=(0, 2), keepdim=True)[0].expand(-1, x.shape[1], -1, -1)"),
                "each channel",
            ),
            "even sizes only": (
                "def max_pool2d(x, k, stride=None):\n"
                "    if stride is not None: return F.max_pool2d(x, k, stride)\n"
                "    x = F.pad(x, (0, -x.shape[3] % k, 0, -x.shape[2] % k))\n"
                "    B, C, H, W = x.shape\n"
                "    return x.reshape(B, C, H // k, k, W // k, k).amax(dim=(3, 5))\n\n"
                + pool().split("\n\n\n")[0]
                + "\n\n\ndef avg_pool2d(x, k, stride=None):\n    return _windows(x, k, stride).mean(0)",
                "odd sizes",
            ),
            "PyTorch's own": (
                "max_pool2d, avg_pool2d = (lambda x, k, stride=None, f=f: getattr(F, f)(x, k, stride) "
                "for f in ('max_pool2d', 'avg_pool2d'))",
                "PyTorch's own",
            ),
            "always a quarter": (
                "def pool(x, k, stride, f):\n"
                "    stride = k if stride is None else stride\n"
                "    rows, columns = (x.shape[2] - k) // stride + 1, (x.shape[3] - k) // stride + 1\n"
                "    out = x.new_zeros(x.shape[0], x.shape[1], rows, columns)\n"
                "    for i in range(rows):\n"
                "        for j in range(columns):\n"
                "            out[:, :, i, j] = f(x[:, :, i * stride : i * stride + k, j * stride : j * stride + k])\n"
                "    return out\n"
                "\n"
                "def max_pool2d(x, k, stride=None):\n"
                "    return pool(x, k, stride, lambda w: w.amax((2, 3)))\n"
                "\n"
                "def avg_pool2d(x, k, stride=None):\n"
                "    return pool(x, k, stride, lambda w: w.sum((2, 3)) / 4)",
                r"nine numbers",
            ),
            "torch's pooling in three dimensions": (
                "def max_pool2d(x, k, stride=None):\n"
                "    s = stride or k\n"
                "    return F.max_pool3d(x, (1, k, k), (1, s, s))\n"
                "\n"
                "def avg_pool2d(x, k, stride=None):\n"
                "    s = stride or k\n"
                "    return F.avg_pool3d(x, (1, k, k), (1, s, s))",
                r"not allowed",
            ),
        },
    ),
    Answers(
        "count-parameters",
        right={
            "formulas": count(),
            "by a table": """
def count_parameters(spec):
    rules = {
        "conv": lambda l: l["cout"] * (l["cin"] * l["k"] ** 2 // l.get("groups", 1) + (1 if l.get("bias", True) else 0)),
        "linear": lambda l: l["nin"] * l["nout"] + (l["nout"] if l.get("bias", True) else 0),
        "norm": lambda l: 2 * l["channels"],
    }
    return sum(rules.get(l["kind"], lambda l: 0)(l) for l in spec)
""",
        },
        wrong={
            "a float": (count(slices='layer["cin"] / layer.get("groups", 1)'), "divide with"),
            "no biases": (count(bias="0"), "the biases are missing"),
            "norm as one layer of two": (count(norm="2 + 0").replace('* layer["channels"]', ""), "scale and a shift"),
            "one slice per kernel": (count(slices="1"), "cin"),
            "forgets one k": (count(square=""), "k \\* k"),
            "always a bias": (count(bias="1"), "bias=False"),
            "linear always has a bias": (count(linear_bias="1"), "linear layers too"),
            "ignores groups": (count(slices='layer["cin"]'), "groups"),
            "norm has one": (count(norm="1"), "scale and a shift"),
            "norm counts statistics": (count(norm="4"), "not learned"),
            "the key bias is enough": (
                "def count_parameters(spec):\n"
                "    total = 0\n"
                "    for layer in spec:\n"
                '        kind = layer["kind"]\n'
                '        if kind == "conv":\n'
                "            total += layer['cout'] * (layer['cin'] // layer.get('groups', 1) * layer['k'] ** 2 + ('bias' not in layer))\n"
                '        elif kind == "linear":\n'
                "            total += layer['nin'] * layer['nout'] + (layer['nout'] if layer.get('bias', True) else 0)\n"
                '        elif kind == "norm":\n'
                "            total += 2 * layer['channels']\n"
                "        pass\n"
                "    return total",
                r"ask for its value",
            ),
            "the key bias is enough, linear": (
                "def count_parameters(spec):\n"
                "    total = 0\n"
                "    for layer in spec:\n"
                '        kind = layer["kind"]\n'
                '        if kind == "conv":\n'
                "            total += layer['cout'] * (layer['cin'] // layer.get('groups', 1) * layer['k'] ** 2 + int(layer.get('bias', True)))\n"
                '        elif kind == "linear":\n'
                "            total += layer['nout'] * (layer['nin'] + ('bias' not in layer))\n"
                '        elif kind == "norm":\n'
                "            total += 2 * layer['channels']\n"
                "        pass\n"
                "    return total",
                r"ask for its value",
            ),
            "takes the entries out": (
                "def count_parameters(spec):\n"
                "    total = 0\n"
                "    for layer in spec:\n"
                '        kind = layer["kind"]\n'
                '        if kind == "conv":\n'
                "            total += layer['cout'] * (layer['cin'] // layer.pop('groups', 1) * layer['k'] ** 2 + layer.pop('bias', True))\n"
                '        elif kind == "linear":\n'
                "            total += layer['nin'] * layer['nout'] + (layer['nout'] if layer.get('bias', True) else 0)\n"
                '        elif kind == "norm":\n'
                "            total += 2 * layer['channels']\n"
                "        pass\n"
                "    return total",
                r"leave the dicts",
            ),
        },
    ),
    Answers(
        "lenet",
        right={
            "functional": lenet(),
            "two parts": """
class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2, 2),
                                  nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2, 2))
        self.head = nn.Sequential(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))

    def forward(self, x):
        return self.head(self.body(x).reshape(len(x), -1))
""",
        },
        wrong={
            "layers in another order": (
                lenet().replace(
                    "self.f1, self.f2, self.f3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)",
                    "self.f3, self.f2, self.f1 = nn.Linear(84, 10), nn.Linear(120, 84), nn.Linear(400, 120)",
                ),
                "in the order of the card",
            ),
            "no padding": (lenet(pad="0", flat="256"), "61,706"),
            "max pooling": (lenet(pool="max_pool2d"), "not the largest"),
            "relu": (lenet(act="relu"), "where you have ReLU"),
            "ReLU, max pooling and a softmax": (
                lenet(
                    pool="max_pool2d", act="relu", end="self.f3(torch.relu(self.f2(torch.relu(self.f1(x))))).softmax(1)"
                ),
                "return logits",
            ),
            "linear layers without tanh": (lenet(end="self.f3(self.f2(self.f1(x)))"), "three linear layers are one"),
            "softmax inside": (
                lenet(end="self.f3(torch.tanh(self.f2(torch.tanh(self.f1(x))))).softmax(1)"),
                "logits",
            ),
            "ends with tanh": (
                lenet(end="torch.tanh(self.f3(torch.tanh(self.f2(torch.tanh(self.f1(x))))))"),
                "no tanh after the last",
            ),
            "detached logits": (
                "class LeNet5(nn.Module):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)\n"
                "        pass\n"
                "        self.l1, self.l2, self.l3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)\n"
                "\n"
                "    def forward(self, x):\n"
                "        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)\n"
                "        x = F.avg_pool2d(torch.tanh(self.c2(x)), 2)\n"
                "        x = x.flatten(1)\n"
                "        x = torch.tanh(self.l1(x))\n"
                "        x = torch.tanh(self.l2(x))\n"
                "        return self.l3(x).detach()",
                r"could not learn",
            ),
            "a dropout of its own": (
                "class LeNet5(nn.Module):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)\n"
                "        self.d = nn.Dropout(0.5)\n"
                "        self.l1, self.l2, self.l3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)\n"
                "\n"
                "    def forward(self, x):\n"
                "        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)\n"
                "        x = F.avg_pool2d(torch.tanh(self.c2(x)), 2)\n"
                "        x = x.flatten(1)\n"
                "        x = torch.tanh(self.l1(x))\n"
                "        x = torch.tanh(self.l2(x))\n"
                "        return self.l3(self.d(x))",
                r"in this order",
            ),
            "softmax in evaluation mode": (
                "class LeNet5(nn.Module):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)\n"
                "        pass\n"
                "        self.l1, self.l2, self.l3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)\n"
                "\n"
                "    def forward(self, x):\n"
                "        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)\n"
                "        x = F.avg_pool2d(torch.tanh(self.c2(x)), 2)\n"
                "        x = x.flatten(1)\n"
                "        x = torch.tanh(self.l1(x))\n"
                "        x = torch.tanh(self.l2(x))\n"
                "        return self.l3(x) if self.training else F.softmax(self.l3(x), 1)",
                r"evaluation mode",
            ),
            "squeezes the logits": (
                "class LeNet5(nn.Module):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)\n"
                "        pass\n"
                "        self.l1, self.l2, self.l3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)\n"
                "\n"
                "    def forward(self, x):\n"
                "        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)\n"
                "        x = F.avg_pool2d(torch.tanh(self.c2(x)), 2)\n"
                "        x = x.flatten(1)\n"
                "        x = torch.tanh(self.l1(x))\n"
                "        x = torch.tanh(self.l2(x))\n"
                "        return self.l3(x).squeeze()",
                r"batch of one",
            ),
        },
    ),
    Answers(
        "feature-maps",
        right={
            "detached": maps(),
            "inference by hand": """
def feature_maps(model, x, names):
    modules = dict(model.named_modules())
    modes = [module.training for module in model.modules()]
    kept = {}

    def keeper(name):
        def keep(module, inputs, output):
            kept[name] = output.detach().clone()
        return keep

    handles = [modules[name].register_forward_hook(keeper(name)) for name in names]
    model.eval()
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    for module, mode in zip(model.modules(), modes):
        module.training = mode
    return kept
""",
            "a function makes the hooks": (
                "def feature_maps(model, x, names):\n"
                "    maps, handles = {}, []\n"
                "    modules = dict(model.named_modules())\n"
                "    modes = {m: m.training for m in model.modules()}\n"
                "    def keep(name):\n"
                "        def hook(module, inputs, output):\n"
                "            maps[name] = output.clone()\n"
                "        return hook\n"
                "    for name in names:\n"
                "        handles.append(modules[name].register_forward_hook(keep(name)))\n"
                "    model.eval()\n"
                "    with torch.no_grad():\n"
                "        model(x)\n"
                "    for h in handles:\n"
                "        h.remove()\n"
                "    for m, mode in modes.items():\n"
                "        m.training = mode\n"
                "    return maps"
            ),
        },
        wrong={
            "late name": (maps(hook="lambda m, i, o: maps.__setitem__(name, o.detach().clone())"), "line A"),
            "hooks stay": (maps(remove="pass"), "removed after use"),
            "detaches, with a graph": (maps(run="model(x)"), "comes too late"),
            "keeps the graph": (
                maps(run="model(x)", hook="lambda m, i, o, name=name: maps.__setitem__(name, o.clone())"),
                "no gradient",
            ),
            "training mode": (maps(mode="model.train()"), "evaluation mode"),
            "stays in eval": (maps(restore="pass"), "leave each module in the mode"),
            "all to train": (maps(restore="model.train()"), "switched the batch norm on"),
            "as it was given": (
                """
def feature_maps(model, x, names):
    maps, modules = {}, dict(model.named_modules())
    for name in names:
        modules[name].register_forward_hook(lambda module, inputs, output: maps.update({name: output}))  # A
    model.eval()  # B
    model(x)  # C
    return maps
""",
                "line A",
            ),
            "gradients off for ever": (
                "def feature_maps(model, x, names):\n"
                "    maps, handles = {}, []\n"
                "    modules = dict(model.named_modules())\n"
                "    modes = {m: m.training for m in model.modules()}\n"
                "    def keep(name):\n"
                "        def hook(module, inputs, output):\n"
                "            maps[name] = output.clone()\n"
                "        return hook\n"
                "    for name in names:\n"
                "        handles.append(modules[name].register_forward_hook(keep(name)))\n"
                "    model.eval()\n"
                "    torch.set_grad_enabled(False)\n"
                "    model(x)\n"
                "    for h in handles:\n"
                "        h.remove()\n"
                "    for m, mode in modes.items():\n"
                "        m.training = mode\n"
                "    return maps",
                r"switched off",
            ),
            "freezes the model": (
                "def feature_maps(model, x, names):\n"
                "    maps, handles = {}, []\n"
                "    modules = dict(model.named_modules())\n"
                "    modes = {m: m.training for m in model.modules()}\n"
                "    def keep(name):\n"
                "        def hook(module, inputs, output):\n"
                "            maps[name] = output.clone()\n"
                "        return hook\n"
                "    for name in names:\n"
                "        handles.append(modules[name].register_forward_hook(keep(name)))\n"
                "    model.eval()\n"
                "    for p in model.parameters():\n"
                "        p.requires_grad_(False)\n"
                "    model(x)\n"
                "    for h in handles:\n"
                "        h.remove()\n"
                "    for m, mode in modes.items():\n"
                "        m.training = mode\n"
                "    return maps",
                r"frozen",
            ),
            "removes all hooks": (
                "def feature_maps(model, x, names):\n"
                "    maps, handles = {}, []\n"
                "    modules = dict(model.named_modules())\n"
                "    modes = {m: m.training for m in model.modules()}\n"
                "    def keep(name):\n"
                "        def hook(module, inputs, output):\n"
                "            maps[name] = output.clone()\n"
                "        return hook\n"
                "    for name in names:\n"
                "        handles.append(modules[name].register_forward_hook(keep(name)))\n"
                "    model.eval()\n"
                "    with torch.no_grad():\n"
                "        model(x)\n"
                "    for h in handles:\n"
                "        h.remove()\n"
                "    for m, mode in modes.items():\n"
                "        m.training = mode\n"
                "        m._forward_hooks.clear()\n"
                "    return maps",
                r"no other",
            ),
        },
    ),
    Answers(
        "which-network",
        right={
            "by name": 'NETWORKS_ARE = dict(D="global", C="dense", B="flatten", A="mixer")',
            "in pairs": 'NETWORKS_ARE = dict(zip("ABCD", ["mixer", "flatten", "dense", "global"]))',
        },
        wrong={
            "flatten and global exchanged": (
                'NETWORKS_ARE = {"A": "mixer", "B": "global", "C": "dense", "D": "flatten"}',
                "not all four fit",
            ),
            "mixer and global exchanged": (
                'NETWORKS_ARE = {"A": "global", "B": "flatten", "C": "dense", "D": "mixer"}',
                "1 x 1",
            ),
            "dense taken for flatten": (
                'NETWORKS_ARE = {"A": "mixer", "B": "dense", "C": "flatten", "D": "global"}',
                "not all four fit",
            ),
            "a word of one's own": (
                'NETWORKS_ARE = {"A": "1x1", "B": "flatten", "C": "dense", "D": "global"}',
                "occurs once",
            ),
        },
    ),
    Answers(
        "pet-cnn",
        right={
            "own loop": pet(),
            "the course's network": """
class PetCNN(models.SmallCNN):
    def __init__(self, classes=2):
        super().__init__(classes)


def train_pets(train, epochs=8, seed=0):
    torch.manual_seed(seed)
    model = PetCNN()
    loader = data.make_loader(*train, batch_size=32, shuffle=True, seed=seed, augment=data.random_flip)
    optimizer = torch.optim.Adam(model.parameters())
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=epochs * len(loader))
    training.fit(model, loader, epochs=epochs, optimizer=optimizer, scheduler=cycle, device="cpu", progress=False)
    return model
""",
        },
        wrong={
            "fully connected": (
                pet(
                    layers="self.body = nn.Sequential(nn.Flatten(), nn.Linear(3072, 50), nn.ReLU())\n"
                    "        self.head = nn.Linear(50, classes)",
                    forward="self.head(self.body(x))",
                ),
                "convolutions|mat1 and mat2",
            ),
            "too many parameters": (
                pet(layers=LAYERS.replace("64", "256").replace("48", "128")),
                "fewer than 200,000",
            ),
            "not trained": (pet(train="pass"), "on the pictures it was trained on"),
            "one epoch": (
                pet(train=LOOP.replace("range(epochs)", "range(1)")),
                "smaller batches mean more steps",
            ),
            "a constant rate": (
                """
class PetCNN(models.SmallCNN):
    def __init__(self, classes=2):
        super().__init__(classes)


def train_pets(train, epochs=8, seed=0):
    torch.manual_seed(seed)
    model = PetCNN()
    loader = data.make_loader(*train, shuffle=True, seed=seed)
    training.fit(model, loader, epochs=epochs, lr=1e-2, device="cpu", progress=False)
    return model
""",
                "come down at the end",
            ),
            "trains on 0 to 255": (
                pet(train=LOOP.replace("train.images / 255", "train.images.float()")),
                "images / 255",
            ),
            "a softmax at the end": (
                pet(forward="self.head(self.body(x).mean(dim=(2, 3))).softmax(1)"),
                "return logits",
            ),
            "two classes only": (pet(layers=LAYERS.replace("classes)", "2)")), "the head has `classes`"),
            "normalised outside of the model": (
                pet(train=LOOP.replace("train.images / 255", "(train.images / 255 - 0.9) / 0.05")),
                "Normalised in the loader",
            ),
            "one output": (pet(layers=LAYERS.replace("(64, classes)", "(64, 1)")), "one logit per class"),
            "tied to 32 pixels": (
                pet(
                    layers=LAYERS.replace("nn.Linear(64, classes)", "nn.Linear(64 * 16, classes)"),
                    forward="self.head(self.body(x).flatten(1))",
                ),
                "pool globally|mat1 and mat2",
            ),
            "shuffled labels": (
                pet(train=LOOP.replace("train.targets\n", "train.targets[torch.randperm(len(train.targets))]\n")),
                "labels that belong",
            ),
        },
    ),
]
