"""Kubernetes objects of the benchmarks, and when each kind is ready: told from what was written into
the API alone, not from what mlup makes of it."""

IMAGE = "127.0.0.1:1/bench:1"


def of(api_version, kind, name, **fields):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def pod_spec(name, **more):
    container = {"name": name, "image": IMAGE, "resources": {"requests": {"cpu": "1m"}}, **more}
    return {"containers": [container]}


def probed(name):
    return pod_spec(name, readinessProbe={"tcpSocket": {"port": 80}})


def workload(kind, name, pods, **spec):
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pods}
    return of("apps/v1", kind, name, spec={"selector": {"matchLabels": labels}, "template": template, **spec})


def deployment(name, pods=None):
    return workload("Deployment", name, pods or probed(name))


def stateful_set(name):
    return workload("StatefulSet", name, probed(name), serviceName=name)


def daemon_set(name):
    return workload("DaemonSet", name, probed(name))


def pod(name):
    return of("v1", "Pod", name, spec=probed(name))


def job(name):
    template = {"spec": {**pod_spec(name), "restartPolicy": "Never"}}
    return of("batch/v1", "Job", name, spec={"template": template})


def service(name):
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 80}]}
    return of("v1", "Service", name, spec=spec)


def config_map(name):
    return of("v1", "ConfigMap", name, data={"mode": "dev"})


def secret(name):
    return of("v1", "Secret", name, stringData={"token": "t0ken"})


def claim(name):
    """A claim on the volume of its own name, which somebody makes by hand."""
    spec = {
        "storageClassName": "", "volumeName": name, "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return of("v1", "PersistentVolumeClaim", name, spec=spec)


def volume(name):
    spec = {
        "storageClassName": "", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
        "hostPath": {"path": f"/srv/{name}"},
    }
    return of("v1", "PersistentVolume", name, spec=spec, status={"phase": "Available"})


def has(status, kind):
    return any(one["type"] == kind and one["status"] == "True" for one in status.get("conditions", ()))


def is_ready(written):
    """Whether an object says of itself that it is ready."""
    status, spec = written.get("status", {}), written.get("spec", {})
    is_seen = status.get("observedGeneration") == written["metadata"].get("generation")
    count = spec.get("replicas", 1)
    match written["kind"]:
        case "Deployment":
            return is_seen and status.get("updatedReplicas") == status.get("availableReplicas") == count
        case "StatefulSet":
            return is_seen and status.get("updatedReplicas") == status.get("readyReplicas") == count
        case "DaemonSet":
            wanted = status.get("desiredNumberScheduled")
            return is_seen and wanted == status.get("numberAvailable") == status.get("updatedNumberScheduled") != 0
        case "Job":
            return has(status, "Complete")
        case "Pod":
            return has(status, "Ready")
        case "PersistentVolumeClaim":
            return status.get("phase") == "Bound"
        case "EndpointSlice":
            ends = written.get("endpoints") or ()
            return any(end.get("conditions", {}).get("ready") for end in ends)
        case _:
            return False


def owner(written):
    """Kind and name of what is ready by this one: a slice of endpoints stands for its service."""
    metadata = written["metadata"]
    if written["kind"] == "EndpointSlice":
        return "Service", metadata.get("labels", {}).get("kubernetes.io/service-name", "")
    return written["kind"], metadata["name"]
