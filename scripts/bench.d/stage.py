"""The fake Kubernetes API as a process of its own, and a project whose cluster it is."""

import json
import os
import pathlib
import subprocess
import time


class Stage:
    """An API with a simulated cluster behind it. Ends with the `with` block."""

    def __init__(self, fake):
        self.process = subprocess.Popen(
            (str(fake), "stage"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.kubeconfig = self.line()["kubeconfig"]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        # It fails where it was asked for what it does not know.
        if kind is None and code != 0:
            raise RuntimeError(f"the fake Kubernetes API ended with {code}")

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError("the fake Kubernetes API has ended")
        return json.loads(text)

    def order(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        return self.line()

    def store(self, *objects):
        self.order("store", objects=objects)

    def simulate(self, **settings):
        self.order("simulate", settings=settings)

    def changes(self):
        """What changed since the last time: moments in seconds since 1970, and objects."""
        return [(change["at"] / 1e6, change["object"]) for change in self.order("changes")["changes"]]

    def asked(self):
        """The requests since the last time, and how many there were at once so far."""
        answer = self.order("asked")
        return answer["requests"], answer["at_once"]


class Project:
    """A folder with an `mlup.toml` for that API, a home and a state of its own."""

    def __init__(self, mlup, stage, folder, tables):
        self.mlup = str(mlup)
        self.folder = folder / "project"
        for each in ("home/.kube", "state", "project"):
            (folder / each).mkdir(parents=True)
        (folder / "home" / ".kube" / "config").write_text(stage.kubeconfig, encoding="utf-8")
        self.env = {
            "HOME": str(folder / "home"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PATH": os.environ["PATH"],
        }
        head = 'name = "mlup-bench"\n\n[cluster]\nprovider = "existing"\ncontext = "bench"\n\n'
        self.write("mlup.toml", head + tables)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def write_objects(self, name, *objects):
        """A manifest. JSON is YAML too."""
        self.write(name, "\n---\n".join(map(json.dumps, objects)) + "\n")

    def run(self, *arguments, code=0):
        """Seconds that it took, and what it printed."""
        begin = time.perf_counter()
        done = subprocess.run(
            (self.mlup, *arguments), cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
        )
        took = time.perf_counter() - begin
        if done.returncode != code:
            command = " ".join(arguments)
            said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise RuntimeError(f"mlup {command}: exit {done.returncode}\n{said}")
        return took, done.stdout

    def start(self, code=0):
        """The events of a start, and the seconds that it took."""
        took, output = self.run("start", "--progress", "json", code=code)
        return [json.loads(line) for line in output.splitlines()], took


def deploy(name, *, needs=()):
    """The table of a deploy whose manifest has its name; without `needs` it follows the one above."""
    own = f"needs = {json.dumps(list(needs))}\n" if needs else ""
    return f'[[deploy]]\nname = "{name}"\nmanifests = "{name}.yaml"\nnamespace = "default"\n{own}\n'


def duration(seconds):
    """As the fake reads it."""
    whole = int(seconds)
    return {"secs": whole, "nanos": int((seconds - whole) * 1e9)}
