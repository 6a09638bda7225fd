"""Starts and refreshes on a cluster that answers at once: how much they ask, how long they take, and
how soon a failed pull is told."""

import base64
import contextlib
import json
import pathlib
import tempfile

import objects
from readiness import stamp
from stage import Project, Stage, deploy, duration

SERVER = "127.0.0.1:1"
TOKEN = "bench-token"
# About what a server takes that has to write to its disk.
WRITE_MS = 10

# Four kinds in two deploys, and eight in three.
FEW_KINDS = {
    name: [objects.deployment(name), objects.service(name), objects.config_map(name), objects.secret(name)]
    for name in ("web", "api")
}
MANY_KINDS = {
    "base": [objects.config_map("base"), objects.secret("base"), objects.claim("base")],
    "store": [objects.stateful_set("store"), objects.service("store"), objects.job("store")],
    "app": [objects.deployment("app"), objects.service("app"), objects.daemon_set("app"), objects.config_map("app")],
}


@contextlib.contextmanager
def place(mlup, fake, tables):
    """An API and a project for it."""
    with tempfile.TemporaryDirectory(prefix="mlup-bench-") as folder, Stage(fake) as stage:
        yield stage, Project(mlup, stage, pathlib.Path(folder), tables)


def warm(mlup, fake, deploys, rounds):
    """Requests, writes and seconds of each of some starts that find everything as it should be."""
    with place(mlup, fake, "".join(deploy(name) for name in deploys)) as (stage, project):
        for name, wanted in deploys.items():
            project.write_objects(f"{name}.yaml", *wanted)
        stage.simulate()
        stage.store(objects.volume("base"))
        project.start()
        stage.asked()
        starts = []
        for _ in range(rounds):
            _, took = project.start()
            requests, _ = stage.asked()
            starts.append((len(requests), sum(each["is_write"] for each in requests), took))
        return starts


def failed_pulls(mlup, fake, rounds):
    """Seconds from the kubelet's first word of a refused pull to mlup's diagnosis, which has to name
    the cause and the pull secret."""
    delays = []
    for _ in range(rounds):
        with place(mlup, fake, deploy("web")) as (stage, project):
            pods = {**objects.pod_spec("web"), "imagePullSecrets": [{"name": "regcred"}]}
            project.write_objects("web.yaml", objects.deployment("web", pods))
            stage.simulate(
                pace={"second": duration(1)}, images={"private": {SERVER: ["robot", "another"]}}
            )
            stage.store(pull_secret("regcred"))
            events, _ = project.start(code=4)
            refused = next(moment for moment, written in stage.changes() if is_refused(written))
            (told,) = [event for event in events if event["type"] == "diagnosis"]
            if told["code"] != "PULL_CREDENTIALS_REFUSED" or "regcred" not in json.dumps(told):
                raise RuntimeError(f"the failed pull was told otherwise: {told}")
            delays.append(stamp(told) - refused)
    return delays


def pull_secret(name):
    """One whose password the registry does not accept."""
    config = {"auths": {SERVER: {"auth": encoded(f"robot:{TOKEN}")}}}
    return {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": name, "namespace": "default"},
        "data": {".dockerconfigjson": encoded(json.dumps(config))},
    }


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def is_refused(written):
    """Whether the kubelet says in this status that it could not pull."""
    containers = written.get("status", {}).get("containerStatuses", ())
    reasons = [one["state"].get("waiting", {}).get("reason") for one in containers]
    return written["kind"] == "Pod" and "ErrImagePull" in reasons


def refresh(mlup, fake, count):
    """Seconds of a refresh of one registry in so many namespaces, and the most requests at once."""
    names = [f"team-{number}" for number in range(count)]
    table = (
        f'[[registry]]\nserver = "{SERVER}"\nsecret = "regcred"\nnamespaces = {json.dumps(names)}\n'
        f'exec = ["echo", "{TOKEN}"]\nusername = "robot"\nttl = "2h"\n'
    )
    with place(mlup, fake, table) as (stage, project):
        stage.order("namespaces", names=names)
        project.start()
        stage.asked()
        stage.order("delay", calls="PATCH ", millis=WRITE_MS, times=count)
        took, _ = project.run("creds", "refresh", "--force")
        requests, at_once = stage.asked()
        writes = sum(each["is_write"] for each in requests)
        if writes != count:
            raise RuntimeError(f"{writes} secrets were written, and not {count}")
        return took, at_once
