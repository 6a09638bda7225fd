"""Detection of readiness: from the write that makes an object ready, by the API's own clock, to the
moment at which mlup says so."""

import datetime
import pathlib
import random
import re
import tempfile
import threading
import time

import objects
from stage import Project, Stage, deploy, duration

# What a deploy is made of, so that each kind is waited for; its container is ready or done at a
# moment by chance, and its claim is bound at one.
KINDS = {
    # First, so that they are all waited for when their volumes come: mlup begins eight steps at once.
    "claim": lambda name: [objects.claim(name)],
    "deployment": lambda name: [objects.deployment(name)],
    "stateful-set": lambda name: [objects.stateful_set(name)],
    "daemon-set": lambda name: [objects.daemon_set(name)],
    "job": lambda name: [objects.job(name)],
    "pod": lambda name: [objects.pod(name)],
    "service": lambda name: [objects.deployment(name), objects.service(name)],
}
OF_EACH = 4
A_ROUND = OF_EACH * len(KINDS)


def measure(mlup, fake, count, say):
    """Kind to delays in milliseconds, at least `count` of them in rounds of eight waits at once."""
    delays = {kind: [] for kind in KINDS}
    moments = random.Random(3)
    for number in range(-(-count // A_ROUND)):
        with tempfile.TemporaryDirectory(prefix="mlup-bench-") as folder, Stage(fake) as stage:
            for kind, values in one_round(mlup, stage, pathlib.Path(folder), moments).items():
                delays[kind].extend(values)
        worst = max(value for values in delays.values() for value in values)
        say(f"readiness, round {number + 1}: {sum(map(len, delays.values()))} waits, worst {worst:.0f} ms")
    return delays


def one_round(mlup, stage, folder, moments):
    names = {f"{kind}-{n}": kind for kind in KINDS for n in range(OF_EACH)}
    project = Project(mlup, stage, folder, "".join(deploy(name, needs=["cluster"]) for name in names))
    for name, kind in names.items():
        project.write_objects(f"{name}.yaml", *KINDS[kind](name))
    late = {name: moments.uniform(0.5, 2.5) for name in names}
    act = {"job": "takes"}
    scripts = [
        {"of": name, "act": {act.get(kind, "ready-after"): duration(late[name])}}
        for name, kind in names.items()
    ]
    stage.simulate(pace={"second": duration(1)}, scripts=scripts)
    claims = {name: late[name] for name, kind in names.items() if kind == "claim"}
    binder = threading.Thread(target=bind, args=(stage, claims))
    binder.start()
    events, _ = project.start()
    binder.join()
    ready = ready_moments(stage.changes())
    delays = {kind: [] for kind in KINDS}
    for name, kind in names.items():
        waits, known = told(events, f"deploy/{name}")
        moment = max(ready[each] for each in awaited(KINDS[kind](name)))
        if moment <= waits:
            raise RuntimeError(f"{name} was ready before it was waited for")
        delays[kind].append((known - moment) * 1000)
    return delays


def in_one_wait(mlup, fake, count):
    """Delays in milliseconds of so many claims of one deploy, which are bound one after the other:
    from the moment at which a number of them is bound to the first event that counts as many."""
    names = [f"claim-{number}" for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="mlup-bench-") as folder, Stage(fake) as stage:
        project = Project(mlup, stage, pathlib.Path(folder), deploy("all"))
        project.write_objects("all.yaml", *map(objects.claim, names))
        binder = threading.Thread(target=bind_all, args=(stage, names))
        binder.start()
        events, _ = project.start()
        binder.join()
        bound = sorted(ready_moments(stage.changes()).values())
    waits, _ = told(events, "deploy/all")
    if len(bound) != count or bound[0] <= waits:
        raise RuntimeError(f"{len(bound)} claims were bound, the first one before it was waited for")
    known = counted(events, "deploy/all")
    return [
        (min(moment for number, moment in known if number >= nth) - moment_bound) * 1000
        for nth, moment_bound in enumerate(bound, start=1)
    ]


def bind_all(stage, names):
    """Binds each claim, as its controller would, a second after all of them are there."""
    live = {}
    while not live.keys() >= set(names):
        live.update((written["metadata"]["name"], written) for _, written in stage.changes())
        time.sleep(0.1)
    time.sleep(1.0)
    for name in names:
        stage.store({**live[name], "status": {"phase": "Bound"}})
        time.sleep(0.01)


def counted(events, step):
    """How many objects of a step were said to be ready, and when."""
    found = []
    for event in events:
        if event["type"] == "step.state" and event["step"] == step:
            count = re.match(r"(\d+) of \d+ ready", event.get("reason", ""))
            if count:
                found.append((int(count[1]), stamp(event)))
    return found


def bind(stage, claims):
    """Makes the volume of each claim at its moment, with a second for the start of the run."""
    begin = time.monotonic() + 1.0
    for name, moment in sorted(claims.items(), key=lambda claim: claim[1]):
        time.sleep(max(0.0, begin + moment - time.monotonic()))
        stage.store(objects.volume(name))


def awaited(wanted):
    return [(each["kind"], each["metadata"]["name"]) for each in wanted]


def ready_moments(changes):
    """Kind and name to the moment of the first write that says that it is ready."""
    ready = {}
    for moment, written in changes:
        if objects.is_ready(written):
            ready.setdefault(objects.owner(written), moment)
    return ready


def told(events, step):
    """When a step began to wait, and when it was said to be ready."""
    waits = known = None
    for event in events:
        if event["type"] == "step.state" and event["step"] == step:
            if event["to"] == "waiting" and waits is None:
                waits = stamp(event)
            if event["to"] == "ready":
                known = stamp(event)
    if waits is None or known is None:
        raise RuntimeError(f"mlup never said that it waits for `{step}`, or that it is ready")
    return waits, known


def stamp(event):
    """Seconds since 1970."""
    return datetime.datetime.fromisoformat(event["ts"].replace("Z", "+00:00")).timestamp()
