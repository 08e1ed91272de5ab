"""From an error's message to the mistake that is usually behind it, for the hint of a failed check."""

import re

# kind of error, what its message contains, the mistake behind it
_MISTAKES = [
    ("AttributeError|KeyError",
     r"before Module\.__init__|has no attribute '_(modules|parameters|buffers|forward_hooks\w*|backward_hooks\w*)'",
     "`__init__` must call `super().__init__()` first: it makes the place where a module keeps its layers"),
    ("TypeError", r"cannot assign .* as parameter .*Parameter or None expected",
     "a parameter is replaced by an `nn.Parameter` only; to write new numbers into it, use "
     "`layer.weight.copy_(...)` under `torch.no_grad()`"),
    ("TypeError", r"cannot assign .* to buffer", "give it a tensor, such as `torch.tensor([99.0])`"),
    ("AttributeError", r"'(BatchNorm|Conv|Linear)\w*' object has no attribute '(dim|size|shape)'",
     "a layer came where a tensor belongs; what a pre-hook returns replaces the layer's input: let it return None"),
    ("TypeError", r"is not a Module subclass", "pass a layer, not its class: `nn.ReLU()`, with brackets"),
    ("UnpicklingError", r"weights[_ ]only",
     "do not follow the advice to set `weights_only=False`, which lets a file run code: save plain data instead "
     "(`state_dict()`, tensors, numbers, strings), and the safe default reads it"),
    ("RuntimeError", r"does not require grad and does not have a grad_fn",
     "the way back to the weights is cut: look for `.item()`, `.detach()`, `.numpy()`, `torch.tensor(...)` or "
     "`no_grad` between the weights and the loss"),
    ("RuntimeError", r"call numpy\(\) on", "detaching cuts the gradient: take `torch.exp` for `np.exp`, and so on"),
    ("RuntimeError", r"leaf [Vv]ariable that requires grad is being used in an in-place",
     "change parameters in place under `with torch.no_grad():`"),
    ("RuntimeError", r"backward through the graph a second time",
     "each `backward()` uses its graph up: compute the loss anew in every step"),
    ("RuntimeError", r"modified by an inplace operation",
     "`backward` needs a value that was overwritten: write `x = x + 1` where `x += 1` stands"),
    ("RuntimeError", r"shapes cannot be multiplied|size mismatch|inconsistent tensor size",
     "the inner sizes of a product must agree; PyTorch stores weights as (out, in), so it is `x @ W.T`"),
    ("RuntimeError", r"batch2 tensor to be", "`.T` reverses *all* axes; with three, exchange the last two: `x @ W.mT`"),
    ("RuntimeError", r"must match the size|not broadcastable|shape mismatch",
     "write the shapes of both operands below each other from the right: each pair must be equal, or one of them 1"),
    ("TypeError|AttributeError", r"return_types", "`.max(dim)` gives two: take `.max(dim).values`, or `.amax(dim)`"),
    ("RuntimeError|NotImplementedError", r"Subtraction, the `-` operator",
     "a comparison gives True or False, which cannot be subtracted: make numbers of it with `.float()`"),
    ("RuntimeError|NotImplementedError", r"mean\(\): could not infer output dtype|std and var only support floating",
     "means need floats: convert with `.float()` first"),
    ("RuntimeError", r"expected (scalar type|m1 and m2)|same dtype|dtype .* but (found|got)",
     "both operands need one dtype; `.float()` makes float32"),
    ("RuntimeError|ValueError", r"Boolean value of Tensor|truth value of an array",
     "a tensor of several truth values is no `if`: use `&`, `|`, `torch.where`, `.any()` or `.all()`"),
    ("RuntimeError", r"(Expected all tensors to be on the same|is not on the expected) device",
     "move the model and every batch with `.to(device)`"),
    ("", r"NoneType",
     "None is what a function gives that is unfinished or has no `return`; an argument or a `.grad` may be None, too"),
    ("RuntimeError", r"einsum\(\)",
     "each letter is one axis with one size: print the shapes; a slice that hangs over an edge comes out shorter"),
    ("TypeError", r"'(Node|Value|float)' object is not iterable", "a tuple of one is written `(x,)`: `(x)` is only x"),
    ("", r"'?ellipsis'?", "`...` still stands where your code belongs"),
    ("NameError|UnboundLocalError", r"is not defined|not associated with a value",
     "no line above gives this name a value: is it misspelled, is a blank still open, or has a cell above not run?"),
    ("SyntaxError", r"invalid (non-printable )?character",
     "text programs and web pages use characters that Python does not know: type the minus `-`, the quotation mark "
     '`"` or the space again'),
    ("SyntaxError", r"leading zeros", "numbers have a decimal point: `0.01`, not `0,01`"),
]  # fmt: skip


def explain(kind: str, message: str) -> str:
    """The mistake behind an error, or an empty string.

    Args:
        kind: name of the exception's class.
        message: what the exception says.
    """
    for kinds, words, hint in _MISTAKES:
        if re.fullmatch(kinds or ".*", kind) and re.search(words, message, re.IGNORECASE):
            return hint
    return ""
