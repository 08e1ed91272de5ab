"""Right and wrong answers to exercise 10, and the hint that each wrong one must get."""

from tests.mutants import Answers

FOLDER = """
class FolderDataset(Dataset):
    def __init__(self, root, transform=None):
        self.transform = transform
        self.classes = {classes}
        self.samples = []
        for index, name in enumerate(self.classes):
            files = {files}
            {empty}
            self.samples += [(file, index) for file in files]
    def __len__(self):
        return len(self.samples)
    def __getitem__(self, i):
        file, index = self.samples[i]
        image = {image}
        {end}
"""
FOLDER_PARTS = {
    "classes": "sorted(p.name for p in Path(root).glob('*') if p.is_dir() and p.name[0] != '.')",
    "files": "sorted(f for f in (Path(root) / name).glob('[!.]*') if f.suffix.lower() in {'.png', '.jpg', '.jpeg'})",
    "empty": "if len(files) == 0: raise ValueError('no images of ' + name)",
    "image": "Image.open(file).convert('RGB')",
    "end": "return (self.transform(image) if self.transform else image), index",
}

STATS = """
def channel_stats(loader):
    count, total, squares = 0, 0, 0
    for images, targets in loader:
        x = images{cast}.transpose(0, 1).flatten(1)
        count += x.shape[1]
        total = total + x.sum(1)
        squares = squares + (x * x).sum(1)
    mean = total / count
    return mean, ({variance}).clamp(min=0).sqrt()
"""
VARIANCE = "squares / count - mean * mean"

CROP = """
def resize_center_crop(image, resize, crop):
    {guard}
    height, width = image.shape[1:]
    {size}
    x = F.interpolate(image[None].float(), (h, w), mode="bilinear", antialias={antialias})[0]
    {cut}
    return x[:, top : top + crop, left : left + crop]{end}
"""
CROP_PARTS = {
    "guard": "if crop > resize: raise ValueError('the crop is too large')",
    "size": "short = min(height, width); h, w = int(resize * height / short), int(resize * width / short)",
    "antialias": "True",
    "cut": "top, left = round((h - crop) / 2), round((w - crop) / 2)",
    "end": ".round().clamp(0, 255).to(torch.uint8)",
}

AUGMENT = """
def random_hflip(batch, p, generator):
    {flip}

def random_crop(batch, padding, mode, generator):
    height, width = batch.shape[-2:]
    {crop}
"""
FLIP = "return torch.where((torch.rand(len(batch), 1, 1, 1, generator=generator) < p), batch.flip(3), batch)"
WINDOWS = """padded = F.pad(batch, (padding, padding, padding, padding), {mode})
    rows = torch.randint({places}, (len(batch),), generator=generator)
    columns = torch.randint({places}, (len(batch),), generator=generator)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(batch)), :, rows, columns]"""

TRANSFORMS = """
def build_transforms(train, size, mean, std):
    if train:
        steps = {train}
    else:
        steps = {evaluation}
    return v2.Compose([{first}*steps, {scale}, {normalize}])
"""
TRANSFORM_PARTS = {
    "train": "[v2.Resize(size + 4), v2.RandomCrop(size), v2.RandomHorizontalFlip()]",
    "evaluation": "[v2.Resize(size), v2.CenterCrop(size)]",
    "first": "v2.ToImage(), ",
    "scale": "v2.ToDtype(torch.float32, scale=True)",
    "normalize": "v2.Normalize(mean=mean, std=std)",
}

WRAPPER = """
class WithTransform(Dataset):
    def __init__(self, subset, transform=None):
        self.subset, self.transform = subset, transform
        {init}
    def __len__(self):
        return {length}
    def __getitem__(self, index):
        image, target = {item}
        {end}
"""
WRAPPER_PARTS = {
    "init": "pass",
    "length": "len(self.subset)",
    "item": "self.subset[index]",
    "end": "return (self.transform(image) if self.transform else image), target",
}

USE = """
def in_use(found, alarms, share, miss, false_alarm):
    {body}


CHOICE = {choice}
"""
PRECISION = "share * found / (share * found + (1 - share) * alarms)"

