"""A photograph named where it is dropped: by the kernel in a notebook, by the reader's own browser on the page.

The page's part is `classifier.js` and the weights that ``python -m tools.classifier`` puts beside it: 10 MB that load
only when a photograph has been chosen. Nothing is sent anywhere.
"""

from torch import nn

from helpers.interactive.upload import upload

__all__ = ["classifier_html", "drop_photograph"]

BASE = "../_static/classifier/"
NOTE = "In JupyterLab and Colab a button to choose photographs appears here; on the course's page you drop them."
# The page's own script is small: it waits for a photograph and only then asks for the rest.
PAGE = """<div class="course-classifier" data-base="{base}">
<style>
.course-classifier {{ border: 2px dashed currentColor; border-radius: 8px; padding: 1em; margin: 1em 0; }}
.course-classifier.over {{ border-style: solid; }}
.course-classifier :is(label, input) {{ display: block; white-space: normal; width: 100%; color: inherit; }}
.course-classifier canvas:not([hidden]) {{ display: block; max-width: 100%; }}
</style>
<p><label>Drop a photograph here, or choose one:
<input type="file" accept="image/*"></label></p>
<p>It is looked at in your browser, and nothing leaves your machine. The first one loads a network of 10 MB.</p>
<p role="status" aria-live="polite"></p>
<ol></ol><canvas role="img" aria-label="" hidden></canvas>
<p class="course-classifier-note"></p>
<script>
(function (root) {{
  function go(files) {{
    if (!files || !files.length) return;
    var ready = window.courseClassifier && window.courseClassifier.start;
    if (ready) return ready(root, files);
    var script = document.createElement("script");
    script.src = root.dataset.base + "classifier.js";
    script.onload = function () {{ window.courseClassifier.start(root, files); }};
    script.onerror = function () {{
      root.querySelector("[role=status]").textContent =
        "The network was not built into this copy of the page; use the button in the notebook instead.";
    }};
    document.head.appendChild(script);
  }}
  root.querySelector("input").addEventListener("change", function (event) {{ go(event.target.files); }});
  root.addEventListener("dragover", function (event) {{ event.preventDefault(); root.classList.add("over"); }});
  root.addEventListener("dragleave", function () {{ root.classList.remove("over"); }});
  root.addEventListener("drop", function (event) {{
    event.preventDefault();
    root.classList.remove("over");
    go(event.dataTransfer.files);
  }});
}})(document.currentScript.parentElement);
</script>
</div>"""


def classifier_html(base: str = BASE) -> str:
    """The part of a page that waits for a photograph.

    Args:
        base: where `classifier.js` and its weights lie, as seen from the page; it ends with a slash.
    """
    return PAGE.format(base=base)


def drop_photograph(model: nn.Module, title: str = "Choose photographs") -> None:
    """Name the animal in the reader's photographs: with a button in a notebook, by dropping them on the page.

    Args:
        model: a network that knows ImageNet's classes, such as ``models.backbone("efficientnet_lite0")``; the page
            always uses that one.
        title: the text on the button.
    """
    from helpers.imagenet import name_animal

    upload(lambda content: str(name_animal(model, content)), title=title, note=NOTE, read=bytes, page=classifier_html())
