"""(a) One epoch of an MLP (784-128-64-10) on Fashion-MNIST in batches of 64, in CPU time.

Every contestant has the same network, optimizer, loss and number of steps, follows loss and accuracy of the training
data and shows its progress. All but the bare step and the tutorial loop read the same fast loader.
"""

import logging
import statistics
import warnings

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import Table, alternate, ratio, screen
from helpers.data import make_loader
from helpers.training import fit

RIVALS = True
BATCH = 64
BARE, TUTORIAL = "bare step on resident batches", "tutorial loop"
NAMES = {
    "lightning": "Lightning",
    "fastai": "fastai",
    "skorch": "skorch",
    "accelerate": "Accelerate",
    "ignite": "Ignite",
}


def run(quick: bool) -> Table:
    """Measure all contestants that can be imported: on the task, and on 4 x 4 pixels, where the loop itself shows."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    images, targets, source = load(10_000 if quick else 60_000)
    tiny = images[:10_000, :, ::7, ::7].contiguous(), targets[:10_000]
    contestants, costs, missing = own(images, targets), own(*tiny), []
    del costs[TUTORIAL]
    for module, name in NAMES.items():
        try:
            with screen():  # let it fail before the race and not in it
                globals()[module](images[:640], targets[:640])()
            contestants[name], costs[name] = (globals()[module](*data) for data in ((images, targets), tiny))
        except Exception as error:  # a rival that does not work with this torch is named, and the others go on
            missing.append(f"{name}: not measured ({type(error).__name__}: {str(error).splitlines()[0][:90]})")
    rounds = 3 if quick else 5
    with screen():
        seconds, own_seconds = alternate(contestants, rounds), alternate(costs, 7)
    rows = []
    for name in sorted(seconds, key=lambda name: ratio(own_seconds, name, BARE) if name in costs else float("inf")):
        step = f"{1000 * statistics.median(seconds[name]) * BATCH / len(targets):.3f}"
        cells = [f"{ratio(seconds, name, base):.2f}" for base in (BARE, "fit")]
        if name in costs:
            more = [one - other for one, other in zip(own_seconds[name], own_seconds[BARE], strict=True)]
            cells.append(f"{1e6 * statistics.median(more) * BATCH / len(tiny[1]):+.0f}")
        rows.append((name, step, *cells, *([] if name in costs else [""])))
    return Table(
        f"Training loop: one epoch over {source}",
        ("", "ms per step", "x bare", "x fit", "loop itself, us per step"),
        rows,
        [
            f"Medians of {rounds} alternating rounds, CPU time, one thread, torch {torch.__version__}.",
            "Last column: more than the bare step with images of 4 x 4 pixels, median of 7 rounds.",
            "Targets: fit at most 1.15 x bare; the tutorial loop at least 4 x fit; every rival above fit.",
            *missing,
        ],
    )


def load(count: int):
    """Images of Fashion-MNIST, or noise of the same shape (which costs the same) where there are none."""
    from helpers.data import fashion_mnist

    try:
        splits = fashion_mnist(fallback=False)
        images, targets = (torch.cat(parts)[:count] for parts in zip(splits.train, splits.val, strict=True))
        return images, targets, f"{count} images of Fashion-MNIST"
    except Exception:
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)
        return (
            images,
            torch.randint(10, (count,), generator=generator),
            f"{count} random images (no Fashion-MNIST here)",
        )


def network(images: torch.Tensor) -> nn.Module:
    torch.manual_seed(0)
    pixels = images[0].numel()
    return nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def optimizer_for(model: nn.Module) -> torch.optim.Optimizer:
    """What `fit` takes by default; the fused form is given to everyone."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)


def fast(images, targets):
    return make_loader(images, targets, batch_size=BATCH, shuffle=True)