ROBUST = """
def train_robust(images, targets, seed=0):
    torch.manual_seed(seed)
    model = {model}
    optimizer = torch.optim.Adam(model.parameters(), lr={lr})
    generator = torch.Generator().manual_seed(seed)
    {before}
    for epoch in range({epochs}):
        for rows in torch.randperm(len(images), generator=generator).split(32):
            batch = images[rows]
            {augment}
            optimizer.zero_grad()
            F.cross_entropy(model(batch / 255), targets[rows]).backward()
            optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = {lr} * (1 - (epoch + 1) / {epochs})
    return {result}
"""
ROBUST_PARTS = {
    "model": "models.SmallCNN(10, 1, (16, 32))",
    "lr": "1e-2",
    "before": "pass",
    "epochs": "12",
    "augment": "batch = data.random_crop(batch, generator, padding=1, mode='zeros')",
    "result": "model.eval()",
}


def folder(**changes):
    return FOLDER.format(**(FOLDER_PARTS | changes))


def stats(cast=".double()", variance=VARIANCE):
    return STATS.format(cast=cast, variance=variance)


def crop(**changes):
    return CROP.format(**(CROP_PARTS | changes))


def augment(flip=FLIP, mode="mode", places="2 * padding + 1", crop=None):
    return AUGMENT.format(flip=flip, crop=crop or WINDOWS.format(mode=mode, places=places))


def transforms(**changes):
    return TRANSFORMS.format(**(TRANSFORM_PARTS | changes))


def wrapper(**changes):
    return WRAPPER.format(**(WRAPPER_PARTS | changes))


def use(body=f"return {PRECISION}, share * (1 - found) * miss + (1 - share) * alarms * false_alarm", choice="ABD"):
    return USE.format(body=body, choice=dict(zip(("clinic", "screening", "album"), choice, strict=True)))


def robust(**changes):
    return ROBUST.format(**(ROBUST_PARTS | changes))


