"""A cold start with a cluster: stand-ins of minikube on the real engine that take as long as told,
image builds of a given length, and services that wait for both."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from scenarios import HERE, QUICKSTART, write_image_context

NAME = "mlup-bench-cluster"
IMAGE = f"{NAME}-service:1"
NODE_IMAGE = f"{NAME}-node:1"
CLUSTER_SECONDS = 30
BUILD_SECONDS = 25


class Place:
    """A project, a home and a PATH of its own, with a minikube that takes its time."""

    def __init__(self, mlup, fake, folder):
        self.mlup = str(mlup)
        self.project = folder / "project"
        self.env = {
            "HOME": str(folder / "home"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
            **{name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ},
        }
        for each in ("home", "state", "bin", "project"):
            (folder / each).mkdir(parents=True)
        self.bin = folder / "bin"
        (self.bin / "minikube").symlink_to(fake)
        plugins = pathlib.Path.home() / ".docker" / "cli-plugins"
        if plugins.is_dir():
            shutil.copytree(plugins, folder / "home" / ".docker" / "cli-plugins")
        script = {"family": NAME, "image": NODE_IMAGE, "start_ms": CLUSTER_SECONDS * 1000}
        (self.bin / "fake-cluster.json").write_text(json.dumps(script), encoding="utf-8")
        write_image_context(folder / "node")
        self.run("docker", "build", "--quiet", "--tag", NODE_IMAGE, str(folder / "node"))
        self.write_project()

    def write_project(self):
        image = self.project / "image"
        image.mkdir()
        shutil.copy(QUICKSTART / "image" / "busybox", image / "busybox")
        (image / "Dockerfile").write_text(
            "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n"
            f"COPY round /round\nRUN sleep {BUILD_SECONDS}\n",
            encoding="utf-8",
        )
        service = {
            "image": IMAGE,
            "pull_policy": "never",
            "command": ["sleep", "3600"],
            "stop_signal": "SIGKILL",
            "healthcheck": {"test": ["CMD", "true"], "interval": "1s"},
        }
        model = {
            "name": NAME,
            "services": {"scheduler": {**service, "networks": ["cluster"]}, "db": service},
            "networks": {"cluster": {"name": NAME, "external": True}},
        }
        # JSON is YAML too.
        (self.project / "compose.yml").write_text(json.dumps(model), encoding="utf-8")
        (self.project / "mlup.toml").write_text(
            f'name = "{NAME}"\n\n[cluster]\nprovider = "minikube"\nname = "{NAME}"\n\n'
            f'[[network]]\nname = "{NAME}"\nowner = "cluster"\n\n'
            f'[[image]]\nname = "{IMAGE}"\nbuild = "image"\n\n'
            '[[deploy]]\nname = "stack"\ncompose = "compose.yml"\n',
            encoding="utf-8",
        )

    def run(self, *command, check=True):
        """Seconds that it took."""
        begin = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.project, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return time.perf_counter() - begin

    def clear(self, number):
        """No cluster, no containers, no image; the next build is not a cached one."""
        self.run("docker", "compose", "down", "--volumes", check=False)
        self.run("minikube", "delete", "-p", NAME)
        self.run("docker", "image", "rm", "--force", IMAGE, check=False)
        (self.project / "image" / "round").write_text(f"{number}\n", encoding="utf-8")

    def start_cluster(self):
        return self.run("minikube", "start", "-p", NAME, "--driver=docker")

    def build(self):
        return self.run("docker", "build", "--quiet", "--tag", IMAGE, "image")

    def remove(self):
        self.clear(0)
        self.run("docker", "image", "rm", "--force", NODE_IMAGE, check=False)
        with contextlib.suppress(OSError):
            for pid in (self.bin / "fake-cluster.pids").read_text(encoding="utf-8").split():
                end_server(int(pid))


def end_server(pid):
    """Ends an API server of the stand-in that its node's end has not ended; nobody else's process."""
    try:
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"fake-cluster\0serve\0" in command:
            os.kill(pid, 9)
    except OSError:
        pass


def measure(mlup, fake, rounds, say):
    """Name to seconds. The critical path is the longer of cluster and build, each alone, and then
    the services with both there."""
    times = {"critical path": [], "mlup": [], "script": []}
    with tempfile.TemporaryDirectory(prefix="mlup-bench-") as folder:
        place = Place(mlup, fake, pathlib.Path(folder))
        try:
            for number in range(1, rounds + 1):
                place.clear(3 * number)
                begun = max(place.start_cluster(), place.build())
                times["critical path"].append(
                    begun + place.run("docker", "compose", "up", "-d", "--wait")
                )
                place.clear(3 * number + 1)
                times["mlup"].append(place.run(place.mlup, "start", "--progress", "quiet"))
                place.clear(3 * number + 2)
                times["script"].append(
                    place.start_cluster()
                    + place.build()
                    + place.run(str(HERE / "old-start.sh"), "compose.yml", "scheduler", "db")
                )
                last = ", ".join(f"{name} {values[-1]:.1f} s" for name, values in times.items())
                say(f"cluster, round {number} of {rounds}: {last}")
        finally:
            place.remove()
    return times
