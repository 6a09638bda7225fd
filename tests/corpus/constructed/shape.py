"""Objects in the shape of the recorded ones: what the API server of Kubernetes 1.36 gives, without
what no rule reads. What is wrong in each incident is `make.py`."""

import datetime
import uuid

BEGIN = datetime.datetime(2026, 11, 21, 12, 0, 0)
NODE = "lab-node"
OLD = "0/1 nodes are available: "
PREEMPTION = (
    ". no new claims to deallocate, preemption: 0/1 nodes are available:"
    " 1 Preemption is not helpful for scheduling."
)


def at(seconds):
    """A timestamp so many seconds after the incident began."""
    return (BEGIN + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


TAKEN = 120


def uid(*names):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(names)))


def thing(version, kind, namespace, name, made=0, labels=None, annotations=None, **rest):
    metadata = {"name": name, "uid": uid(kind, namespace or "", name), "creationTimestamp": at(made)}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def owned(child, owner):
    child["metadata"]["ownerReferences"] = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    return child


def condition(kind, status, reason="", message="", since=0):
    found = {"type": kind, "status": status, "lastTransitionTime": at(since)}
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def node(name=NODE, ready="True", reason="KubeletReady", message="kubelet is posting ready status",
         pressures=(), taints=(), cordoned=False, images=(), labels=None, cpu="2"):
    spec = {}
    if taints:
        spec["taints"] = list(taints)
    if cordoned:
        spec["unschedulable"] = True
        spec["taints"] = [{"effect": "NoSchedule", "key": "node.kubernetes.io/unschedulable"}]
    kinds = ["MemoryPressure", "DiskPressure", "PIDPressure"]
    conditions = [
        condition(kind, "True" if kind in pressures else "False",
                  {"DiskPressure": "KubeletHasDiskPressure",
                   "MemoryPressure": "KubeletHasInsufficientMemory",
                   "PIDPressure": "KubeletHasInsufficientPID"}[kind] if kind in pressures
                  else f"KubeletHasNo{kind}", "", -900)
        for kind in kinds
    ] + [condition("Ready", ready, reason, message, -900 if ready == "True" else 0)]
    for one in conditions:
        one["lastHeartbeatTime"] = at(TAKEN - 5)
    room = {"cpu": cpu, "memory": "24581696Ki", "pods": "110", "ephemeral-storage": "267847642337"}
    every = {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    return thing(
        "v1", "Node", None, name, -3600, {**every, **(labels or {})}, spec=spec,
        status={
            "allocatable": room, "capacity": room, "conditions": conditions,
            "images": [{"names": [image], "sizeBytes": 1000000} for image in images],
            "nodeInfo": {"architecture": "amd64", "kubeletVersion": "v1.36.2",
                         "containerRuntimeVersion": "containerd://1.6.20"},
        },
    )


def namespace(name):
    return thing("v1", "Namespace", None, name, -60, {"kubernetes.io/metadata.name": name},
                 spec={"finalizers": ["kubernetes"]}, status={"phase": "Active"})


def container(name="app", image="exampleorg/mlops-api:latest", port=8000, **rest):
    found = {"name": name, "image": image, "imagePullPolicy": rest.pop("policy", "IfNotPresent"),
             "resources": rest.pop("resources", {})}
    if port:
        found["ports"] = [{"containerPort": port, "name": "http", "protocol": "TCP"}]
    return {**found, **rest}


def waiting(reason, message="", restarts=0, last=None):
    state = {"reason": reason}
    if message:
        state["message"] = message
    return {"state": {"waiting": state}, "lastState": last or {}, "ready": False,
            "restartCount": restarts, "started": False}


def ended(code, reason="Error", message="", begin=90, end=100):
    state = {"exitCode": code, "reason": reason, "startedAt": at(begin), "finishedAt": at(end)}
    if message:
        state["message"] = message
    return {"terminated": state}


def terminated(code, reason="Error", restarts=0, message=""):
    return {"state": ended(code, reason, message), "lastState": {}, "ready": False,
            "restartCount": restarts, "started": False}


def crashing(code, reason="Error", restarts=4, message=""):
    return waiting("CrashLoopBackOff",
                   "back-off 1m20s restarting failed container=app pod=app_x(1)", restarts,
                   ended(code, reason, message))


def running(ready=True, started=True, restarts=0, last=None, since=2):
    return {"state": {"running": {"startedAt": at(since)}}, "lastState": last or {}, "ready": ready,
            "restartCount": restarts, "started": started}


def pod(namespace, name, containers=None, statuses=None, labels=None, made=0, on=NODE, phase=None,
        unscheduled=None, init=(), init_statuses=(), ready=None, status=None, made_by=None, **spec):
    containers = containers or [container()]
    found = thing("v1", "Pod", namespace, name, made, labels)
    found["spec"] = {
        "containers": containers, "restartPolicy": spec.pop("restartPolicy", "Always"),
        "schedulerName": spec.pop("schedulerName", "default-scheduler"),
        "serviceAccountName": spec.pop("account", "default"),
        "tolerations": [
            {"effect": "NoExecute", "key": f"node.kubernetes.io/{key}", "operator": "Exists",
             "tolerationSeconds": 300}
            for key in ("not-ready", "unreachable")
        ],
        **spec,
    }
    if init:
        found["spec"]["initContainers"] = list(init)
    if made_by:
        owned(found, made_by)
    if status is not None:
        found["status"] = status
        return found
    if unscheduled:
        found["status"] = {"phase": "Pending", "qosClass": "BestEffort", "conditions": [
            condition("PodScheduled", "False", *unscheduled, since=made)]}
        return found
    found["spec"]["nodeName"] = on
    statuses = statuses if statuses is not None else [running()]

    def told(of, states):
        return [{"name": one["name"], "image": one["image"], "imageID": "", **state}
                for one, state in zip(of, states)]

    fine = all(one["ready"] for one in statuses) and not init_statuses
    is_ready = fine if ready is None else ready
    begun = any("waiting" not in one["state"] for one in list(statuses) + list(init_statuses))
    found["status"] = {
        "phase": phase or ("Running" if begun and not init_statuses else "Pending"),
        "qosClass": "BestEffort", "startTime": at(made), "podIP": "10.85.1.11",
        "conditions": [
            condition("PodReadyToStartContainers", "True", since=made + 1),
            condition("Initialized", "False" if init_statuses else "True", since=made),
            condition("Ready", "True" if is_ready else "False",
                      "" if is_ready else "ContainersNotReady", since=made + 3),
            condition("ContainersReady", "True" if fine else "False",
                      "" if fine else "ContainersNotReady", since=made + 3),
            condition("PodScheduled", "True", since=made),
        ],
        "containerStatuses": told(containers, statuses),
    }
    if init:
        found["status"]["initContainerStatuses"] = told(init, init_statuses)
    return found


def workload(namespace, name, kind="Deployment", replicas=1, pods=None, spec=None, revision=1,
             refused=None, meta=None, **template):
    """A controller, what stands between it and its pods, and these. `pods` has the keyword
    arguments of each pod; without it all are ready."""
    labels = {"app": name}
    pods = [{} for _ in range(replicas)] if pods is None else pods
    shape = {"metadata": {"labels": labels},
             "spec": {"containers": template.get("containers") or [container()]}}
    top = thing("apps/v1", kind, namespace, name, 0, labels, meta or {}, spec={
        "replicas": replicas, "selector": {"matchLabels": labels}, "template": shape, **(spec or {})})
    top["metadata"]["generation"] = 1
    made, owner = [top], top
    if kind == "Deployment":
        hashed = f"{name}-5d4f8c7b9"
        own = {**labels, "pod-template-hash": "5d4f8c7b9"}
        top["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = str(revision)
        owner = owned(thing("apps/v1", "ReplicaSet", namespace, hashed, 0, own,
                            {"deployment.kubernetes.io/revision": str(revision)},
                            spec={"replicas": replicas, "selector": {"matchLabels": own},
                                  "template": {"metadata": {"labels": own}, "spec": shape["spec"]}}), top)
        owner["metadata"]["generation"] = 1
        made.append(owner)
    for index, one in enumerate(pods):
        arguments = {**template, **one}
        own = arguments.pop("name", f"{name}-{index}" if kind == "StatefulSet"
                            else f"{owner['metadata']['name']}-{'abcdefgh'[index]}xk2z")
        made.append(pod(namespace, own, labels=dict(labels), made_by=owner, **arguments))
    live = [one for one in made if one["kind"] == "Pod"
            and one["status"].get("phase") not in ("Failed", "Succeeded")]
    ready = sum(1 for one in live for c in one["status"].get("conditions", [])
                if c["type"] == "Ready" and c["status"] == "True")
    counts = {"observedGeneration": 1, "replicas": len(live), "readyReplicas": ready,
              "availableReplicas": ready, "updatedReplicas": len(live)}
    if kind == "DaemonSet":
        counts = {"observedGeneration": 1, "desiredNumberScheduled": len(pods),
                  "currentNumberScheduled": len(live), "updatedNumberScheduled": len(live),
                  "numberReady": ready, "numberAvailable": ready}
        del top["spec"]["replicas"]
    for one in made:
        if one["kind"] in (kind, "ReplicaSet"):
            one["status"] = dict(counts)
            if refused:
                one["status"]["conditions"] = [
                    condition("ReplicaFailure", "True", "FailedCreate", refused)]
    return made


def service(namespace, name, selector=None, port=8000, target=8000, endpoints=(), **spec):
    found = thing("v1", "Service", namespace, name, spec={
        "type": "ClusterIP", "clusterIP": spec.pop("address", "10.96.0.7"),
        "ports": [{"name": "http", "port": port, "targetPort": target, "protocol": "TCP"}], **spec})
    if selector:
        found["spec"]["selector"] = selector
    found["status"] = {"loadBalancer": {}}
    piece = owned(thing("discovery.k8s.io/v1", "EndpointSlice", namespace, f"{name}-x7k2p",
                        labels={"kubernetes.io/service-name": name}), found)
    piece["addressType"] = "IPv4"
    piece["endpoints"] = [
        {"addresses": ["10.85.1.11"], "conditions": {"ready": ready}} for ready in endpoints]
    piece["ports"] = [{"name": "http", "port": port}] if endpoints else None
    return [found, piece]


def event(about, reason, message, kind="Warning", count=3, of=None, last=TAKEN - 10):
    meta = about["metadata"]
    involved = {"apiVersion": about["apiVersion"], "kind": about["kind"], "name": meta["name"],
                "uid": meta["uid"]}
    if meta.get("namespace"):
        involved["namespace"] = meta["namespace"]
    if of:
        involved["fieldPath"] = f"spec.containers{{{of}}}"
    name = f"{meta['name']}.{uid(reason, message, meta['uid'])[:13]}"
    found = thing("v1", "Event", meta.get("namespace", "default"), name)
    return {**found, "involvedObject": involved, "reason": reason, "message": message,
            "type": kind, "count": count, "firstTimestamp": at(5), "lastTimestamp": at(last),
            "eventTime": None, "source": {"component": "kubelet"}}


def secret(namespace, name, kind="Opaque", data=None, **meta):
    found = thing("v1", "Secret", namespace, name, -30, **meta)
    return {**found, "type": kind, "data": data or {}}


def pull_secret(namespace, name, *hosts):
    import base64
    import json
    auth = base64.b64encode(b"REDACTED:REDACTED").decode()
    config = json.dumps({"auths": {host: {"auth": auth} for host in hosts}})
    data = {".dockerconfigjson": base64.b64encode(config.encode()).decode()}
    return secret(namespace, name, "kubernetes.io/dockerconfigjson", data)


def account(namespace, name="default", secrets=()):
    found = thing("v1", "ServiceAccount", namespace, name, -30)
    return {**found, "imagePullSecrets": [{"name": one} for one in secrets]}


def claim(namespace, name, phase="Pending", class_name=None, volume=None, mode="ReadWriteOnce",
          size="1Gi", **meta):
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": size}}}
    if class_name is not None:
        spec["storageClassName"] = class_name
    if volume:
        spec["volumeName"] = volume
    return thing("v1", "PersistentVolumeClaim", namespace, name, spec=spec,
                 status={"phase": phase}, **meta)


def volume(name, phase="Available", class_name="", mode="ReadWriteOnce", size="1Gi", holder=None,
           on=None):
    spec = {"accessModes": [mode], "capacity": {"storage": size}, "storageClassName": class_name,
            "hostPath": {"path": "/data"}}
    if holder:
        spec["claimRef"] = {"kind": "PersistentVolumeClaim", "namespace": holder[0], "name": holder[1]}
    if on:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": [on]}]}]}}
    return thing("v1", "PersistentVolume", None, name, spec=spec, status={"phase": phase})


def storage_class(name, provisioner="rancher.io/local-path", default=False,
                  mode="Immediate", made=-600):
    notes = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return thing("storage.k8s.io/v1", "StorageClass", None, name, made, None, notes,
                 provisioner=provisioner, volumeBindingMode=mode)


def job(namespace, name, conditions=(), owner=None, made=0, pods=(), status=None, **spec):
    found = thing("batch/v1", "Job", namespace, name, made, spec={
        "backoffLimit": 2, "template": {"metadata": {"labels": {"job-name": name}},
                                        "spec": {"containers": [container(port=None)]}}, **spec})
    found["status"] = {"conditions": list(conditions), **(status or {})}
    if owner:
        owned(found, owner)
    run = [pod(namespace, f"{name}-{'abcdefgh'[index]}7q9d", labels={"job-name": name}, made_by=found,
               restartPolicy="Never", **one) for index, one in enumerate(pods)]
    return [found, *run]
