"""Asks "pixtral-wgpu serve" with the official clients of OpenAI and Mistral, and
with curl, as their users do: python run.py PATH-OF-PIXTRAL-WGPU.

Nothing in the clients is changed but the base URL. Images are the examples of
the embedded model, so that the answers are known."""

import base64
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
EXAMPLES = HERE.parent.parent / "model" / "pocket" / "examples"
KEY = "a-key-of-these-tests"


def data_uri(name):
    return "data:image/png;base64," + base64.b64encode((EXAMPLES / name).read_bytes()).decode()


def start(binary):
    """Starts the server on a free port and returns it with its address."""
    keys = tempfile.NamedTemporaryFile("w", suffix=".txt")
    keys.write(KEY + "\n")
    keys.flush()
    server = subprocess.Popen(
        [binary, "serve", "--port", "0", "--api-keys", keys.name, "--ctx", "2048", "--log", "off",
         "--alias", "mistralai/Pixtral-12B-2409", "--alias", "pixtral-12b-2409", "--media-dir", str(EXAMPLES)],
        stderr=subprocess.PIPE, text=True)
    said = ""
    for line in server.stderr:
        said += line
        if found := re.search(r"(http://\S+)/v1", line):
            return server, found.group(1), keys
    raise SystemExit("the server did not start: " + said)


if __name__ == "__main__":
    server, base, keys = start(sys.argv[1])
    os.environ.update(PIXTRAL_BASE=base, PIXTRAL_KEY=KEY)
    try:
        suite = unittest.defaultTestLoader.discover(str(HERE), "suite_*.py")
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(60)
    if code != 0:
        raise SystemExit(f"the server ended with {code}")
    if not result.wasSuccessful() or result.testsRun < 30:
        raise SystemExit(1)
