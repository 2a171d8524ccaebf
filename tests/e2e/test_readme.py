"""What the README shows of the API works when it is copied and run."""

from __future__ import annotations

import re
import subprocess
import sys

from clvap.audio import write
from tests.e2e.servers import ROOT
from tests.fakes import tone

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_run_as_they_are_written(fake_studio, tmp_path):
    write(tmp_path / "gesture.wav", tone(0.9))
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert examples
    for example in examples:
        assert "http://127.0.0.1:7860" in example
        code = example.replace("http://127.0.0.1:7860/", fake_studio.url).replace("http://127.0.0.1:7860", fake_studio.url)
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(".wav") == 2 and ".zip" in done.stdout


def test_the_endpoints_it_names_are_there(fake_studio):
    from gradio_client import Client

    there = set(Client(fake_studio.url, verbose=False).view_api(return_format="dict")["named_endpoints"])
    named = set(re.findall(r"`(/[a-z_]+)`", README[README.index("## API") : README.index("## On the web")]))
    assert named == there
