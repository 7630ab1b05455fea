"""Checks that Python's huggingface_hub and package hub share one cache layout.

Run from the root of the repository, with huggingface_hub installed:

    python hub/testdata/check_cache.py

It serves a tiny repository on the loopback, lets the Go client pull it and
huggingface_hub read what it wrote, then the other way round. No test needs it.
"""

import hashlib
import http.server
import json
import os
import subprocess
import tempfile
import threading

REPO, COMMIT = "owner/tiny-model", "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "params.json": b'{"dim": 8}',
    "tekken.json": b"{}",
    "consolidated.safetensors": bytes(range(256)) * 4096,
}


def describe(name):
    data = FILES[name]
    entry = {"rfilename": name, "size": len(data), "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
    if name.endswith(".safetensors"):
        entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return entry


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        prefix = f"/{REPO}/resolve/"
        if self.path.startswith(f"/api/models/{REPO}/revision/"):
            siblings = [describe(name) for name in FILES]
            self.answer(json.dumps({"id": REPO, "sha": COMMIT, "siblings": siblings}).encode(), "list")
        elif self.path.startswith(prefix):
            name = self.path[len(prefix):].split("/", 1)[1]
            entry = describe(name)
            self.answer(FILES[name], entry["lfs"]["sha256"] if "lfs" in entry else entry["blobId"])
        else:
            self.answer(b"", "none", 404)

    def answer(self, data, etag, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


def go(cache, endpoint, offline="0"):
    env = dict(os.environ, HF_ENDPOINT=endpoint, HF_HUB_CACHE=cache, HF_HUB_OFFLINE=offline, HF_TOKEN="hf_test")
    return json.loads(subprocess.run(["go", "run", "./hub/testdata/pull", REPO], env=env, check=True, capture_output=True).stdout)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    os.environ.update(HF_ENDPOINT=endpoint, HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
    import huggingface_hub as hf  # reads the environment when it is imported

    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        dir = go(ours, endpoint)["dir"]
        info = hf.scan_cache_dir(ours)
        assert not info.warnings, info.warnings
        (repo,) = info.repos
        (revision,) = repo.revisions
        assert (repo.repo_id, repo.nb_files, revision.commit_hash, revision.refs) == (REPO, 3, COMMIT, {"main"})
        assert repo.size_on_disk == sum(map(len, FILES.values()))
        for name in FILES:
            path = hf.hf_hub_download(REPO, name, cache_dir=ours, local_files_only=True)
            assert path == os.path.join(dir, name) and open(path, "rb").read() == FILES[name]

        for name in FILES:
            hf.hf_hub_download(REPO, name, cache_dir=theirs, token=False)
        found = go(theirs, endpoint, offline="1")
        (model,) = found["models"]
        assert (model["Repo"], model["Size"]) == (REPO, repo.size_on_disk), model
        assert model["Revisions"][0]["Refs"] == ["main"] and model["Revisions"][0]["Dir"] == found["dir"]

        def tree(root):  # (path, link target); locks and tags are nobody's content
            return sorted(
                (os.path.relpath(os.path.join(d, f), root), os.path.islink(p := os.path.join(d, f)) and os.readlink(p))
                for d, _, files in os.walk(root) for f in files if ".locks" not in d and f != "CACHEDIR.TAG"
            )

        assert tree(ours) == tree(theirs), (tree(ours), tree(theirs))
    print("huggingface_hub", hf.__version__, "and package hub agree")


if __name__ == "__main__":
    main()
