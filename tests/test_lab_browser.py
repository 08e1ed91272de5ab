"""`make lab`, as the README says: does the lab open at the chapters, and does a chapter lead to its exercise?"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.test_widgets_browser import browser, find, find_all, wait_until  # noqa: F401 (browser is a fixture)

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.browser


@pytest.fixture
def lab(tmp_path):
    """The address of a lab that `make lab` started, without another browser and with settings of its own."""
    pytest.importorskip("jupyterlab")
    assert "make lab" in (ROOT / "README.md").read_text(encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data"}
    env = os.environ | {key: str(tmp_path / folder) for key, folder in folders.items()}
    settings = tmp_path / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    # The question whether to fetch news would lie over the notebook.
    settings.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    options = f"--no-browser --allow-root --ip=127.0.0.1 --port={port} --IdentityProvider.token="
    # The environment is the one that runs this test: it is not set up anew.
    command = ["make", "-o", ".venv/.stamp", "lab", f"BIN={Path(sys.executable).parent}", f"LAB={options}"]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)

    def answers():
        assert server.poll() is None, (tmp_path / "lab.log").read_text()
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).status == 200

    try:
        wait_until(answers, 150)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            # A kernel that was still starting can keep the lab waiting; how fast it ends is not asked here.
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.mark.timeout(600)
def test_the_lab_opens_at_the_chapters_and_a_chapter_leads_to_its_exercise(browser, lab):  # noqa: F811
    browser.get(lab)
    wait_until(lambda: "/lab/tree/chapters" in browser.current_url, 120)
    wait_until(lambda: any("02_tensors.ipynb" in item.text for item in find_all(browser, ".jp-DirListing-item")), 120)
    browser.get(f"{lab}/lab/tree/chapters/02_tensors.ipynb")
    link = 'a[href*="exercises/02_tensors/02_tensors.ipynb"]'

    def reach_the_link():
        # What is far below is rendered only when it is scrolled to.
        browser.execute_script(
            "for (const n of document.querySelectorAll('.jp-WindowedPanel-outer')) n.scrollTop += 2000"
        )
        return find_all(browser, link)

    wait_until(reach_the_link, 150)
    browser.execute_script("arguments[0].click()", find(browser, link))
    wait_until(lambda: "exercises/02_tensors/02_tensors.ipynb" in browser.current_url, 120)
    panel = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-RenderedMarkdown h1"
    wait_until(lambda: any(re.search("Exercise", title.text, re.I) for title in find_all(browser, panel)), 120)


def test_every_exercise_is_in_reach_of_the_lab(lab):
    for exercise in sorted(ROOT.glob("exercises/*/*.ipynb")):
        address = f"{lab}/api/contents/{exercise.relative_to(ROOT)}?content=0"
        assert json.load(urllib.request.urlopen(address, timeout=20))["type"] == "notebook"