def own(images, targets):
    """The bare step, `fit`, and the loop of the tutorials."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms
    from tqdm import tqdm

    resident = list(zip((images.float() / 255).split(BATCH), targets.split(BATCH), strict=True))
    data = datasets.FashionMNIST.__new__(datasets.FashionMNIST)  # as read from its files, which need not be here
    data.data, data.targets = images[:, 0], targets
    data.transform, data.target_transform = transforms.ToTensor(), None

    def bare():
        model = network(images)
        optimizer = optimizer_for(model)
        loss_fn = nn.CrossEntropyLoss()
        for inputs, labels in resident:
            optimizer.zero_grad()
            loss_fn(model(inputs), labels).backward()
            optimizer.step()

    def ours():
        model = network(images)
        fit(model, fast(images, targets), epochs=1, optimizer=optimizer_for(model), device="cpu", progress=True)

    def tutorial():
        model = network(images)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        loss_fn = nn.CrossEntropyLoss()
        loss_sum, right = 0.0, 0
        for inputs, labels in tqdm(DataLoader(data, batch_size=BATCH, shuffle=True)):
            optimizer.zero_grad()
            logits = model(inputs)
            loss = loss_fn(logits, labels)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(labels)
            right += (logits.argmax(1) == labels).sum().item()

    return {BARE: bare, "fit": ours, TUTORIAL: tutorial}


def lightning(images, targets):
    import lightning as L

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = network(images)

        def training_step(self, batch, index):
            inputs, labels = batch
            logits = self.model(inputs)
            loss = F.cross_entropy(logits, labels)
            values = {"loss": loss, "accuracy": (logits.argmax(1) == labels).float().mean()}
            self.log_dict(values, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(labels))
            return loss

        def configure_optimizers(self):
            return optimizer_for(self.model)

    def epoch():
        trainer = L.Trainer(
            max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False
        )
        trainer.fit(Module(), fast(images, targets))

    return epoch


def fastai(images, targets):
    from fastai.callback.progress import ProgressCallback  # noqa: F401 - adds the bar to every learner
    from fastai.data.core import DataLoaders
    from fastai.learner import AvgMetric, Learner
    from fastai.optimizer import OptimWrapper

    def accuracy(logits, labels):
        return (logits.argmax(1) == labels).float().mean()

    def epoch():
        model = network(images)
        loader = fast(images, targets)
        learner = Learner(
            DataLoaders(loader, loader),
            model,
            loss_func=nn.CrossEntropyLoss(),
            opt_func=lambda groups, lr: OptimWrapper(groups, torch.optim.Adam, lr=lr, fused=True),
            metrics=AvgMetric(accuracy),
            train_bn=False,
        )
        learner.recorder.train_metrics, learner.recorder.valid_metrics = True, False
        learner._do_epoch_validate = lambda *args, **kwargs: None  # the others do not validate either
        learner.fit(1, lr=1e-3)

    return epoch


def skorch(images, targets):
    from skorch import NeuralNetClassifier
    from skorch.callbacks import PassthroughScoring, ProgressBar

    class Net(NeuralNetClassifier):
        """Takes the fast loader, and follows the accuracy batch by batch as its documentation shows."""

        def get_iterator(self, dataset, training=False):
            return fast(images, targets)

        def train_step_single(self, batch, **options):
            step = super().train_step_single(batch, **options)
            labels = batch[1]
            self.history.record_batch("accuracy", (step["y_pred"].argmax(1) == labels).float().mean().item())
            return step

    def epoch():
        net = Net(
            network(images),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            optimizer__lr=1e-3,
            optimizer__fused=True,
            max_epochs=1,
            train_split=None,
            classes=list(range(10)),
            callbacks=[
                ("bar", ProgressBar()),
                ("accuracy", PassthroughScoring("accuracy", lower_is_better=False, on_train=True)),
            ],
        )
        net.fit(images, targets)

    return epoch


def accelerate(images, targets):
    from accelerate import Accelerator
    from tqdm import tqdm

    def epoch():
        accelerator = Accelerator(cpu=True)
        model = network(images)
        model, optimizer = accelerator.prepare(model, optimizer_for(model))
        loss_fn = nn.CrossEntropyLoss()
        loss_sum, right = 0.0, 0
        for inputs, labels in tqdm(fast(images, targets)):
            with accelerator.accumulate(model):
                optimizer.zero_grad()
                logits = model(inputs)
                loss = loss_fn(logits, labels)
                accelerator.backward(loss)
                optimizer.step()
            loss_sum += loss.detach() * len(labels)
            right += (logits.argmax(1) == labels).sum()

    return epoch


def ignite(images, targets):
    from ignite.engine import create_supervised_trainer
    from ignite.handlers import ProgressBar
    from ignite.metrics import Accuracy, Loss

    def epoch():
        model = network(images)
        trainer = create_supervised_trainer(
            model,
            optimizer_for(model),
            nn.CrossEntropyLoss(),
            output_transform=lambda inputs, labels, logits, loss: (logits.detach(), labels),
        )
        Accuracy().attach(trainer, "accuracy")
        Loss(nn.CrossEntropyLoss()).attach(trainer, "loss")
        ProgressBar().attach(trainer)
        trainer.run(fast(images, targets), max_epochs=1)

    return epoch
