"""Detection latency: from the engine's own `health_status` event to the moment a tool knows."""

import concurrent.futures
import contextlib
import datetime
import json
import random
import subprocess
import threading
import time

from scenarios import idle_service, project, run, write_image_context

PROJECT = "mlup-bench-latency"
POLL_SECONDS = 10.0
POLLED = 10


def percentile(values, percent):
    """Nearest rank: the smallest value that `percent` of all values do not exceed."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def measure(mlup, folder, count):
    """Tool to delays in milliseconds. The moments of readiness are random, but the same each time."""
    folder.mkdir(parents=True)
    write_image_context(folder / "image")
    (folder / "mlup.toml").write_text(project(PROJECT, "2m"), encoding="utf-8")
    moments = random.Random(2)
    delays = {"mlup": [], "docker compose up --wait": []}
    try:
        for _ in range(count):
            write_compose(folder, [moments.uniform(0.2, 2.8)])
            delays["mlup"].append(once(folder, lambda: known_to_mlup(mlup, folder)))
            delays["docker compose up --wait"].append(once(folder, lambda: known_to_compose(folder)))
        polled = [moments.uniform(0.2, 9.8) for _ in range(POLLED)]
        delays["a poll every 10 s"] = known_to_polls(folder, polled)
    finally:
        run(str(mlup), "reset", "--purge", "--yes", cwd=folder)
    return delays


def write_compose(folder, moments):
    services = {f"late-{n}": late_service(moment) for n, moment in enumerate(moments)}
    text = json.dumps({"name": PROJECT, "services": services})
    (folder / "compose.yml").write_text(text, encoding="utf-8")


def late_service(moment):
    """Ready after `moment` seconds; its healthcheck sees it within a second."""
    service = idle_service()
    service["command"] = ["sh", "-c", f"sleep {moment:.3f}; touch /ready; exec sleep 3600"]
    service["healthcheck"] = {"test": ["CMD", "test", "-e", "/ready"], "interval": "1s", "retries": 60}
    return service


def once(folder, known):
    """Milliseconds from the event of the one container to `known`, on a fresh container."""
    run("docker", "compose", "down", "--timeout", "0", cwd=folder)
    with healthy_events(1) as events:
        moment = known()
        (ready,) = events().values()
    return (moment - ready) * 1000


@contextlib.contextmanager
def healthy_events(count):
    """A function that gives container to time of its event, in seconds, as the engine stamped it.

    Listens from the start: of the past the engine keeps 256 events only, and healthchecks make many.
    """
    listener = subprocess.Popen(
        ("docker", "events", "--format", "{{json .}}", "--filter", "event=health_status",
         "--filter", f"label=com.docker.compose.project={PROJECT}", "--since", f"{time.time():.3f}"),
        stdout=subprocess.PIPE, text=True,
    )
    # Without the expected events the listener would be read for ever.
    guard = threading.Timer(120, listener.kill)
    guard.start()

    def events():
        found = {}
        for event in map(json.loads, listener.stdout):
            if event["Action"] == "health_status: healthy":
                found[event["Actor"]["Attributes"]["name"]] = event["timeNano"] / 1e9
            if len(found) == count:
                break
        return found

    try:
        yield events
    finally:
        guard.cancel()
        listener.kill()
        listener.wait()


def known_to_mlup(mlup, folder):
    """When mlup says that the deploy is ready, by the time stamp of its own event."""
    output = run(str(mlup), "start", "--progress", "json", cwd=folder).stdout
    for event in map(json.loads, output.splitlines()):
        if event["type"] == "step.state" and event["step"] == "deploy/stack" and event["to"] == "ready":
            stamp = event["ts"].replace("Z", "+00:00")
            return datetime.datetime.fromisoformat(stamp).timestamp()
    raise RuntimeError("mlup never said that `deploy/stack` is ready")


def known_to_compose(folder):
    """When compose returns: it says so nowhere else in a form that a script can read."""
    run("docker", "compose", "up", "-d", "--wait", cwd=folder)
    return time.time()


def known_to_polls(folder, moments):
    """One poller a container, all at once, each from the start of its container."""
    run("docker", "compose", "down", "--timeout", "0", cwd=folder)
    write_compose(folder, moments)
    names = [f"{PROJECT}-late-{n}-1" for n in range(len(moments))]
    with healthy_events(len(names)) as events:
        run("docker", "compose", "up", "-d", cwd=folder)
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pollers:
            known = dict(zip(names, pollers.map(poll, names)))
        ready = events()
    return [(known[name] - ready[name]) * 1000 for name in names]


def poll(name):
    while True:
        health = subprocess.run(
            ("docker", "inspect", "--format", "{{.State.Health.Status}}", name),
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        if health == "healthy":
            return time.time()
        time.sleep(POLL_SECONDS)
