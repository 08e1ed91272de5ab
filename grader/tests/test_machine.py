"""Is an honest answer that this machine cannot run told from one that is wrong?"""
# ruff: noqa: E501 (a case in one line)

from pathlib import Path

import pytest

from grader.judge.machine import lacking, remedy_for
from grader.model import AnswerCell, Job
from grader.tests.jobs import plain

CODE = "x = open('/home/ada/data/birds.csv')\ny = open('fotos.csv')\nz = open('C:/Users/ada/x.csv')\nw = open('wrods.txt')\nv = open(r'D:\\data\\wild.csv')"
JOB = Job("a", "ada", Path("a.ipynb"), [AnswerCell("own", "code", None, "extra", CODE)],
          files={"words.txt": b"", "tools_of_course.py": b""})  # fmt: skip
MISSING = "No module named '{}'"
NO_FILE = "[Errno 2] No such file or directory: '{}'"

LACKED = [
    ("AssertionError", "Torch not compiled with CUDA enabled", "CUDA"),
    ("RuntimeError", "Found no NVIDIA driver on your system. Please check", "CUDA"),
    ("RuntimeError", "No CUDA GPUs are available", "CUDA"),
    (
        "RuntimeError",
        "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.",
        "CUDA",
    ),
    ("RuntimeError", "PyTorch is not linked with support for mps devices", "MPS"),
    ("RuntimeError", "The MPS backend is supported on MacOS 13.0+.", "MPS"),
    ("ModuleNotFoundError", MISSING.format("lightning"), "lightning"),
    ("ModuleNotFoundError", MISSING.format("tensorflow.keras"), "tensorflow"),
    ("ModuleNotFoundError", MISSING.format("google.colab"), "Google Colab"),
    ("FileNotFoundError", NO_FILE.format("/home/ada/data/birds.csv"), "birds.csv"),
    ("FileNotFoundError", NO_FILE.format("fotos.csv"), "fotos.csv"),
    ("FileNotFoundError", NO_FILE.format("C:/Users/ada/x.csv"), "x.csv"),
    ("URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>", "network"),
    ("gaierror", "[Errno -2] Name or service not known", "network"),
    ("ConnectionError", "HTTPSConnectionPool(host='a.b', port=443): Max retries exceeded with url: /", "network"),
    ("OSError", "[Errno 101] Network is unreachable", "network"),
    (
        "OSError",
        "We couldn't connect to 'https://a.b' to load the files, and couldn't find them in the cache.",
        "network",
    ),
    ("ConnectionRefusedError", "[Errno 111] Connection refused", "network"),
    ("TimeoutError", "[Errno 110] Connection timed out", "network"),
    ("SSLError", "HTTPSConnectionPool(host='a.b', port=443)", "network"),
    ("AssertionError", "Torch not compiled with XPU enabled", "XPU"),
    ("RuntimeError", "Dataset not found. You can use download=True to download it", "data set"),
    ("ModuleNotFoundError", MISSING.format("cv2"), "opencv-python"),
    ("ModuleNotFoundError", MISSING.format("dotenv"), "python-dotenv"),
    ("ImportError", "libGL.so.1: cannot open shared object file: No such file or directory", "libGL.so.1"),
    ("ImportError", "DLL load failed while importing _imaging: The specified module could not be found.", "_imaging"),
    ("FileNotFoundError", "fotos.csv not found.", "fotos.csv"),
    ("FileNotFoundError", NO_FILE.format("/box/answers/fotos.csv"), "fotos.csv"),
    ("FileNotFoundError", NO_FILE.format("D:\\\\data\\\\wild.csv"), "wild.csv"),
]
OWN_FAULT = [
    ("ModuleNotFoundError", MISSING.format("nunpy")),
    ("ModuleNotFoundError", MISSING.format("numpy.nothing")),
    ("ModuleNotFoundError", MISSING.format("tools_of_cuorse")),
    ("FileNotFoundError", NO_FILE.format("wrods.txt")),
    ("FileNotFoundError", NO_FILE.format("a-file-of-the-test.txt")),
    ("NameError", "name 'cuda' is not defined"),
    ("RuntimeError", "Expected one of cpu, cuda, ipu, xpu, mkldnn, mps device type at start of device string: gpu"),
    ("FileNotFoundError", "wrods.txt not found."),
    ("FileNotFoundError", "nothing-that-the-code-names.csv not found."),
    ("ValueError", "the key 'a' was not found."),
    ("ImportError", "cannot import name 'relu' from 'torch'"),
    ("KeyError", "'mps'"),
    ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied"),
    ("ValueError", "CUDA is a word"),
    ("TypeError", "unsupported operand"),
    ("", ""),
]


@pytest.mark.parametrize(("kind", "text", "what"), LACKED)
def test_is_what_the_machine_lacks_named(kind, text, what):
    assert what in lacking(kind, text, JOB)


@pytest.mark.parametrize(("kind", "text"), OWN_FAULT)
def test_is_a_fault_of_the_answer_left_to_it(kind, text):
    assert lacking(kind, text, JOB) == ""


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("nose", "install nose where the grader is"), ("nose.tools", "install nose where the grader is"),
        ("cv2", "install opencv-python-headless where"), ("rpy2.robjects", "install rpy2 where"),
        ("google", "on Google Colab only"), ("google.colab", "on Google Colab only"),
        ("numpy.nothing", "another version of numpy than the one here has it"),
        ("PIL.Nothing", "another version of pillow than the one here has it"),
    ],
)  # fmt: skip
def test_is_a_package_named_as_pip_names_it(module, remedy):
    assert remedy in remedy_for(module)


@pytest.mark.sandbox
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("answer", "status", "lacks"),
    [
        ("import lightning\ndef square(x):\n    return x * x", "flagged", "the package lightning"),
        ("def square(x):\n    import lightning\n    return x * x", "flagged", "the package lightning"),
        ("k = open('/home/ada/k.txt').read()\ndef square(x):\n    return x * x", "flagged", "the file /home/ada/k.txt"),
        ("import torch\ndef square(x):\n    return int(torch.tensor(x).to('cuda')) ** 2", "flagged", "a CUDA device"),
        ("import urllib.request as r\nr.urlopen('http://example.org')\ndef square(x):\n    return x * x", "flagged", "a network"),
        ("import nunpy\ndef square(x):\n    return x * x", "failed", ""),
        ("def square(x):\n    return x + x", "failed", ""),
    ],
)  # fmt: skip
def test_does_an_answer_that_cannot_run_here_wait_for_eyes(worker, answer, status, lacks):
    result = worker.run_job(plain("assert square(3) == 9", answer=answer))
    (task,) = result.tasks
    assert (task.status, task.score) == (status, 0)
    assert any(f"this machine lacks {lacks}" in flag for flag in result.flags) == (status == "flagged")


@pytest.mark.sandbox
@pytest.mark.timeout(180)
def test_does_an_own_cell_that_cannot_run_here_count_where_its_names_are_missed(worker):
    job = plain("assert square(3) == 9", answer="def square(x):\n    return power(x)")
    job.cells.insert(0, AnswerCell("own", "code", None, "extra", "from lightning import power"))
    assert worker.run_job(job).tasks[0].status == "flagged"
    job.cells[1] = AnswerCell(
        "square", "code", "square", "answer", "def square(x):\n    return 0", 0, job.cells[1].reference
    )
    assert worker.run_job(job).tasks[0].status == "failed"