ANSWERS = [
    Answers(
        "folder-dataset",
        right={
            "glob": folder(),
            "torchvision": """
class FolderDataset(Dataset):
    def __init__(self, root, transform=None):
        from torchvision.datasets import ImageFolder
        root = Path(root)
        self.transform = transform
        self.classes = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
        self.samples = []
        for k, name in enumerate(self.classes):
            names = [f for f in sorted((root / name).iterdir(), key=lambda f: f.name) if not f.name.startswith(".")]
            names = [f for f in names if f.name.lower().endswith((".jpg", ".jpeg", ".png"))]
            if not names:
                raise ValueError(name)
            self.samples.extend((f, k) for f in names)
    def __len__(self):
        return len(self.samples)
    def __getitem__(self, i):
        path, k = self.samples[i]
        image = Image.open(path).convert("RGB")
        return (self.transform(image), k) if self.transform is not None else (image, k)
""",
            "with glob": (
                "class FolderDataset(Dataset):\n"
                "    def __init__(self, root, transform=None):\n"
                '        folders = sorted(f for f in Path(root).iterdir() if f.is_dir() and not f.name.startswith("."))\n'
                "        self.classes = [folder.name for folder in folders]\n"
                "        self.transform = transform\n"
                "        self.samples = []\n"
                "        for index, folder in enumerate(folders):\n"
                "            files = sorted(f for f in folder.glob('[!.]*') if f.name.lower().endswith(('.png', '.jpg', '.jpeg')))\n"
                "            if len(files) == 0:\n"
                "                raise ValueError(f'no image in {folder.name}')\n"
                "            self.samples += [(file, index) for file in files]\n"
                "\n"
                "    def __len__(self):\n"
                "        return len(self.samples)\n"
                "\n"
                "    def __getitem__(self, i):\n"
                "        file, index = self.samples[i]\n"
                "        image = Image.open(file)\n"
                "        image = image.convert('RGB')\n"
                "        if self.transform:\n"
                "            image = self.transform(image)\n"
                "        return image, index"
            ),
        },
        wrong={
            "classes not sorted": (
                folder(
                    classes="sorted((p.name for p in Path(root).iterdir() if p.is_dir() and p.name[0] != '.'),"
                    " reverse=True)"
                ),
                "sorted",
            ),
            "no conversion": (folder(image="Image.open(file)"), "RGB"),
            "hidden folders are classes": (
                folder(classes="sorted(p.name for p in Path(root).iterdir() if p.is_dir())", empty="pass"),
                "begin with a dot",
            ),
            "takes every file": (
                folder(files="sorted((Path(root) / name).iterdir())"),
                "cannot identify|no text|classes are the names",
            ),
            "small letters only": (
                folder(files="sorted(f for f in (Path(root) / name).glob('[!.]*') if f.suffix in ('.png', '.jpg'))"),
                "in capitals too|JPG|zebra",
            ),
            "empty class accepted": (folder(empty="pass"), "without an image"),
            "only ._ is hidden": (
                folder(
                    files=FOLDER_PARTS["files"]
                    .replace("glob('[!.]*')", "iterdir()")
                    .replace(" if ", " if f.name[:2] != '._' and ")
                ),
                "not only those that begin",
            ),
            "endings without a dot": (
                folder(
                    files=FOLDER_PARTS["files"].replace(
                        "f.suffix.lower() in {'.png', '.jpg', '.jpeg'}",
                        "f.name.lower().endswith(('jpg', 'jpeg', 'png'))",
                    )
                ),
                "dot belongs to the ending",
            ),
            "folders inside the folder": (
                folder(files=FOLDER_PARTS["files"].replace("glob", "rglob")),
                "of the folder itself",
            ),
            "calls the transform None": (folder(end="return self.transform(image), index"), "ask first"),
            "no RGB, no capitals, no error": (
                folder(
                    image="Image.open(file)",
                    files="sorted(f for f in (Path(root) / name).glob('[!.]*') if f.suffix in ('.png', '.jpeg'))",
                    empty="pass",
                ),
                "may be in capitals",
            ),
            "only .jpg": (
                folder(
                    files="sorted(f for f in (Path(root) / name).glob('[!.]*') if f.suffix == '.jpg')", empty="pass"
                ),
                "suffix|capitals",
            ),
            "files not sorted": (
                folder(files=f"{FOLDER_PARTS['files']}[::-1]"),
                "files of a class by name",
            ),
            "forgets the transform": (folder(end="return image, index"), "apply the transform|not iterable"),
            "unfinished": ("class FolderDataset(Dataset):\n    ...", "FolderDataset|takes no arguments"),
            "any suffix with a g": (
                "class FolderDataset(Dataset):\n"
                "    def __init__(self, root, transform=None):\n"
                '        folders = sorted(f for f in Path(root).iterdir() if f.is_dir() and not f.name.startswith("."))\n'
                "        self.classes = [folder.name for folder in folders]\n"
                "        self.transform = transform\n"
                "        self.samples = []\n"
                "        for index, folder in enumerate(folders):\n"
                "            files = sorted(f for f in folder.iterdir() if 'g' in f.suffix.lower() and not f.name.startswith('.'))\n"
                "            if len(files) == 0:\n"
                "                raise ValueError(f'no image in {folder.name}')\n"
                "            self.samples += [(file, index) for file in files]\n"
                "\n"
                "    def __len__(self):\n"
                "        return len(self.samples)\n"
                "\n"
                "    def __getitem__(self, i):\n"
                "        file, index = self.samples[i]\n"
                "        image = Image.open(file)\n"
                "        image = image.convert('RGB')\n"
                "        if self.transform:\n"
                "            image = self.transform(image)\n"
                "        return image, index",
                r"no text|could not use|raised|files|got",
            ),
            "transforms the file as it is": (
                "class FolderDataset(Dataset):\n"
                "    def __init__(self, root, transform=None):\n"
                '        folders = sorted(f for f in Path(root).iterdir() if f.is_dir() and not f.name.startswith("."))\n'
                "        self.classes = [folder.name for folder in folders]\n"
                "        self.transform = transform\n"
                "        self.samples = []\n"
                "        for index, folder in enumerate(folders):\n"
                "            files = sorted(f for f in folder.glob('[!.]*') if f.name.lower().endswith(('.png', '.jpg', '.jpeg')))\n"
                "            if len(files) == 0:\n"
                "                raise ValueError(f'no image in {folder.name}')\n"
                "            self.samples += [(file, index) for file in files]\n"
                "\n"
                "    def __len__(self):\n"
                "        return len(self.samples)\n"
                "\n"
                "    def __getitem__(self, i):\n"
                "        file, index = self.samples[i]\n"
                "        image = Image.open(file)\n"
                "        image = self.transform(image) if self.transform else image.convert('RGB')\n"
                "        return image, index",
                r"RGB image",
            ),
            "an index as a tensor": (
                "class FolderDataset(Dataset):\n"
                "    def __init__(self, root, transform=None):\n"
                '        folders = sorted(f for f in Path(root).iterdir() if f.is_dir() and not f.name.startswith("."))\n'
                "        self.classes = [folder.name for folder in folders]\n"
                "        self.transform = transform\n"
                "        self.samples = []\n"
                "        for index, folder in enumerate(folders):\n"
                "            files = sorted(f for f in folder.glob('[!.]*') if f.name.lower().endswith(('.png', '.jpg', '.jpeg')))\n"
                "            if len(files) == 0:\n"
                "                raise ValueError(f'no image in {folder.name}')\n"
                "            self.samples += [(file, index) for file in files]\n"
                "\n"
                "    def __len__(self):\n"
                "        return len(self.samples)\n"
                "\n"
                "    def __getitem__(self, i):\n"
                "        file, index = self.samples[i]\n"
                "        image = Image.open(file)\n"
                "        image = image.convert('RGB')\n"
                "        if self.transform:\n"
                "            image = self.transform(image)\n"
                "        return image, torch.tensor(index)",
                r"is an int",
            ),
            "a text is enough": (
                "class FolderDataset(Dataset):\n"
                "    def __init__(self, root, transform=None):\n"
                '        folders = sorted(f for f in Path(root).iterdir() if f.is_dir() and not f.name.startswith("."))\n'
                "        self.classes = [folder.name for folder in folders]\n"
                "        self.transform = transform\n"
                "        self.samples = []\n"
                "        for index, folder in enumerate(folders):\n"
                "            files = sorted(f for f in folder.glob('[!.]*') if f.name.lower().endswith(('.png', '.jpg', '.jpeg')))\n"
                "            if not any(folder.iterdir()):\n"
                "                raise ValueError(folder.name)\n"
                "            self.samples += [(file, index) for file in files]\n"
                "\n"
                "    def __len__(self):\n"
                "        return len(self.samples)\n"
                "\n"
                "    def __getitem__(self, i):\n"
                "        file, index = self.samples[i]\n"
                "        image = Image.open(file)\n"
                "        image = image.convert('RGB')\n"
                "        if self.transform:\n"
                "            image = self.transform(image)\n"
                "        return image, index",
                r"a text alone",
            ),
        },
    ),
    Answers(
        "channel-stats",
        right={
            "sums": stats(),
            "merges means": """
def channel_stats(loader):
    n, mean, m2 = 0, 0.0, 0.0
    for images, _ in loader:
        x = images.double().permute(1, 0, 2, 3).flatten(1)
        k, batch_mean = x.shape[1], x.mean(1)
        delta = batch_mean - mean
        m2 = m2 + ((x - batch_mean[:, None]) ** 2).sum(1) + delta**2 * n * k / (n + k)
        mean = mean + delta * k / (n + k)
        n += k
    return mean, (m2 / n).sqrt()
""",
        },
        wrong={
            "in float32": (stats(cast=""), "float64"),
            "variance": (stats().replace(".sqrt()", ""), "this is the variance"),
            "mean of batch values": (
                """
def channel_stats(loader):
    pairs = [(x.double().mean((0, 2, 3)), x.double().std((0, 2, 3), correction=0)) for x, _ in loader]
    return torch.stack([m for m, _ in pairs]).mean(0), torch.stack([s for _, s in pairs]).mean(0)
""",
                "mean of means",
            ),
            "deviation as the mean of the batches'": (
                """
def channel_stats(loader):
    count, total, deviations = 0, 0, []
    for x, _ in loader:
        x = x.double().transpose(0, 1).flatten(1)
        count, total = count + x.shape[1], total + x.sum(1)
        deviations.append(x.std(1, correction=0))
    return total / count, torch.stack(deviations).mean(0)
""",
                "mean of the deviations",
            ),
            "reads twice": (
                """
def channel_stats(loader):
    count = sum(x.numel() // x.shape[1] for x, _ in loader)
    mean = sum(x.double().sum((0, 2, 3)) for x, _ in loader) / count
    return mean, (sum((x.double() - mean.view(-1, 1, 1)).square().sum((0, 2, 3)) for x, _ in loader) / count).sqrt()
""",
                "read the loader once",
            ),
            "keeps all images": (
                """
def channel_stats(loader):
    x = torch.cat([x for x, _ in loader]).double()
    return x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
""",
                "are gone when the next one comes",
            ),
            "keeps copies of all images": (
                """
def channel_stats(loader):
    x = torch.cat([x.double().clone() for x, _ in loader])
    return x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
""",
                "images are kept",
            ),
            "divides by the images": (stats().replace("x.shape[1]", "len(images)"), "not by the images alone"),
            "root of the mean variance": (
                """
def channel_stats(loader):
    count, total, inside = 0, 0, 0
    for x, _ in loader:
        x = x.double().transpose(0, 1).flatten(1)
        count, total, inside = count + x.shape[1], total + x.sum(1), inside + x.shape[1] * x.var(1, correction=0)
    return total / count, (inside / count).sqrt()
""",
                "between the means of the batches is missing",
            ),
            "one number": (
                """
def channel_stats(loader):
    x = torch.cat([x for x, _ in loader]).double()
    return x.mean(), x.std(correction=0)
""",
                "each channel",
            ),
            "divides by N - 1": (stats(variance=f"({VARIANCE}) * count / (count - 1)"), "not by one less|divides by"),
            "the root of less than nothing": (
                "def channel_stats(loader):\n"
                "    count, total, squares = 0, 0, 0\n"
                "    for images, _ in loader:\n"
                "        x = images.double()\n"
                "        count += x[:, 0].numel()\n"
                "        total = total + x.sum((0, 2, 3))\n"
                "        squares = squares + (x * x).sum((0, 2, 3))\n"
                "    mean = total / count\n"
                "    return mean, (squares / count - mean**2) ** 0.5",
                r"clamp it",
            ),
        },
    ),
    Answers(
        "resize-center-crop",
        right={
            "interpolate": crop(),
            "v2 classes": """
def resize_center_crop(image, resize, crop):
    if resize < crop:
        raise ValueError("crop too large")
    return v2.Compose([v2.Resize(resize), v2.CenterCrop(crop)])(image)
""",
        },
        wrong={
            "squeezes": (crop(size="h, w = resize, resize"), "keep the shape"),
            "crops only": (
                "def resize_center_crop(image, resize, crop):\n    return v2.CenterCrop(crop)(image)",
                "first, then cut",
            ),
            "no antialiasing": (crop(antialias="False"), "antialias"),
            "rounds the longer side": (crop(size=CROP_PARTS["size"].replace("int(", "round(")), "rounded down"),
            "scales the height": (crop(size="h, w = resize, int(resize * width / height)"), "portrait"),
            "corner instead of centre": (crop(cut="top, left = 0, 0"), "centre"),
            "no error": (crop(guard="pass"), "ValueError"),
            "returns floats": (crop(end=""), "uint8"),
            "never scales up": (
                "def resize_center_crop(image, resize, crop):\n"
                "    if crop > resize:\n"
                "        raise ValueError('x')\n"
                "    if min(image.shape[1:]) > resize:\n"
                "        image = v2.Resize(resize)(image)\n"
                "    return v2.CenterCrop(crop)(image)",
                r"scaled up",
            ),
            "refuses an equal crop": (
                "def resize_center_crop(image, resize, crop):\n"
                "    if crop >= resize:\n"
                "        raise ValueError('x')\n"
                "    return v2.CenterCrop(crop)(v2.Resize(resize)(image))",
                r"is allowed, only a larger",
            ),
            "compares with the image": (
                "def resize_center_crop(image, resize, crop):\n"
                "    if crop > min(image.shape[1:]):\n"
                "        raise ValueError('x')\n"
                "    return v2.CenterCrop(crop)(v2.Resize(resize)(image))",
                r"larger than|is allowed|ValueError",
            ),
        },
    ),
    Answers(
        "flip-and-crop",
        right={
            "windows": augment(),
            "loops": augment(
                flip="coins = torch.rand(len(batch), generator=generator)\n"
                "    return torch.stack([x.flip(-1) if c < p else x for x, c in zip(batch, coins)])",
                crop="""result = []
    for x in F.pad(batch, [padding] * 4, mode=mode):
        top, left = torch.randint(0, 2 * padding + 1, (2,), generator=generator).tolist()
        result.append(x[:, top:top + height, left:left + width])
    return torch.stack(result)""",
            ),
            "image by image": (
                "def random_hflip(batch, p, generator):\n"
                "    out = batch.clone()\n"
                "    chosen = torch.rand(batch.shape[0], generator=generator) < p\n"
                "    out[chosen] = out[chosen].flip(3)\n"
                "    return out\n"
                "\n"
                "def random_crop(batch, padding, mode, generator):\n"
                "    padded = F.pad(batch, [padding] * 4, mode=mode)\n"
                "    H, W = batch.shape[-2:]\n"
                "    out = torch.empty_like(batch)\n"
                "    for i in range(len(batch)):\n"
                "        top = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        left = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        out[i] = padded[i, :, top : top + H, left : left + W]\n"
                "    return out"
            ),
        },
        wrong={
            "one coin for the batch": (
                augment(flip="return batch.flip(-1) if torch.rand(1, generator=generator) < p else batch"),
                "one for the batch",
            ),
            "upside down": (augment(flip=FLIP.replace("flip(3)", "flip(2)")), "left to right"),
            "in place": (
                augment(
                    flip="coins = torch.rand(len(batch), generator=generator) < p\n"
                    "    batch[coins] = batch[coins].flip(-1)\n    return batch"
                ),
                "in place",
            ),
            "one place for the batch": (
                augment(
                    crop="""padded = F.pad(batch, [padding] * 4, mode=mode)
    top, left = torch.randint(2 * padding + 1, (2,), generator=generator).tolist()
    return padded[:, :, top:top + height, left:left + width]"""
                ),
                "place of its own",
            ),
            "places not equally likely": (
                augment(
                    crop=WINDOWS.format(mode="mode", places="0").replace(
                        "torch.randint(0, (len(batch),), generator=generator)",
                        "(torch.rand(len(batch), generator=generator) * 2 * padding).round().long()",
                    )
                ),
                "equally likely",
            ),
            "crops in place": (
                augment(
                    crop=WINDOWS.format(mode="mode", places="2 * padding + 1").replace(
                        "return windows[torch.arange(len(batch)), :, rows, columns]",
                        "batch[:] = windows[torch.arange(len(batch)), :, rows, columns]\n    return batch",
                    )
                ),
                "random_crop changes the batch in place",
            ),
            "one offset for both": (
                augment(
                    crop=WINDOWS.format(mode="mode", places="2 * padding + 1").replace("rows, columns]", "rows, rows]")
                ),
                "separately",
            ),
            "misses the last place": (augment(places="max(1, 2 * padding)"), "places occur"),
            "always zeros": (augment(mode='"constant"'), "reflect"),
            "ignores the generator": (augment(flip=FLIP.replace(", generator=generator", "")), "same coins"),
            "not cut back": (augment(crop="return F.pad(batch, [padding] * 4, mode=mode)"), "cut back"),
            "a coin for each channel": (
                "def random_hflip(batch, p, generator):\n"
                "    coins = torch.rand(batch.shape[:2], generator=generator) < p\n"
                "    return torch.where(coins[..., None, None], batch.flip(-1), batch)\n"
                "\n"
                "def random_crop(batch, padding, mode, generator):\n"
                "    padded = F.pad(batch, [padding] * 4, mode=mode)\n"
                "    H, W = batch.shape[-2:]\n"
                "    out = torch.empty_like(batch)\n"
                "    for i in range(len(batch)):\n"
                "        top = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        left = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        out[i] = padded[i, :, top : top + H, left : left + W]\n"
                "    return out",
                r"each of its channels",
            ),
            "width for height": (
                "def random_hflip(batch, p, generator):\n"
                "    out = batch.clone()\n"
                "    chosen = torch.rand(batch.shape[0], generator=generator) < p\n"
                "    out[chosen] = out[chosen].flip(3)\n"
                "    return out\n"
                "\n"
                "def random_crop(batch, padding, mode, generator):\n"
                "    padded = F.pad(batch, [padding] * 4, mode=mode)\n"
                "    H, W = batch.shape[-2:]\n"
                "    out = torch.empty_like(batch)\n"
                "    for i in range(len(batch)):\n"
                "        top = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        left = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        out[i] = padded[i, :, top : top + W, left : left + H]\n"
                "    return out",
                r"height and its width|RuntimeError",
            ),
            "always a square": (
                "def random_hflip(batch, p, generator):\n"
                "    out = batch.clone()\n"
                "    chosen = torch.rand(batch.shape[0], generator=generator) < p\n"
                "    out[chosen] = out[chosen].flip(3)\n"
                "    return out\n"
                "\n"
                "def random_crop(batch, padding, mode, generator):\n"
                "    padded = F.pad(batch, [padding] * 4, mode=mode)\n"
                "    H, W = batch.shape[-2:]\n"
                "    out = torch.empty_like(batch)\n"
                "    for i in range(len(batch)):\n"
                "        top = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        left = torch.randint(0, 2 * padding + 1, (1,), generator=generator).item()\n"
                "        out[i] = padded[i, :, top : top + H, left : left + H]\n"
                "    return out",
                r"height and its width|RuntimeError",
            ),
        },
    ),
    Answers(
        "build-transforms",
        right={
            "random crop": transforms(),
            "padded crop": transforms(
                train="[v2.Resize(size), v2.RandomCrop(size, padding=4), v2.RandomHorizontalFlip(p=0.5)]"
            ),
            "affine": transforms(
                train="[v2.Resize(size), v2.CenterCrop(size), v2.RandomAffine(0, translate=(0.1, 0.1)),"
                " v2.RandomHorizontalFlip(p=0.5)]"
            ),
            "flip first": transforms(
                train="[v2.RandomHorizontalFlip(p=0.5), v2.RandomResizedCrop((size, size), scale=(0.5, 1.0))]"
            ),
            "a little larger, then a crop": (
                "def build_transforms(train, size, mean, std):\n"
                "    if train:\n"
                "        return v2.Compose([v2.ToImage(), v2.Resize(size + 4), v2.RandomCrop(size), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean=mean, std=std)])\n"
                "    return v2.Compose([v2.ToImage(), v2.Resize(size), v2.CenterCrop(size), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])"
            ),
        },
        wrong={
            "no scaling": (transforms(scale="v2.ToDtype(torch.float32)"), "divide by 255 first"),
            "no normalisation": (transforms(normalize="v2.Identity()"), "v2.Normalize"),
            "squeezes": (transforms(evaluation="[v2.Resize((size, size))]"), "one number"),
            "random evaluation": (
                transforms(evaluation="[v2.Resize(size), v2.CenterCrop(size), v2.RandomHorizontalFlip()]"),
                "deterministic|divide by 255|PIL|one number",
            ),
            "training not random": (transforms(train="[v2.Resize(size), v2.CenterCrop(size)]"), "random"),
            "flips only": (
                transforms(train="[v2.Resize(size), v2.CenterCrop(size), v2.RandomHorizontalFlip()]"),
                "random crop",
            ),
            "resizes to the crop": (
                transforms(train="[v2.Resize(size), v2.RandomCrop(size), v2.RandomHorizontalFlip()]"),
                "no room",
            ),
            "crops without a resize": (
                transforms(train="[v2.RandomCrop(size), v2.RandomHorizontalFlip()]"),
                "scale first",
            ),
            "changes colours": (
                transforms(
                    train="[v2.RandomResizedCrop(size, scale=(0.7, 1.0)), v2.RandomHorizontalFlip(), v2.ColorJitter(0.3, 0.3)]"
                ),
                "colour",
            ),
            "no flip": (transforms(train="[v2.Resize(size + 4), v2.RandomCrop(size)]"), "horizontal flip"),
            "vertical flip": (
                transforms(
                    train="[v2.Resize(size + 4), v2.RandomCrop(size), v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]"
                ),
                "vertical flip",
            ),
            "tensors only": (transforms(first=""), "PIL"),
            "keeps the size": (transforms(evaluation="[v2.Resize(size)]"), "centre is cut out"),
            "no mean and std in training": (
                "def build_transforms(train, size, mean, std):\n"
                "    if train:\n"
                "        return v2.Compose([v2.ToImage(), v2.RandomResizedCrop(size, (0.6, 1.0)), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)])\n"
                "    return v2.Compose([v2.ToImage(), v2.Resize(size), v2.CenterCrop(size), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])",
                r"has to normalise, too",
            ),
            "no PIL image in training": (
                "def build_transforms(train, size, mean, std):\n"
                "    if train:\n"
                "        return v2.Compose([v2.RandomResizedCrop(size, (0.6, 1.0)), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])\n"
                "    return v2.Compose([v2.ToImage(), v2.Resize(size), v2.CenterCrop(size), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])",
                r"begin with ToImage|PIL",
            ),
            "normalises twice": (
                "def build_transforms(train, size, mean, std):\n"
                "    if train:\n"
                "        return v2.Compose([v2.ToImage(), v2.RandomResizedCrop(size, (0.6, 1.0)), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std), v2.Normalize(mean, std)])\n"
                "    return v2.Compose([v2.ToImage(), v2.Resize(size), v2.CenterCrop(size), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])",
                r"no colour changes",
            ),
        },
    ),
    Answers(
        "with-transform",
        right={
            "conditional": wrapper(),
            "unpacks": wrapper(end="return (image if self.transform is None else self.transform(image), target)"),
        },
        wrong={
            "still the long length": (wrapper(length="len(self.subset.dataset)"), "length"),
            "still the dataset's items": (wrapper(item="self.subset.dataset[index]"), "of the subset"),
            "still sets the shared one": (wrapper(init="subset.dataset.transform = transform"), "must not be changed"),
            "as it was given": (
                """
class WithTransform(Dataset):
    def __init__(self, subset, transform=None):
        self.subset = subset
        self.subset.dataset.transform = transform
    def __len__(self):
        return len(self.subset.dataset)
    def __getitem__(self, index):
        return self.subset.dataset[index]
""",
                "length is that of the subset",
            ),
            "transforms the pair": (
                wrapper(end="return self.transform((image, target))"),
                "transform the image only",
            ),
            "transforms the pair, keeps the target": (
                wrapper(end="return self.transform((image, target)), target"),
                "transform the image only",
            ),
            "None fails": (wrapper(end="return self.transform(image), target"), "ask first"),
            "transforms twice": (
                wrapper(
                    end="return (self.transform(self.transform(image)) if self.transform else image), target",
                ),
                "transformed",
            ),
        },
    ),
    Answers(
        "threshold-choice",
        right={
            "per 10,000 pictures": use(
                "n = 10_000 * share\n    true, missed, false = n * found, n - n * found, (10_000 - n) * alarms\n"
                "    return true / (true + false), (missed * miss + false * false_alarm) / 10_000"
            ),
            "by the odds": use(
                "odds = share / (1 - share) * found / alarms\n"
                "    cost = miss * (share - share * found) + false_alarm * (alarms - share * alarms)\n"
                "    return odds / (1 + odds), cost"
            ),
        },
        wrong={
            "precision of the test set": (
                use("return found / (found + alarms), share * (1 - found) * miss + (1 - share) * alarms * false_alarm"),
                "if half of all pictures",
            ),
            "recall for precision": (
                use("return found, share * (1 - found) * miss + (1 - share) * alarms * false_alarm"),
                "all alarms",
            ),
            "cost first": (
                use(f"return share * (1 - found) * miss + (1 - share) * alarms * false_alarm, {PRECISION}"),
                "in this order",
            ),
            "small letters": (use(choice="abd"), "in capitals"),
            "the thresholds themselves": (use(choice=(0.7, 1.5, 3.0)), "in quotes"),
            "cost without shares": (
                use(f"return {PRECISION}, (1 - found) * miss + alarms * false_alarm"),
                "can be missed",
            ),
            "what is found costs": (
                use(f"return {PRECISION}, share * found * miss + (1 - share) * alarms * false_alarm"),
                "what is found costs nothing",
            ),
            "only the misses": (use(f"return {PRECISION}, share * (1 - found) * miss"), "9 are false alarms"),
            "the same threshold everywhere": (use(choice="AAA"), "not all three"),
            "prices only": (use(choice="AAD"), "share of that place"),
            "the fewest false alarms": (use(choice="DDD"), "not all three"),
            "the other way round": (use(choice="DCA"), "not all three"),
        },
    ),
    Answers(
        "robust",
        right={
            "own loop": robust(),
            "all nine shifts": robust(
                before="""padded = F.pad(images, [1] * 4)
    shifts = [padded[:, :, i:i + 8, j:j + 8] for i in range(3) for j in range(3)]
    images, targets = torch.cat(shifts), targets.repeat(9)""",
                augment="pass",
                epochs="3",
            ),
        },
        wrong={
            "no augmentation": (robust(augment="pass"), "shifted digits"),
            "flips": (
                robust(augment="batch = data.random_flip(batch, generator)"),
                "shifted digits",
            ),
            "the defaults of random_crop": (
                robust(augment="batch = data.random_crop(batch, generator)"),
                "padding=1",
            ),
            "an epoch of a linear model": (
                robust(model="nn.Sequential(nn.Flatten(), nn.Linear(64, 10))", epochs="1"),
                "shifted digits",
            ),
            "returns nothing": (robust(result="None"), "not written yet|return"),
            "untrained": (robust(epochs="0"), "train longer"),
        },
    ),
]
