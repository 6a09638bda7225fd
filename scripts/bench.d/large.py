"""What `mlup doctor` costs on large clusters: generated ones, healthy and failing, as a real server
would list them, with managed fields, old replica sets and the events of an hour."""

import json
import pathlib
import subprocess
import tempfile
import time

from scenarios import high_water_mark_mib
from stage import Project, Stage

IN_NAMESPACE = 50
IN_DEPLOYMENT = 5
OLD_SETS = 10
MADE = "2026-11-21T10:00:00Z"
# Objects in one order to the fake.
AT_ONCE = 2000


def meta(name, namespace=None, **more):
    fields = {f"f:field-{number}": {"f:value": {}} for number in range(24)}
    own = {"namespace": namespace} if namespace else {}
    return {
        "name": name, "uid": f"uid-{namespace}-{name}", "creationTimestamp": MADE, "resourceVersion": "1", **own,
        "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": fields}], **more,
    }


def owner(kind, namespace, name):
    return {"kind": kind, "name": name, "uid": f"uid-{namespace}-{name}", "controller": True}


def spec(app, trouble):
    container = {
        "name": "main", "image": f"registry.example.com/shop/{app}:1.2.3", "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8000, "name": "http", "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{number}", "value": f"value-{number}"} for number in range(12)],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 5},
        "volumeMounts": [{"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    }
    if trouble == "config":
        container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    sources = [{"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "kube-root-ca.crt"}}]
    return {
        "containers": [container], "serviceAccountName": "default", "schedulerName": "default-scheduler",
        "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30,
        "imagePullSecrets": [{"name": "regcred"}] if trouble == "pull" else [],
        "volumes": [{"name": "kube-api-access-x", "projected": {"sources": sources}}],
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "tolerationSeconds": 300}],
    }


def condition(kind, holds, **more):
    return {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": MADE, **more}


WAITING = {
    "pull": ("ImagePullBackOff", "Back-off pulling image: ErrImagePull: pulling from host registry.example.com failed "
             "with status code [manifests 1.2.3]: 401 Unauthorized"),
    "config": ("CreateContainerConfigError", 'configmap "settings" not found'),
    "crash": ("CrashLoopBackOff", "back-off 5m0s restarting failed container=main"),
}


def status(app, trouble, node):
    ready = trouble is None
    if trouble == "schedule":
        message = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available."
        return {"phase": "Pending", "conditions": [condition("PodScheduled", False, reason="Unschedulable", message=message)]}
    state = {"running": {"startedAt": MADE}}
    if not ready:
        reason, message = WAITING[trouble]
        state = {"waiting": {"reason": reason, "message": message}}
    last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": MADE}} if trouble == "crash" else {}
    restarts = 12 if trouble == "crash" else 0
    one = {
        "name": "main", "ready": ready, "started": ready, "restartCount": restarts, "state": state, "lastState": last,
        "image": f"registry.example.com/shop/{app}:1.2.3", "imageID": "sha256:" + "0" * 64,
    }
    kinds = ("Initialized", "Ready", "ContainersReady", "PodScheduled", "PodReadyToStartContainers")
    conditions = [condition(kind, ready or kind in ("Initialized", "PodScheduled")) for kind in kinds]
    return {
        "phase": "Running" if ready or trouble == "crash" else "Pending", "conditions": conditions, "hostIP": "192.0.2.2",
        "podIP": "10.85.0.81", "startTime": MADE, "containerStatuses": [one], "qosClass": "Burstable",
    }


def events(namespace, pod, trouble):
    calm = [("Normal", "Scheduled"), ("Normal", "Pulled"), ("Normal", "Created"), ("Normal", "Started")]
    loud = [("Warning", "Failed"), ("Normal", "BackOff"), ("Normal", "Pulling"), ("Warning", "BackOff"),
            ("Warning", "Unhealthy"), ("Warning", "FailedMount")] * 2
    for number, (kind, reason) in enumerate(calm if trouble is None else calm + loud):
        yield {
            "apiVersion": "v1", "kind": "Event", "metadata": meta(f"{pod}.{number:x}", namespace), "type": kind,
            "reason": reason, "message": f"{reason} of container main in pod {pod}_{namespace}: " + "words " * 20,
            "involvedObject": {"kind": "Pod", "namespace": namespace, "name": pod, "uid": f"uid-{namespace}-{pod}"},
            "count": 7, "firstTimestamp": MADE, "lastTimestamp": MADE, "source": {"component": "kubelet"},
        }


def application(namespace, app, trouble):
    """A deployment with all that is behind it."""
    labels, replicas = {"app": app}, IN_DEPLOYMENT
    template = {"metadata": {"labels": labels}, "spec": spec(app, trouble)}
    fine = 0 if trouble else replicas
    counts = {"replicas": replicas, "updatedReplicas": replicas, "availableReplicas": fine, "observedGeneration": 1}
    yield {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(app, namespace, generation=1),
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}, "status": counts,
    }
    for number in range(OLD_SETS + 1):
        is_new = number == OLD_SETS
        revision = {"deployment.kubernetes.io/revision": str(number + 1)}
        yield {
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": meta(f"{app}-{number}", namespace, annotations=revision, labels=labels, ownerReferences=[owner("Deployment", namespace, app)]),
            "spec": {"replicas": replicas if is_new else 0, "selector": {"matchLabels": labels}, "template": template},
            "status": {"replicas": replicas if is_new else 0},
        }
    yield {
        "apiVersion": "v1", "kind": "Service", "metadata": meta(app, namespace, uid=f"uid-{namespace}-{app}-service"),
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}], "clusterIP": "10.96.0.1"},
    }
    for number in range(replicas):
        name = f"{app}-{OLD_SETS}-{number}"
        yield {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": meta(name, namespace, labels=labels, ownerReferences=[owner("ReplicaSet", namespace, f"{app}-{OLD_SETS}")]),
            "spec": {**spec(app, trouble), **({} if trouble == "schedule" else {"nodeName": "node-0"})},
            "status": status(app, trouble, "node-0"),
        }
        yield from events(namespace, name, trouble)


