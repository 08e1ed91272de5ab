"""Has no page a barrier that axe-core calls serious, in light and dark?"""

import json

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_no_page_has_serious_barriers(site, mode):
    barriers = {}
    for page in site.pages:
        site.open(page, mode)
        site.unfold()
        if found := site.axe(mode):
            barriers[page] = found
    assert barriers == {}, json.dumps(barriers, indent=1)
