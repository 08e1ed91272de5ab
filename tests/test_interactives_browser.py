"""Do the interactives and quizzes of every page work without a kernel?"""

import pytest

from tests.browsing import answer_quizzes, move_interactives

pytestmark = pytest.mark.browser


def test_every_interactive_and_quiz_works_without_a_kernel(site):
    figures, items, silent = 0, 0, []
    for page in site.pages:
        site.open(page)
        count, unchanged = move_interactives(site)
        figures, silent = figures + count, silent + unchanged
        items += answer_quizzes(site)
        assert site.faults() == []
    assert silent == []
    assert figures > 0
    assert items > 0