def cluster(pods, failing):
    """All objects of one; every other application fails where it is to."""
    troubles = ("pull", "config", "crash", "schedule")
    for number in range(pods // IN_NAMESPACE):
        namespace = f"team-{number}"
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(namespace), "status": {"phase": "Active"}}
        for place in range(IN_NAMESPACE // IN_DEPLOYMENT):
            trouble = troubles[place % len(troubles)] if failing else None
            yield from application(namespace, f"app-{place}", trouble)


def measure(mlup, fake, pods, failing, rounds):
    """Seconds and resident MiB of each of some looks, the lists that one took, and what it found."""
    with tempfile.TemporaryDirectory(prefix="mlup-bench-") as folder, Stage(fake) as stage:
        project = Project(mlup, stage, pathlib.Path(folder), "")
        # A node with room for none of what waits for one.
        objects = list(cluster(pods, failing))
        for begin in range(0, len(objects), AT_ONCE):
            stage.store(*objects[begin : begin + AT_ONCE])
        looks = []
        for _ in range(rounds):
            stage.asked()
            looks.append(look(project))
        requests, _ = stage.asked()
        lists = {call["call"].split("?")[0] for call in requests if "limit=" in call["call"]}
        if any(call["is_write"] for call in requests):
            raise RuntimeError("doctor wrote into the cluster")
        return {"objects": len(objects), "looks": looks, "lists": len(lists), "requests": len(requests)}


def look(project):
    """Seconds, resident MiB and output of one `mlup doctor`, whatever it finds."""
    with tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            (project.mlup, "doctor", "--offline", "-o", "json"), cwd=project.folder, env=project.env,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
        )
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, high_water_mark_mib(process.pid))
            time.sleep(0.005)
        took = time.perf_counter() - begin
        output.seek(0)
        found = json.load(output)["findings"]
    if process.returncode != (1 if found else 0):
        raise RuntimeError(f"mlup doctor: exit {process.returncode}")
    return took, peak, len(found)
