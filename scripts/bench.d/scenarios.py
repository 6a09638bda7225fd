"""The stacks that are started and how each tool starts them: the quickstart, and a large one."""

import json
import pathlib
import subprocess
import time

TOOLS = ("mlup", "compose", "script")
HERE = pathlib.Path(__file__).resolve().parent
QUICKSTART = HERE.parent.parent / "examples" / "quickstart"
HEALTHY_SERVICES = ("store", "db", "tracking", "model-api", "dashboard")


def run(*command, cwd=None):
    """Runs to the end; what a failing command said is part of the error."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def timed(*command, cwd=None):
    begin = time.perf_counter()
    run(*command, cwd=cwd)
    return time.perf_counter() - begin


def peak_memory_mib(*command, cwd=None):
    """Peak resident memory of the command itself; what it starts is not counted.

    Read from the kernel's high-water mark while it runs: the usage that `wait` gives is the largest
    of the command and of its children.
    """
    process = subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, high_water_mark_mib(process.pid))
        time.sleep(0.01)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {process.returncode}")
    return peak


def high_water_mark_mib(pid):
    """0 where the process has ended."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Quickstart:
    """examples/quickstart, with its images, network and files made beforehand by mlup."""

    def __init__(self, mlup):
        self.mlup = str(mlup)

    def start(self, tool):
        compose_file = str(QUICKSTART / "compose.yml")
        commands = {
            "mlup": (self.mlup, "start", "--progress", "quiet"),
            "compose": ("docker", "compose", "up", "-d", "--wait"),
            "script": (str(HERE / "old-start.sh"), compose_file, *HEALTHY_SERVICES),
        }
        return timed(*commands[tool], cwd=QUICKSTART)

    def clear(self):
        """No containers and no volumes; images, network and files stay."""
        run("docker", "compose", "down", "-v", cwd=QUICKSTART)

    def rounds(self, count, say):
        times = {(tool, kind): [] for tool in TOOLS for kind in ("cold", "warm")}
        self.start("mlup")
        for number in range(1, count + 1):
            # The order turns, so that no tool always comes first.
            for place in range(len(TOOLS)):
                tool = TOOLS[(place + number) % len(TOOLS)]
                self.clear()
                for kind in ("cold", "warm"):
                    times[(tool, kind)].append(self.start(tool))
                say(f"round {number} of {count}: {tool} {times[(tool, 'cold')][-1]:.2f} s cold, "
                    f"{times[(tool, 'warm')][-1]:.2f} s warm")
        self.start("mlup")
        return times

    def start_up(self, rounds):
        """Wall time of commands that only read."""
        commands = {"mlup --help": ("--help",), "mlup config check": ("config", "check")}
        return {
            name: [timed(self.mlup, *arguments, cwd=QUICKSTART) for _ in range(rounds)]
            for name, arguments in commands.items()
        }

    def memory(self):
        self.clear()
        return peak_memory_mib(self.mlup, "start", "--progress", "quiet", cwd=QUICKSTART)

    def remove(self):
        run(self.mlup, "reset", "--purge", "--yes", cwd=QUICKSTART)


class Large:
    """Many services of one image without dependencies, a tenth of them with a healthcheck."""

    def __init__(self, mlup, folder, services):
        self.mlup = str(mlup)
        self.folder = folder
        folder.mkdir(parents=True)
        write_image_context(folder / "image")
        model = {
            "name": "mlup-bench-large",
            "services": {f"worker-{n:03}": self.service(n) for n in range(services)},
        }
        # JSON is YAML too.
        (folder / "compose.yml").write_text(json.dumps(model), encoding="utf-8")
        (folder / "mlup.toml").write_text(project("mlup-bench-large", "10m"), encoding="utf-8")

    @staticmethod
    def service(number):
        service = idle_service()
        if number % 10 == 0:
            service["healthcheck"] = {"test": ["CMD", "true"], "interval": "5s"}
        return service

    def memory(self):
        try:
            return peak_memory_mib(self.mlup, "start", "--progress", "quiet", cwd=self.folder)
        finally:
            run(self.mlup, "reset", "--purge", "--yes", cwd=self.folder)


def idle_service():
    return {
        "image": "mlup-bench:1",
        "pull_policy": "never",
        "command": ["sleep", "3600"],
        "stop_signal": "SIGKILL",
        "network_mode": "none",
    }


def project(name, deadline):
    """The text of an mlup.toml that builds the image and deploys compose.yml."""
    return (
        f'name = "{name}"\ndeadline = "{deadline}"\n\n'
        '[[image]]\nname = "mlup-bench:1"\nbuild = "image"\n\n'
        '[[deploy]]\nname = "stack"\ncompose = "compose.yml"\n'
    )


def write_image_context(folder):
    folder.mkdir(parents=True)
    busybox = (QUICKSTART / "image" / "busybox").read_bytes()
    (folder / "busybox").write_bytes(busybox)
    (folder / "busybox").chmod(0o755)
    (folder / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
        encoding="utf-8",
    )
