"""Does the grading process need more memory for a larger class?"""

import pytest

from grader.tests.memory import peak_memory


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_hardly_grows_with_the_class(tmp_path):
    small, _ = peak_memory(tmp_path / "small", 50)
    large, _ = peak_memory(tmp_path / "large", 400)
    assert large < small + 20  # MB; 10,000 submissions are measured by `python -m grader.tests.memory`
