#!/usr/bin/env python3
"""Writes the constructed incidents beside it: `python3 tests/corpus/constructed/make.py`. Each is
one call of `incident` or `healthy`; README.md says where the words come from."""

import base64
import json
import pathlib
import shutil

from shape import *  # noqa: F403

HERE = pathlib.Path(__file__).parent
WRITTEN = set()


def quoted(values):
    return "[" + ", ".join(json.dumps(value) for value in values) + "]"


def write(name, title, objects, findings, logs, events_decide):
    WRITTEN.add(name)
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True) if logs else folder.mkdir()
    spaces = sorted({one["metadata"].get("namespace") for one in objects} - {None, "default"})
    if not any(one["kind"] == "Node" for one in objects):
        objects = [node(), *objects]
    known = {one["metadata"]["name"] for one in objects if one["kind"] == "Namespace"}
    objects = objects + [namespace(space) for space in spaces if space not in known]
    accounts = {(one["metadata"]["namespace"], one["metadata"]["name"])
                for one in objects if one["kind"] == "ServiceAccount"}
    objects += [account(space) for space in spaces if (space, "default") not in accounts]
    listing = {"apiVersion": "v1", "kind": "List", "items": objects}
    (folder / "snapshot.json").write_text(json.dumps(listing, indent=1) + "\n")
    for path, text in logs.items():
        (folder / "logs" / f"{path}.txt").write_text(text)
    lines = [f"id = {json.dumps(name)}", f"title = {json.dumps(title)}", 'source = "constructed"',
             f"namespaces = {quoted(spaces)}", f"healthy = {str(not findings).lower()}"]
    if events_decide:
        lines.append("# Without its events nobody can tell.\nevents_decide = true")
    for one in findings:
        lines.append("\n[[finding]]")
        for key in ("rule", "object"):
            lines.append(f"{key} = {json.dumps(one[key])}")
        for key in ("affects", "must_mention", "fix_must_contain", "must_not_say", "accept_rules",
                    "accept_objects"):
            if one.get(key):
                lines.append(f"{key} = {quoted(one[key])}")
    (folder / "expect.toml").write_text("\n".join(lines) + "\n")


def flat(objects):
    found = []
    for one in objects:
        found += flat(one) if isinstance(one, list) else [one]
    return found


def finds(rule, target, says=(), fix=(), affects=(), never=(), or_rules=(), or_objects=()):
    return {"rule": rule, "object": target, "must_mention": list(says), "fix_must_contain": list(fix),
            "affects": list(affects), "must_not_say": list(never), "accept_rules": list(or_rules),
            "accept_objects": list(or_objects)}


def incident(name, title, objects, *findings, logs=None, events_decide=False):
    write(name, title, flat(objects), list(findings), logs or {}, events_decide)


def healthy(name, title, objects, logs=None):
    write("healthy-" + name, title, flat(objects), [], logs or {}, False)


# Nodes

incident("node-disk-pressure", "DiskPressure: pods were evicted, and the new one gets no node", [
    node(pressures=["DiskPressure"],
         taints=[{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]),
    workload("mlops", "api", pods=[
        {"unscheduled": ("Unschedulable", OLD + "1 node(s) had untolerated taint(s)" + PREEMPTION)}])],
    finds("NODE-03", "node//lab-node", ["lab-node", "disk"], ["docker system df"],
          ["deployment/mlops/api"], ["create secret", "toleration"]))

incident("node-memory-pressure", "MemoryPressure on the only node", [
    node(pressures=["MemoryPressure"]), workload("mlops", "api")],
    finds("NODE-04", "node//lab-node", ["MemoryPressure"]))

NETWORK = ("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"
           " message:Network plugin returns error: cni plugin not initialized")
incident("node-network-not-ready", "The network plugin of the node never came up", [
    node(ready="False", reason="KubeletNotReady", message=NETWORK,
         taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]),
    workload("mlops", "api", pods=[
        {"unscheduled": ("Unschedulable", OLD + "1 node(s) had untolerated taint(s)" + PREEMPTION)}])],
    finds("NODE-02", "node//lab-node", ["cni plugin not initialized"], ["kube-system"],
          ["deployment/mlops/api"]))

incident("node-cordoned", "A forgotten cordon keeps a new pod out", [
    node(cordoned=True), workload("mlops", "api", pods=[
        {"unscheduled": ("Unschedulable", OLD + "1 node(s) were unschedulable" + PREEMPTION)}])],
    finds("NODE-05", "node//lab-node", ["cordon"], ["kubectl uncordon lab-node"],
          ["deployment/mlops/api"]))

OUT = {"phase": "Failed", "status": {
    "phase": "Failed", "reason": "OutOfcpu", "startTime": at(2),
    "message": "Pod was rejected: Node didn't have enough resource: cpu, requested: 1500, used: 900, capacity: 2000"}}
incident("node-turns-pods-away", "The kubelet rejects each pod of a workload for want of CPU", [
    workload("mlops", "trainer", pods=[{**OUT, "nodeName": "lab-node"}, {**OUT, "nodeName": "lab-node"}], replicas=1)],
    finds("NODE-06", "deployment/mlops/trainer", ["OutOfcpu", "lab-node"]))

refused_pod = {"phase": "Failed", "nodeName": "lab-node", "status": {"phase": "Failed", "reason": "SysctlForbidden", "startTime": at(2),
    "message": 'forbidden sysctl: "net.core.somaxconn" not allowlisted'}}
incident("node-sysctl", "The kubelet rejects each pod for its sysctl", [workload("mlops", "api", pods=[refused_pod, refused_pod], replicas=1)],
    finds("NODE-06", "deployment/mlops/api", ["net.core.somaxconn"], ["sysctl"]))
incident("node-evicted-alone", "A pod of its own was evicted", [pod("mlops", "notebook", status={
    "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."})],
    finds("NODE-06", "pod/mlops/notebook", ["Evicted", "memory"], ["delete pod notebook"]))

BOX = 'Failed to create pod sandbox: rpc error: code = Unknown desc = '
def boxed(tail, count=4):
    objects = workload("mlops", "api", pods=[{"statuses": [waiting("ContainerCreating")]}])
    return objects + [event(objects[-1], "FailedCreatePodSandBox", BOX + tail, count=count)]

incident("node-sandbox-addresses", "The CNI has no free address", [boxed(
    'failed to setup network for sandbox "ab12": plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.85.1.1-10.85.1.254')],
    finds("NODE-07", "node//lab-node", ["no IP addresses available"], ["address"], ["deployment/mlops/api"]),
    events_decide=True)
incident("node-sandbox-pause", "The pause image cannot be pulled", [boxed(
    'failed to get sandbox image "registry.k8s.io/pause:3.6": failed to pull image "registry.k8s.io/pause:3.6": failed to pull and unpack image: dial tcp: lookup registry.k8s.io: no such host')],
    finds("NODE-07", "node//lab-node", ["pause"], ["pause"], ["deployment/mlops/api"]), events_decide=True)
incident("runtimeclass-handler", "The handler of the runtime class is not set up on the node", [boxed(
    'failed to get sandbox runtime: no runtime for "gvisor" is configured')],
    finds("NODE-07", "deployment/mlops/api", ["gvisor"], ["runtimeClassName"]), events_decide=True)

# Scheduling

def pending(title_reason, **more):
    return {"unscheduled": ("Unschedulable", OLD + title_reason + more.pop("tail", PREEMPTION)), **more}

TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
for name, words in [("136", "1 node(s) had untolerated taint(s)"),
                    ("133", "1 node(s) had untolerated taint {dedicated: gpu}"),
                    ("121", "1 node(s) had taint {dedicated: gpu}, that the pod didn't tolerate")]:
    incident(f"sch-taint-{name}", "A taint that no pod tolerates", [
        node(taints=[TAINT]), workload("training", "lstm", pods=[pending(words)])],
        finds("SCH-04", "deployment/training/lstm", ["dedicated", "lab-node"], ["dedicated"],
              or_objects=["node//lab-node"]))
incident("sch-anti-affinity", "Two replicas that must not share the only node", [
    workload("mlops", "api", replicas=2, pods=[{}, pending("1 node(s) didn't match pod anti-affinity rules")])],
    finds("unknown", "deployment/mlops/api", ["anti-affinity"], ["anti-affinity"]))
incident("sch-pod-affinity", "A pod wants to be near one that is not there", [
    workload("mlops", "api", pods=[pending("1 node(s) didn't match pod affinity rules")])],
    finds("unknown", "deployment/mlops/api", ["affinity"], ["podAffinity"]))
incident("sch-topology-spread", "Topology spread constraints name a label that nodes lack", [
    workload("mlops", "api", pods=[pending(
        "1 node(s) didn't match pod topology spread constraints (missing required label)")])],
    finds("unknown", "deployment/mlops/api", ["topology spread"], ["topologySpreadConstraints"]))
incident("sch-too-many-pods", "The node has as many pods as it may", [
    workload("mlops", "api", pods=[pending("1 Too many pods")])],
    finds("SCH-03", "deployment/mlops/api", ["pods"], ["node"]))
incident("sch-unknown-scheduler", "schedulerName names one that does not run", [
    workload("mlops", "batch", pods=[{"status": {"phase": "Pending", "qosClass": "BestEffort"},
                                      "schedulerName": "volcano"}])],
    finds("SCH-10", "deployment/mlops/batch", ["volcano"], ["volcano"]))
incident("sch-scheduler-down", "No scheduler looks at any pod", [
    workload("mlops", "api", pods=[{"status": {"phase": "Pending", "qosClass": "BestEffort"}}])],
    finds("SCH-10", "deployment/mlops/api", ["default-scheduler"], ["kube-scheduler"]))
incident("sch-new-words", "Words that no version has said yet", [
    workload("mlops", "api", pods=[pending("1 node(s) frobnicated the quux")])],
    finds("unknown", "deployment/mlops/api", ["frobnicated"], ["describe pod"]))
for name, words in [("136", "1 node(s) didn't match PersistentVolume's node affinity"),
                    ("132", "1 node(s) had volume node affinity conflict")]:
    incident(f"sch-volume-on-other-node-{name}", "The claim's volume is on a node that is gone", [
        workload("mlops", "db", "StatefulSet", pods=[pending(words, volumes=[
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}])]),
        claim("mlops", "data-db-0", "Bound", "local-path", "pv-1"),
        volume("pv-1", "Bound", "local-path", holder=("mlops", "data-db-0"), on="old-node"),
        storage_class("local-path")],
        finds("SCH-08", "statefulset/mlops/db", ["old-node", "data-db-0"], ["old-node"]))
stuck = workload("mlops", "api", revision=2, pods=[
    {**pending("1 Insufficient cpu"), "containers": [container(resources={"requests": {"cpu": "1500m"}})]}],
    containers=[container(resources={"requests": {"cpu": "1500m"}})])
older = owned(thing("apps/v1", "ReplicaSet", "mlops", "api-6b7c", -500, {"app": "api"},
                    {"deployment.kubernetes.io/revision": "1"}, spec={"replicas": 1},
                    status={"observedGeneration": 0, "replicas": 1, "readyReplicas": 1}), stuck[0])
incident("rollout-without-room", "A rolling update whose new pod has no room beside the old one", [
    stuck, older, pod("mlops", "api-6b7c-m2n4p", [container(resources={"requests": {"cpu": "1500m"}})],
                      labels={"app": "api"}, made=-500, made_by=older)],
    finds("SCH-01", "deployment/mlops/api", ["cpu", "1500m", "api-6b7c"], ["cpu", "maxUnavailable"],
          or_rules=["ROLL-02"]))

incident("sch-affinity-architecture", "Node affinity wants a processor that no node has", [
    workload("mlops", "api", pods=[pending("1 node(s) didn't match Pod's node affinity/selector", affinity={"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]}]}}})])],
    finds("SCH-05", "deployment/mlops/api", ["kubernetes.io/arch=arm64", "kubernetes.io/arch=amd64"], ["affinity"], never=["label node"]))
incident("sch-selector-many", "Two workloads want a value that the node's label has not", [node(labels={"disk": "hdd"}),
    [workload("mlops", name, pods=[pending("1 node(s) didn't match Pod's node affinity/selector", nodeSelector={"disk": "ssd"})])
     for name in ("api", "batch")]],
    finds("SCH-05", "deployment/mlops/api", ["disk=ssd", "disk=hdd"], ["label node lab-node disk=ssd --overwrite"], ["deployment/mlops/batch"]))
incident("sch-two-amounts", "Neither the processors nor the memory suffice", [
    workload("mlops", "api", pods=[pending("1 Insufficient cpu, 1 Insufficient memory")],
             containers=[container(resources={"requests": {"cpu": "8", "memory": "128Gi"}})])],
    finds("SCH-01", "deployment/mlops/api", ["cpu (8) and memory (128Gi)", "23.4Gi"], ["cpu=...,memory=..."]))

# Pulls

def pulling(words, image="exampleorg/mlops-api:v9", namespace="mlops", reason="ImagePullBackOff",
            backed=True, **template):
    message = f'Back-off pulling image "{image}": ErrImagePull: {words}' if backed and words else words
    return workload(namespace, "api", pods=[{"statuses": [waiting(reason, message)]}],
                    containers=[container(image=image, policy=template.pop("policy", "IfNotPresent"))],
                    **template)

def resolve(image, tail):
    return (f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {tail}')

HUB = "docker.io/library/eval:latest"
SCOPE = ("pull access denied, repository does not exist or may require authorization:"
         " server message: insufficient_scope: authorization failed")
LOCAL = finds("PULL-11", "deployment/mlops/api", ["eval:latest"], ["eval:latest"],
              never=["create secret", "pull secret `"], or_rules=["PULL-05"])
incident("pull-local-only", "An image that was built here, asked of Docker Hub", [
    pulling(resolve(HUB, SCOPE), "eval:latest", policy="Always")], LOCAL)
incident("pull-local-only-dockerd", "The same as dockerd says it", [pulling(
    "Error response from daemon: pull access denied for eval, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    "eval:latest", policy="Always")], LOCAL)
incident("pull-name-lacks-prefix", "The node has flts-main-eval, the chart says eval", [
    node(images=["docker.io/library/flts-main-eval:latest", "docker.io/exampleorg/eval:dev"]),
    pulling(resolve(HUB, SCOPE), "eval:latest", policy="Always")],
    finds("PULL-13", "deployment/mlops/api", ["eval:latest", "flts-main-eval"], ["flts-main-eval"],
          never=["create secret"], or_rules=["PULL-11"]))
incident("pull-hub-private-or-missing", "A repository that Docker Hub does not show", [
    pulling(resolve("docker.io/exampleorg/secret-sauce:1", SCOPE), "exampleorg/secret-sauce:1")],
    finds("PULL-05", "deployment/mlops/api", ["exampleorg/secret-sauce:1", "Docker Hub"], ["exampleorg/secret-sauce:1"]))
incident("pull-hub-stale-login", "A public image, and a stale login of Docker Hub in the pull secret", [
    pulling(resolve("docker.io/exampleorg/mlops-api:v9", "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized"),
            imagePullSecrets=[{"name": "dockerhub"}]),
    pull_secret("mlops", "dockerhub", "https://index.docker.io/v1/")],
    finds("PULL-21", "secret/mlops/dockerhub", ["dockerhub", "docker.io"], ["dockerhub"], ["deployment/mlops/api"]))
MINIO = "docker.io/minio/minio:RELEASE.2024-05-01"
for name, tail in [("denied", SCOPE), ("not-found", f"{MINIO}: not found")]:
    incident(f"pull-minio-{name}", "MinIO's image is no longer on Docker Hub", [
        pulling(resolve(MINIO, tail), "minio/minio:RELEASE.2024-05-01")],
        finds("PULL-12", "deployment/mlops/api", ["minio/minio"], ["quay.io/minio/minio"],
              never=["create secret"], or_rules=["PULL-06", "PULL-05"]))
incident("pull-bitnami-denied", "A bitnami repository that is gone altogether", [
    pulling(resolve("docker.io/bitnami/kafka:3.5", SCOPE), "bitnami/kafka:3.5")],
    finds("PULL-12", "deployment/mlops/api", ["bitnami/kafka"], ["bitnamilegacy/kafka"]))
ACR = "acrexampleprod.azurecr.io/pred-maint:v3"
incident("pull-acr-anonymous", "ACR asked without any login", [
    pulling(resolve(ACR, "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized"), ACR)],
    finds("PULL-03", "deployment/mlops/api", ["acrexampleprod.azurecr.io"], ["acrexampleprod.azurecr.io"]))
GAR = "europe-docker.pkg.dev/proj/repo/api:1"
incident("pull-gar-permission", "Artifact Registry: a permission is missing", [
    pulling(resolve(GAR, 'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://europe-docker.pkg.dev/v2/token?scope=x: 403 Forbidden: denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource'), GAR)],
    finds("PULL-04", "deployment/mlops/api", ["europe-docker.pkg.dev"]))
CERT = "registry.corp.internal/api:1"
incident("pull-unknown-authority", "A registry whose certificate the node does not trust", [
    pulling(resolve(CERT, f'failed to do request: Head "https://registry.corp.internal/v2/api/manifests/1": x509: certificate signed by unknown authority'), CERT)],
    finds("PULL-10", "deployment/mlops/api", ["registry.corp.internal", "certificate"], ["certificate"],
          never=["create secret"], or_objects=["registry//registry.corp.internal"]))
ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
incident("pull-ecr-repository-missing", "The repository was never made in ECR", [
    pulling("rpc error: code = NotFound desc = " + resolve(f"{ECR}/new-api:1", f"{ECR}/new-api:1: not found"),
            f"{ECR}/new-api:1", imagePullSecrets=[{"name": "ecr-registry-key"}]),
    pull_secret("mlops", "ecr-registry-key", ECR)],
    finds("PULL-06", "deployment/mlops/api", ["new-api"], ["new-api"], never=["create secret", "expired"]))
DIGEST = "exampleorg/mlops-api@sha256:" + "0" * 64
incident("pull-digest-missing", "A digest that the registry does not have", [
    pulling("rpc error: code = NotFound desc = " + resolve("docker.io/" + DIGEST, f"docker.io/{DIGEST}: not found"), DIGEST)],
    finds("PULL-06", "deployment/mlops/api", ["sha256:000"]))
incident("pull-official-tag-missing", "A tag that an official image does not have", [
    pulling("rpc error: code = NotFound desc = " + resolve("docker.io/library/redis:99", "docker.io/library/redis:99: not found"), "redis:99")],
    finds("PULL-06", "deployment/mlops/api", ["redis:99"], or_rules=["PULL-11"]))
PRIVATE = "registry.internal:5000/api:1"
BASIC = "pulling from host registry.internal:5000 failed with status code [manifests 1]: 401 Unauthorized"
incident("pull-wrong-password", "A pull secret with a wrong password", [
    pulling(resolve(PRIVATE, BASIC), PRIVATE, imagePullSecrets=[{"name": "regcred"}]),
    pull_secret("mlops", "regcred", "registry.internal:5000")],
    finds("PULL-02", "secret/mlops/regcred", ["regcred", "registry.internal:5000"], ["regcred"], ["deployment/mlops/api"]))
incident("pull-private-without-secret", "A private registry, and a pod without any pull secret", [
    pulling(resolve(PRIVATE, BASIC), PRIVATE)],
    finds("PULL-01", "deployment/mlops/api", ["registry.internal:5000", "no pull secret"], ["registry.internal:5000"]))
incident("pull-account-changed-later", "The service account got its pull secret after the pod was made", [
    pulling(resolve(PRIVATE, BASIC), PRIVATE), account("mlops", "default", ["regcred"]),
    pull_secret("mlops", "regcred", "registry.internal:5000")],
    finds("PULL-20", "deployment/mlops/api", ["regcred", "default"], ["rollout restart"], or_objects=["serviceaccount/mlops/default"]))
incident("pull-account-secret-missing", "The service account names a pull secret that is not there", [
    pulling(resolve(PRIVATE, BASIC), PRIVATE, imagePullSecrets=[{"name": "regcred"}]),
    account("mlops", "default", ["regcred"])],
    finds("PULL-01", "secret/mlops/regcred", ["regcred"], ["regcred"], ["deployment/mlops/api"]))
lent = pulling(resolve(PRIVATE, BASIC), PRIVATE)
incident("pull-not-lent", "The node has the image, pulled with another pod's secret (1.35)", [
    lent, workload("mlops", "batch", containers=[container(image=PRIVATE)], imagePullSecrets=[{"name": "regcred"}]),
    pull_secret("mlops", "regcred", "registry.internal:5000")],
    finds("PULL-18", "deployment/mlops/api", ["registry.internal:5000/api:1", "regcred"], ["regcred"], or_rules=["PULL-01"]))
incident("pull-not-lent-never", "The same with the pull policy Never (1.35)", [
    pulling(f'Container image "{PRIVATE}" is present with pull policy of Never but does not have the proper auth (image secret) that was used to pull the image',
            PRIVATE, reason="ErrImageNeverPull", backed=False, policy="Never")],
    finds("PULL-18", "deployment/mlops/api", ["registry.internal:5000/api:1"], ["pull secret"]))
incident("pull-registry-outage", "The registry answers 503", [
    pulling(resolve(PRIVATE, "unexpected status from HEAD request to https://registry.internal:5000/v2/api/manifests/1: 503 Service Unavailable"), PRIVATE)],
    finds("PULL-08", "deployment/mlops/api", ["registry.internal:5000"], never=["create secret"]))
incident("pull-token-server-unreachable", "The server of the registry's tokens does not resolve", [
    pulling(resolve(PRIVATE, 'failed to authorize: failed to fetch anonymous token: Get "https://auth.internal/token": dial tcp: lookup auth.internal on 10.0.0.2:53: no such host'), PRIVATE)],
    finds("PULL-08", "deployment/mlops/api", ["auth.internal"], never=["create secret", "pull secret"]))
incident("pull-schema1", "A manifest of schema 1 on containerd 2", [
    pulling('rpc error: code = NotFound desc = media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.0, please rebuild the image as "application/vnd.docker.distribution.manifest.v2+json" or "application/vnd.oci.image.manifest.v1+json"')],
    finds("PULL-17", "deployment/mlops/api", ["prettyjws"], ["buildx build"]))
incident("pull-disk-full", "The node's disk is full while layers are unpacked", [
    pulling("failed to pull and unpack image: failed to extract layer sha256:ab12: write /var/lib/containerd/x: no space left on device: unknown")],
    finds("PULL-22", "deployment/mlops/api", ["no space left"], ["free space"]))
incident("pull-new-words", "Words that no runtime has said yet", [pulling("the image is frobnicated")],
    finds("unknown", "deployment/mlops/api", ["frobnicated"], ["describe pod"], never=["create secret"]))
before = pulling("", reason="ImagePullBackOff", backed=False)
before[-1]["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = 'Back-off pulling image "exampleorg/mlops-api:v9"'
incident("pull-words-in-event-131", "Kubernetes 1.31: the status says no cause, the event does", [
    before, event(before[-1], "Failed", 'Failed to pull image "exampleorg/mlops-api:v9": rpc error: code = NotFound desc = ' + resolve("docker.io/exampleorg/mlops-api:v9", "docker.io/exampleorg/mlops-api:v9: not found"), of="app")],
    finds("PULL-06", "deployment/mlops/api", ["exampleorg/mlops-api:v9"]), events_decide=True)
mixed = pulling(resolve(HUB, SCOPE), "eval:latest", imagePullSecrets=[{"name": "ecr-registry-key"}])
mixed[-1]["spec"]["containers"].append(container("side", f"{ECR}/health:1", None))
incident("pull-secret-for-another-container", "The pod's pull secret is for its other container's image", [
    mixed, pull_secret("mlops", "ecr-registry-key", ECR)],
    finds("PULL-11", "deployment/mlops/api", ["eval:latest"], never=["ecr-registry-key"]))

bare = pull_secret("mlops", "regcred", "registry.internal:5000")
for name, title, says, config in [
    ("store", "A pull secret made of a file whose logins Docker keeps elsewhere", "credsStore",
     {"auths": {"registry.internal:5000": {}}, "credsStore": "desktop"}),
    ("password", "A pull secret whose token command printed nothing", "empty password",
     {"auths": {"registry.internal:5000": {"auth": "UkVEQUNURUQ6"}}})]:
    incident(f"pull-secret-without-{name}", title, [
        pulling(resolve(PRIVATE, BASIC), PRIVATE, imagePullSecrets=[{"name": "regcred"}]),
        {**bare, "data": {".dockerconfigjson": base64.b64encode(json.dumps(config).encode()).decode()}}],
        finds("PULL-19", "secret/mlops/regcred", ["regcred", says], ["regcred"], ["deployment/mlops/api"]))
incident("pull-secret-other-name", "The pod names a pull secret that is called otherwise, and is in another namespace", [
    pulling(resolve(PRIVATE, BASIC), PRIVATE, imagePullSecrets=[{"name": "regcreds"}]),
    pull_secret("mlops", "regcred", "registry.internal:5000"),
    pull_secret("build", "regcreds", "registry.internal:5000")],
    finds("PULL-01", "secret/mlops/regcreds", ["`regcred`", "namespace build"], ["regcreds"], ["deployment/mlops/api"]))
incident("pull-certificate-name", "A registry whose certificate is for another name", [
    pulling(resolve(CERT, 'failed to do request: Head "https://registry.corp.internal/v2/api/manifests/1": tls: failed to verify certificate: x509: certificate is valid for registry.old.internal, not registry.corp.internal'), CERT)],
    finds("PULL-10", "deployment/mlops/api", ["another name", "registry.old.internal"], ["certificate"], never=["authority"]))
incident("pull-forbidden", "A private registry knows the user, and forbids the image", [
    pulling(resolve(PRIVATE, BASIC.replace("401 Unauthorized", "403 Forbidden")), PRIVATE, imagePullSecrets=[{"name": "regcred"}]),
    pull_secret("mlops", "regcred", "registry.internal:5000")],
    finds("PULL-02", "secret/mlops/regcred", ["regcred", "403"], ["regcred"], ["deployment/mlops/api"], never=["aws ", "creds refresh"]))
incident("pull-upper-case", "An image name with capital letters", [
    pulling('Failed to apply default image tag "exampleorg/Iris:v1": couldn\'t parse image name "exampleorg/Iris:v1": invalid reference format: repository name (exampleorg/Iris) must be lowercase',
            "exampleorg/Iris:v1", reason="InvalidImageName", backed=False)],
    finds("PULL-14", "deployment/mlops/api", ["exampleorg/Iris:v1"], ["`exampleorg/iris:v1`"]))

def gone(image):
    return "rpc error: code = NotFound desc = " + resolve(f"docker.io/{image}", f"docker.io/{image}: not found")

def unpulled(image, words):
    return waiting("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {words}')

incident("pull-two-images", "Two containers of a pod, and neither image exists", [
    workload("mlops", "api", containers=[container("a", "exampleorg/alpha:v9"), container("b", "exampleorg/beta:v9", None)],
             pods=[{"statuses": [unpulled(one, gone(one)) for one in ("exampleorg/alpha:v9", "exampleorg/beta:v9")]}])],
    finds("PULL-06", "deployment/mlops/api", ["exampleorg/alpha:v9", "exampleorg/beta:v9"]))
incident("pull-one-image-many", "Two workloads name the tag that was never pushed", [
    [workload("mlops", name, kind, containers=[container(image="exampleorg/mlops-api:v9")],
              pods=[{"statuses": [unpulled("exampleorg/mlops-api:v9", gone("exampleorg/mlops-api:v9"))]}])
     for name, kind in [("api", "Deployment"), ("batch", "StatefulSet")]]],
    finds("PULL-06", "deployment/mlops/api", ["exampleorg/mlops-api:v9"], affects=["statefulset/mlops/batch"]))
LIMIT = "pulling from host registry-1.docker.io failed with status code [manifests 1]: 429 Too Many Requests"
incident("pull-rate-limit-many", "Docker Hub limits two workloads", [
    [workload("mlops", name, containers=[container(image=f"exampleorg/{name}:1")],
              pods=[{"statuses": [unpulled(f"exampleorg/{name}:1", resolve(f"docker.io/exampleorg/{name}:1", LIMIT))]}])
     for name in ("api", "batch")]],
    finds("PULL-16", "registry//docker.io", ["rate limit"], affects=["deployment/mlops/api", "deployment/mlops/batch"],
          or_objects=["deployment/mlops/api"]))
incident("pull-login-many", "Two workloads of a namespace name no pull secret for their registry", [
    [workload("mlops", name, containers=[container(image=f"registry.internal:5000/{name}:1")],
              pods=[{"statuses": [unpulled(f"registry.internal:5000/{name}:1", resolve(f"registry.internal:5000/{name}:1", BASIC))]}])
     for name in ("api", "batch")]],
    finds("PULL-01", "deployment/mlops/api", ["registry.internal:5000"], ["imagePullSecrets"], ["deployment/mlops/batch"]))
incident("pull-qps-beside-a-cause", "One of three pods says only that the node pulls too much at once", [
    workload("mlops", "api", replicas=3, containers=[container(image=PRIVATE)], imagePullSecrets=[{"name": "regcred"}],
             pods=[{"statuses": [one]} for one in [waiting("ErrImagePull", "pull QPS exceeded")] + 2 * [unpulled(PRIVATE, resolve(PRIVATE, BASIC))]])],
    finds("PULL-01", "secret/mlops/regcred", ["regcred", "3 pods"], ["regcred"], ["deployment/mlops/api"], never=["QPS"]))
nightly = thing("batch/v1", "CronJob", "mlops", "nightly", -9000, spec={"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": [container()]}}}}}, status={})
incident("pull-cron-job", "The image of a cron job does not exist", [nightly,
    job("mlops", "nightly-29396320", owner=nightly, status={"active": 1}, pods=[
        {"statuses": [unpulled("exampleorg/x:1", gone("exampleorg/x:1"))], "containers": [container(image="exampleorg/x:1", port=None)]}])],
    finds("PULL-06", "cronjob/mlops/nightly", ["exampleorg/x:1"], or_objects=["job/mlops/nightly-29396320"]))

# Configuration and start

def configured(words, reason="CreateContainerConfigError", **template):
    return workload("mlops", "api", pods=[{"statuses": [waiting(reason, words)]}], **template)

def from_env(kind, name, key=None, **more):
    if key:
        return container(env=[{"name": "X", "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}])
    return container(envFrom=[{f"{kind}Ref": {"name": name, **more}}])

incident("cfg-configmap-key", "A ConfigMap lacks a key", [
    configured("couldn't find key log-level in ConfigMap mlops/api-config", containers=[from_env("configMap", "api-config", "log-level")]),
    {**thing("v1", "ConfigMap", "mlops", "api-config"), "data": {"port": "8000"}}],
    finds("CFG-01", "configmap/mlops/api-config", ["api-config", "log-level"], ["api-config"], ["deployment/mlops/api"]))
incident("cfg-envfrom-secret", "envFrom names a secret that is not there", [
    configured('secret "api-env" not found', containers=[from_env("secret", "api-env")])],
    finds("CFG-02", "secret/mlops/api-env", ["api-env"], ["api-env"], ["deployment/mlops/api"]))
incident("cfg-run-as-root", "runAsNonRoot, and the image runs as root", [
    configured('container has runAsNonRoot and image will run as root (pod: "api_mlops(1)", container: app)')],
    finds("CFG-03", "deployment/mlops/api", ["root"], ["runAsUser"]))
incident("cfg-named-user", "runAsNonRoot, and the image names its user by a name", [
    configured('container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root (pod: "api_mlops(1)", container: app)')],
    finds("CFG-03", "deployment/mlops/api", ["non-numeric"], ["runAsUser"]))
incident("cfg-subpath", "subPath mounts a folder on a file", [
    configured('failed to prepare subPath for volumeMount "config" of container "app"')],
    finds("CFG-07", "deployment/mlops/api", ["subPath"], ["subPath"]))
RUNC = ('failed to create containerd task: failed to create shim task: OCI runtime create failed:'
        ' runc create failed: unable to start container process: ')
for name, tail, says in [
    ("cfg-command-denied", 'exec: "/app/start.sh": permission denied: unknown', "permission denied"),
    ("cfg-command-empty", 'exec: "": executable file not found in $PATH: unknown', "not found"),
    ("cfg-command-folder", 'exec: "/app": is a directory: unknown', "is a directory"),
    ("cfg-working-dir", 'mkdir /srv/app: no such file or directory: unknown', "no such file"),
]:
    incident(name, "A command that cannot be run", [workload("mlops", "api", pods=[
        {"statuses": [terminated(128, "StartError", 3, RUNC + tail)]}])],
        finds("CFG-04", "deployment/mlops/api", [says], ["command"]))
incident("cfg-missing-beside", "A container reads a secret and a ConfigMap, and neither is there", [
    configured('secret "db" not found', containers=[container(envFrom=[
        {"secretRef": {"name": "db"}}, {"configMapRef": {"name": "app-config"}}])])],
    finds("CFG-02", "secret/mlops/db", ["db"], ["db"], ["deployment/mlops/api"]),
    finds("CFG-02", "configmap/mlops/app-config", ["app-config"], ["app-config"], ["deployment/mlops/api"]))
incident("cfg-two-containers", "Two containers of a pod wait, each for something of its own", [
    workload("mlops", "api", containers=[container(image=PRIVATE), from_env("configMap", "side-config") | {"name": "side"}],
             imagePullSecrets=[{"name": "regcred"}],
             pods=[{"statuses": [unpulled(PRIVATE, resolve(PRIVATE, BASIC)),
                                 waiting("CreateContainerConfigError", 'configmap "side-config" not found')]}])],
    finds("PULL-01", "secret/mlops/regcred", ["regcred"], ["regcred"], ["deployment/mlops/api"]),
    finds("CFG-02", "configmap/mlops/side-config", ["side-config"], ["side-config"], ["deployment/mlops/api"]))
incident("cfg-image-and-secret", "One container has no image, the other no secret", [
    workload("mlops", "api", containers=[container(image="exampleorg/x:1"), from_env("secret", "side-env") | {"name": "side"}],
             pods=[{"statuses": [unpulled("exampleorg/x:1", gone("exampleorg/x:1")),
                                 waiting("CreateContainerConfigError", 'secret "side-env" not found')]}])],
    finds("PULL-06", "deployment/mlops/api", ["exampleorg/x:1"]),
    finds("CFG-02", "secret/mlops/side-env", ["side-env"], ["side-env"], ["deployment/mlops/api"]))
incident("cfg-keys-of-two-workloads", "Two workloads want different keys that a secret lacks", [
    [workload("mlops", name, containers=[from_env("secret", "keys", key)],
              pods=[{"statuses": [waiting("CreateContainerConfigError", f"couldn't find key {key} in Secret mlops/keys")]}])
     for name, key in [("api", "redis-url"), ("batch", "client-id")]],
    secret("mlops", "keys", data={"tenant": "bGVuOjM="})],
    finds("CFG-01", "secret/mlops/keys", ["redis-url", "client-id", "2 pods"], ["redis-url", "client-id"],
          ["deployment/mlops/api", "deployment/mlops/batch"], never=["tenant"]))
incident("cfg-name-almost-right", "A ConfigMap of almost this name is there, and one of this name in another namespace", [
    configured('configmap "fast-api-config" not found', containers=[from_env("configMap", "fast-api-config")]),
    {**thing("v1", "ConfigMap", "mlops", "fastapi-config"), "data": {"a": "b"}},
    {**thing("v1", "ConfigMap", "staging", "fast-api-config"), "data": {"a": "b"}}],
    finds("CFG-02", "configmap/mlops/fast-api-config", ["`fastapi-config`", "namespace staging"], ["fast-api-config"], ["deployment/mlops/api"]))
incident("cfg-memory-at-start", "A memory limit in which nothing can start", [
    configured(RUNC + "container init was OOM-killed (memory limit too low?): unknown", "RunContainerError",
               containers=[container(resources={"limits": {"memory": "4Mi"}})])],
    finds("CRASH-01", "deployment/mlops/api", ["4Mi"], ["memory"]))
incident("cfg-start-hook", "A hook after the start fails", [
    configured("Exec lifecycle hook ([/warm.sh]) for Container \"app\" in Pod failed - error: command '/warm.sh' exited with 127", "PostStartHookError")],
    finds("CFG-04", "deployment/mlops/api", ["/warm.sh"], ["lifecycle.postStart"]))
incident("cfg-sub-path-key", "subPath names a key that the ConfigMap lacks: a folder lands on a file", [
    configured(RUNC + 'error during container init: error mounting "/x/conf/app/0" to rootfs at "/etc/app.conf": not a directory: unknown', "RunContainerError",
               containers=[container(volumeMounts=[{"name": "conf", "mountPath": "/etc/app.conf", "subPath": "app.conf"}])],
               volumes=[{"name": "conf", "configMap": {"name": "conf"}}]),
    {**thing("v1", "ConfigMap", "mlops", "conf"), "data": {"default.conf": "x"}}],
    finds("CFG-07", "deployment/mlops/api", ["app.conf", "default.conf"], ["ConfigMap `conf`"]))
failing = {"status": {"phase": "Failed", "startTime": at(2), "containerStatuses": [
    {"name": "app", "image": "x", **terminated(128, "StartError", message=RUNC + 'exec: "/migrate.sh": stat /migrate.sh: no such file or directory: unknown')}]}}
incident("job-command-missing", "A job tries again what its image does not have", [
    job("mlops", "migrate", status={"failed": 1}, pods=[failing])],
    finds("CFG-04", "job/mlops/migrate", ["/migrate.sh"], ["command"]))
incident("job-command-missing-failed", "The same once its attempts are used up", [
    job("mlops", "migrate", [condition(kind, "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit") for kind in ("FailureTarget", "Failed")],
        status={"failed": 1}, pods=[failing])],
    finds("JOB-01", "job/mlops/migrate", ["/migrate.sh"]))
healthy("secret-deleted-later", "A container runs whose secret was deleted since", [
    workload("mlops", "api", containers=[from_env("secret", "gone")])])

incident("cfg-mount-on-file", "A folder is mounted where the image has a file", [workload("mlops", "api", pods=[
    {"statuses": [terminated(128, "StartError", 3, RUNC + 'error during container init: error mounting "/var/lib/kubelet/x" to rootfs at "/etc/app.yaml": mount /var/lib/kubelet/x:/etc/app.yaml, flags: 0x5001: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)?')]}])],
    finds("CFG-07", "deployment/mlops/api", ["/etc/app.yaml"], ["mountPath"]))

def mounting(words, reason="FailedMount", count=6, **template):
    objects = workload("mlops", "api", pods=[{"statuses": [waiting("ContainerCreating")]}], **template)
    return objects + [event(objects[-1], reason, words, count=count)]

incident("cfg-hostpath", "hostPath is no folder on the node", [mounting(
    'MountVolume.SetUp failed for volume "models" : hostPath type check failed: /data/models is not a directory')],
    finds("CFG-07", "deployment/mlops/api", ["models", "/data/models"], ["hostPath"]), events_decide=True)
incident("cfg-csi-driver-missing", "A volume of a CSI driver that is not installed", [mounting(
    'MountVolume.SetUp failed for volume "vault" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers')],
    finds("PVC-04", "deployment/mlops/api", ["secrets-store.csi.k8s.io"], ["CSI driver"]), events_decide=True)
incident("pvc-multi-attach", "A disk is still attached to another node", [mounting(
    'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) api-old', "FailedAttachVolume")],
    finds("PVC-08", "deployment/mlops/api", ["Multi-Attach", "api-old"], ["Recreate"]), events_decide=True)
incident("pvc-multi-attach-once", "The same, said once and a minute ago", [mounting(
    'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) api-old', "FailedAttachVolume", count=1)],
    finds("PVC-08", "deployment/mlops/api", ["Multi-Attach"], ["Recreate"]), events_decide=True)
incident("mount-new-words", "A mount fails in a way that nobody knows", [mounting(
    'MountVolume.SetUp failed for volume "nfs" : mount failed: exit status 32')],
    finds("unknown", "deployment/mlops/api", ["exit status 32"], ["describe pod"]), events_decide=True)
incident("cfg-projected-configmap-key", "A projected volume wants a key that its ConfigMap lacks", [mounting(
    'MountVolume.SetUp failed for volume "all" : references non-existent config key: app.yaml',
    volumes=[{"name": "all", "projected": {"sources": [{"configMap": {"name": "api-config", "items": [{"key": "app.yaml", "path": "app.yaml"}]}}]}}]),
    {**thing("v1", "ConfigMap", "mlops", "api-config"), "data": {"port": "8000"}}],
    finds("CFG-05", "configmap/mlops/api-config", ["app.yaml"], ["api-config"], ["deployment/mlops/api"]))

speaker = workload("metallb-system", "speaker", "DaemonSet", pods=[
    {"statuses": [waiting("CreateContainerConfigError", 'secret "memberlist" not found')]}],
    containers=[from_env("secret", "memberlist", "secretkey")])
incident("metallb-memberlist", "MetalLB's speakers wait for a secret that its controller makes", [
    speaker, workload("metallb-system", "controller")],
    finds("CFG-08", "deployment/metallb-system/controller", ["memberlist", "controller"], ["logs"],
          ["daemonset/metallb-system/speaker"], or_objects=["secret/metallb-system/memberlist"]))
incident("metallb-controller-crashes", "The same, and the controller crashes", [
    speaker, workload("metallb-system", "controller", pods=[{"name": "controller-1", "statuses": [crashing(1)]}])],
    finds("CRASH-11", "deployment/metallb-system/controller", ["no route to host"],
          affects=["daemonset/metallb-system/speaker"]),
    logs={"metallb-system_controller-1_app": '{"error":"failed to create memberlist secret","msg":"Post \\"https://10.96.0.1:443/api\\": dial tcp 10.96.0.1:443: connect: no route to host"}\n'})

def refused(words, **more):
    return workload("mlops", "api", pods=[], refused='pods "api-5d4f8c7b9-x" is forbidden: ' + words, **more)

incident("rs-priority-class", "A priority class that is not there", [
    refused("no PriorityClass with name high was found")],
    finds("CFG-06", "deployment/mlops/api", ["PriorityClass", "high"]))
incident("rs-runtime-class", "A runtime class that is not there", [
    workload("mlops", "api", pods=[], refused='pods "api-x" is forbidden: pod rejected: RuntimeClass "gvisor" not found')],
    finds("CFG-06", "deployment/mlops/api", ["gvisor"]))
incident("rs-limit-range", "A LimitRange refuses the pods", [
    refused("maximum memory usage per Container is 512Mi, but limit is 1Gi")],
    finds("CFG-06", "deployment/mlops/api", ["512Mi"]))
incident("rs-webhook-denies", "A webhook denies the pods", [workload("mlops", "api", pods=[],
    refused='admission webhook "policy.example.com" denied the request: images must come from registry.internal')],
    finds("CFG-06", "deployment/mlops/api", ["policy.example.com", "registry.internal"]))
HOOK = {"webhooks": [{"name": "check.policy.example.com", "failurePolicy": "Fail",
                      "clientConfig": {"service": {"name": "policy", "namespace": "policy", "port": 443}}}]}
for name, tail in [
    ("service", 'service "policy" not found'),
    ("endpoints", 'no endpoints available for service "policy"'),
    ("refused", "dial tcp 10.96.3.4:443: connect: connection refused"),
    ("x509", "tls: failed to verify certificate: x509: certificate signed by unknown authority")]:
    incident(f"webhook-{name}", "A webhook that is asked for each pod does not answer", [
        workload("mlops", "api", pods=[], refused='Internal error occurred: failed calling webhook "check.policy.example.com": failed to call webhook: Post "https://policy.policy.svc:443/validate?timeout=10s": ' + tail),
        {**thing("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", None, "policy"), **HOOK}],
        finds("API-14", "validatingwebhookconfiguration//policy", ["check.policy.example.com"], ["policy"], ["deployment/mlops/api"]))
incident("rs-quota-wants-limits", "A quota wants each pod to name its limits", [
    refused("failed quota: compute: must specify limits.cpu for: app; limits.memory for: app")],
    finds("CFG-06", "resourcequota/mlops/compute", ["limits.cpu"], ["limits.cpu", "LimitRange"], ["deployment/mlops/api"]))
incident("webhook-scaled-to-zero", "Nobody is behind a webhook: its deployment is scaled to zero", [
    workload("mlops", "api", pods=[], refused='Internal error occurred: failed calling webhook "check.policy.example.com": failed to call webhook: Post "https://policy.policy.svc:443/validate?timeout=10s": dial tcp 10.96.3.4:443: connect: connection refused'),
    {**thing("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", None, "policy"), **HOOK},
    workload("policy", "policy", replicas=0, pods=[]), service("policy", "policy", {"app": "policy"})],
    finds("API-14", "validatingwebhookconfiguration//policy", ["check.policy.example.com", "scaled to zero"], ["policy"], ["deployment/mlops/api"],
          or_objects=["deployment/mlops/api"]))
backend = workload("policy", "policy", pods=[{"name": "policy-1", "statuses": [crashing(1)]}])
incident("webhook-backend-crashes", "The pods behind the webhook crash", [
    workload("mlops", "api", pods=[], refused='Internal error occurred: failed calling webhook "check.policy.example.com": failed to call webhook: Post "https://policy.policy.svc:443/validate?timeout=10s": no endpoints available for service "policy"'),
    {**thing("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", None, "policy"), **HOOK},
    backend, service("policy", "policy", {"app": "policy"}, endpoints=[False])],
    finds("CRASH-07", "deployment/policy/policy", ["policy_engine"], affects=["deployment/mlops/api"]),
    logs={"policy_policy-1_app": "Traceback (most recent call last):\n  File \"/app/main.py\", line 1, in <module>\n    import policy_engine\nModuleNotFoundError: No module named 'policy_engine'\n"})

# Crashes

def crash(code, log=None, reason="Error", container_name="app", form=crashing, namespace="mlops", extra=(), **template):
    template.setdefault("containers", [container(container_name)])
    objects = workload(namespace, "api", pods=[{"name": "api-0", "statuses": [form(code, reason)]}], **template)
    return objects + list(extra), ({f"{namespace}_api-0_{container_name}": log} if log else {})

def python(last, frame="/app/main.py", before="    run()\n"):
    return f"INFO: starting\nTraceback (most recent call last):\n  File \"{frame}\", line 12, in <module>\n{before}{last}\n"

def crashes(name, title, rule, log, says, fix=(), code=1, never=(), **more):
    objects, logs = crash(code, log, **more)
    incident(name, title, objects, finds(rule, "deployment/mlops/api", says, fix, never=never), logs=logs)

APP = "in your application"
crashes("crash-duplicated-timeseries", "A metric is registered twice", "CRASH-08", python("ValueError: Duplicated timeseries in CollectorRegistry: {'data_drift_score'}"), ["data_drift_score", APP], ["uvicorn"], never=["restart"+"s keep"])
crashes("crash-nameerror-asyncio", "A missing import", "CRASH-10", python("NameError: name 'asyncio' is not defined"), ["asyncio", "main.py", APP])
crashes("crash-module-missing", "A module is not in the image", "CRASH-07", python("ModuleNotFoundError: No module named 'prometheus_client'"), ["prometheus_client", APP], ["requirements"])
crashes("crash-import-name", "A library of another version", "CRASH-06", python("ImportError: cannot import name 'soft_unicode' from 'markupsafe' (/usr/lib/x.py)"), ["soft_unicode", APP], ["pin"])
crashes("crash-keyerror-price", "A column that the data lack", "CRASH-14", python("KeyError: \"['price'] not in index\""), ["price", APP], never=["cluster"])
crashes("crash-keyerror-plain", "A key that the data lack", "CRASH-14", python("KeyError: 'price'"), ["KeyError: 'price'", APP])
crashes("crash-file-not-found", "A file of another task's disk", "CRASH-14", python("FileNotFoundError: [Errno 2] No such file or directory: '/tmp/reference.csv'"), ["/tmp/reference.csv", APP])
crashes("crash-mlflow-skew", "An MLflow client newer than its server", "SKEW-01", python("mlflow.exceptions.MlflowException: API request to endpoint /api/2.0/mlflow/logged-models failed with error code 404 != 200. Response body: 'Not Found'"), ["logged-models", "404", APP], ["mlflow"])
crashes("crash-mlflow-schema", "A database of another version's schema", "SKEW-01", python("mlflow.exceptions.MlflowException: Detected out-of-date database schema (found version 1, but expected 2). Take a backup of your database, then run 'mlflow db upgrade <database_uri>'"), ["out-of-date database schema"], ["mlflow db upgrade"])
crashes("crash-password", "A database refuses the password", "CRASH-13", python('psycopg2.OperationalError: connection to server at "postgres" (10.96.0.7), port 5432 failed: FATAL:  password authentication failed for user "mlflow"'), ["password authentication failed"], ["ALTER ROLE"], never=["wipe"])
crashes("crash-database-missing", "A database does not exist", "CRASH-13", python('psycopg2.OperationalError: FATAL:  database "mlflow" does not exist'), ['database "mlflow"'], ["create the database"])
crashes("crash-kafka", "No Kafka broker answers", "CRASH-11", python("kafka.errors.NoBrokersAvailable: NoBrokersAvailable"), ["NoBrokersAvailable"])
crashes("crash-lfs-pointer", "The model is a pointer of git-lfs: the byte is a v", "CRASH-09", python("KeyError: 118").replace("/app/main.py", "/usr/lib/python3.10/pickle.py"), ["KeyError: 118", "scikit-learn"], ["git-lfs"])
crashes("crash-model-version", "A model of another scikit-learn, with both versions", "CRASH-09", "/usr/lib/sklearn/base.py:348: InconsistentVersionWarning: Trying to unpickle estimator DecisionTreeClassifier from version 1.2.2 when using version 1.3.2.\n" + python("ValueError: node array from the pickle has an incompatible dtype:"), ["1.2.2", "1.3.2"], ["scikit-learn"])
crashes("crash-fernet-key", "Another Fernet key than that of the data", "unknown", python("cryptography.fernet.InvalidToken"), ["InvalidToken", "encrypted with another"])
crashes("crash-s3-forbidden", "S3 refuses without its own words", "CRASH-12", python("botocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden"), ["HeadObject", "lack a right"])
crashes("crash-own-frame", "The program's own frame is told, not that of a library", "CRASH-14", "Traceback (most recent call last):\n  File \"/dags/split.py\", line 88, in detect_drift\n  File \"/usr/lib/site-packages/pandas/core/frame.py\", line 3813, in __getitem__\nKeyError: \"['price'] not in index\"\n", ["/dags/split.py", "price"], ["line 88 of /dags/split.py"])
crashes("crash-file-of-config", "A file of its configuration is not mounted", "unknown", "ERROR/locust.main: Could not find '/mnt/locust/locustfile.py'. Ensure file ends with '.py'\n", ["/mnt/locust/locustfile.py"], ["ConfigMap"])
crashes("crash-asks-itself", "Redis is looked for in the pod itself", "CRASH-11", python("redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused."), ["localhost"], ["service"], never=["pods behind"])
crashes("crash-data-directory", "A database may not own its data directory", "CFG-07", 'initdb: error: could not change permissions of directory "/var/lib/postgresql/data": Operation not permitted\n', ["/var/lib/postgresql/data"], ["fsGroup"])
crashes("crash-token-expired", "Cloud credentials that have expired", "CRASH-12", python("botocore.exceptions.ClientError: An error occurred (ExpiredToken) when calling the GetObject operation: The provided token has expired."), ["ExpiredToken", "expired"])
crashes("crash-access-denied", "Cloud credentials without a right", "CRASH-12", python("botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the GetObject operation: Access Denied"), ["AccessDenied"])
crashes("crash-read-only", "A read-only file system", "CFG-07", python("OSError: [Errno 30] Read-only file system: '/app/cache'"), ["/app/cache"], ["emptyDir"])
crashes("crash-permission", "A volume that belongs to root", "CFG-07", python("PermissionError: [Errno 13] Permission denied: '/mlruns'"), ["/mlruns"], ["fsGroup"])
crashes("crash-segfault", "A segmentation fault", "unknown", "Fatal Python error: Segmentation fault\n", ["139"], code=139)
crashes("crash-sigterm", "The process ends by SIGTERM", "CRASH-03", "terminating\n", ["143"], code=143)
crashes("crash-killed", "Killed from outside, without a limit or a probe", "CRASH-01", "epoch 1\n", ["137"], ["memory"], code=137, never=["liveness"])
crashes("crash-not-found-127", "A script calls what is not in the image", "CFG-04", "/entrypoint.sh: line 3: psql: not found\n", ["127", "psql"], code=127)
crashes("crash-arguments", "Arguments that the program does not take", "CFG-04", "usage: locust [options]\nlocust: error: unrecognized arguments: --hots\n", ["unrecognized arguments"], ["args"], code=2)
objects, logs = crash(2, "usage: locust [options]\nlocust: error: argument -H: expected one argument\n", containers=[container(args=["locust", "-H", ""])])
incident("crash-empty-argument", "A chart left an argument empty", objects,
         finds("HELM-08", "deployment/mlops/api", ["-H", "empty"], ["helm get values"], or_rules=["CFG-04"]), logs=logs)
crashes("crash-environment", "A variable is not set", "unknown", "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in <module>\n    url = os.environ[\"DATABASE_URL\"]\n  File \"/usr/lib/python3.11/os.py\", line 679, in __getitem__\n    raise KeyError(key) from None\nKeyError: 'DATABASE_URL'\n", ["DATABASE_URL"], ["DATABASE_URL"], never=[APP])
crashes("crash-python-unknown", "An exception that nobody knows", "unknown", python("acme.errors.QuuxError: cannot frobnicate"), ["QuuxError", "main.py", APP], ["main.py"])
crashes("crash-java", "A Java program", "unknown", "Exception in thread \"main\" java.lang.IllegalStateException: no quux\n\tat com.acme.Main.run(Main.java:41)\n\tat com.acme.Main.main(Main.java:9)\n", ["IllegalStateException", "Main.java:41", APP], ["Main.java:41"])
crashes("crash-go-panic", "A Go program", "unknown", "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation]\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:12 +0x1d\n", ["nil pointer", "main.go:12", APP], code=2)
crashes("crash-node", "A Node program", "CRASH-07", "node:internal/modules/cjs/loader:1051\nError: Cannot find module 'express'\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1048:15)\n    at Object.<anonymous> (/app/server.js:1:17)\n", ["express", APP])
crashes("crash-node-unknown", "A Node program that breaks off", "unknown", "/app/server.js:3\nTypeError: app.listn is not a function\n    at Object.<anonymous> (/app/server.js:3:5)\n    at Module._compile (node:internal/modules/cjs/loader:1198:14)\n", ["app.listn", "server.js:3", APP])
crashes("crash-coredns-loop", "CoreDNS asks itself", "NODE-08", "[FATAL] plugin/loop: Loop (127.0.0.1:55953 -> :53) detected for zone \".\", see https://coredns.io/plugins/loop#troubleshooting\n", ["plugin/loop"], ["resolv.conf"])
crashes("crash-dns-timeout", "The cluster's name service does not answer", "DNS-01", "dial tcp: lookup mlflow.mlops.svc.cluster.local on 10.96.0.10:53: read udp 10.85.1.4:35->10.96.0.10:53: i/o timeout\n", ["mlflow.mlops.svc", "10.96.0.10:53"], ["kube-dns"])
crashes("crash-log-gone", "The runtime cleared the log away", "unknown", "unable to retrieve container logs for containerd://3322", ["exit code 1"], ["logs"])
crashes("crash-terminated-form", "The same crash while the status says terminated", "CRASH-07", python("ModuleNotFoundError: No module named 'x'"), ["No module named 'x'"], form=lambda code, reason: terminated(code, reason, 3))
crashes("crash-chained", "A chain of exceptions ends in one that nobody knows", "CRASH-11", "Traceback (most recent call last):\n  File \"/app/db.py\", line 4, in connect\n    s.connect()\nConnectionRefusedError: [Errno 111] Connection refused\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/app/main.py\", line 9, in <module>\n    boot()\nacme.BootError: no storage\n", ["Connection refused"])
crashes("crash-retries-before", "Refused connections early, another error at the end", "CRASH-14", "WARN retry 1: Connection refused\nWARN retry 2: Connection refused\nINFO connected\n" + python("KeyError: 'price'"), ["KeyError: 'price'"], never=["does not answer"])

objects, logs = crash(1, python('psycopg2.OperationalError: connection to server at "postgres" (10.96.0.7), port 5432 failed: Connection refused'))
database = workload("mlops", "postgres", "StatefulSet", pods=[{"statuses": [waiting("ImagePullBackOff", f'Back-off pulling image "bitnami/postgresql:11": ErrImagePull: rpc error: code = NotFound desc = {resolve("docker.io/bitnami/postgresql:11", "docker.io/bitnami/postgresql:11: not found")}')]}], containers=[container(image="bitnami/postgresql:11")])
incident("crash-for-want-of-database", "A crash whose database cannot be pulled", [
    objects, database, service("mlops", "postgres", {"app": "postgres"}, 5432, 5432, [False])],
    finds("PULL-12", "statefulset/mlops/postgres", ["bitnamilegacy"], ["bitnamilegacy"], ["deployment/mlops/api"]), logs=logs)
objects, logs = crash(1, python('psycopg2.OperationalError: could not translate host name "postgres" to address: Name or service not known'))
incident("crash-host-in-other-namespace", "The service is in another namespace", [
    objects, workload("data", "postgres", "StatefulSet"), service("data", "postgres", {"app": "postgres"}, 5432, 8000, [True])],
    finds("CRASH-11", "deployment/mlops/api", ["postgres", "data"], ["postgres.data"]), logs=logs)
objects, logs = crash(1, python("requests.exceptions.ConnectionError: HTTPConnectionPool(host='mlflow', port=5000): Max retries exceeded with url: / (Caused by NameResolutionError(\"Failed to resolve 'mlflow'\"))"))
incident("crash-name-not-resolved", "The service is there, and its name does not resolve", [
    objects, workload("mlops", "mlflow"), service("mlops", "mlflow", {"app": "mlflow"}, 5000, 8000, [True])],
    finds("DNS-01", "deployment/mlops/api", ["mlflow"], ["kube-dns"], or_rules=["CRASH-11"]), logs=logs)

SIDE = [container("app"), container("sidecar", "exampleorg/drift:1", None)]
incident("crash-sidecar", "A sidecar crashes beside a container that is fine", [
    workload("mlops", "api", pods=[{"name": "api-0", "statuses": [running(), crashing(1)]}], containers=SIDE)],
    finds("CRASH-07", "deployment/mlops/api", ["sidecar"], never=["`app`"]),
    logs={"mlops_api-0_sidecar": python("ModuleNotFoundError: No module named 'x'")})
incident("crash-one-of-two", "One of two replicas crashes", [
    workload("mlops", "api", replicas=2, pods=[{"name": "api-0"}, {"name": "api-1", "statuses": [crashing(1)]}]),
    service("mlops", "api", {"app": "api"}, endpoints=[True, False])],
    finds("CRASH-14", "deployment/mlops/api", ["/data/x.csv"], affects=["service/mlops/api"]),
    logs={"mlops_api-1_app": python("FileNotFoundError: [Errno 2] No such file or directory: '/data/x.csv'")})
incident("crash-first-of-stateful-set", "Pod 0 of a StatefulSet crashes, the others are never made", [
    workload("mlops", "kafka", "StatefulSet", replicas=3, pods=[{"statuses": [crashing(1)]}])],
    finds("CRASH-07", "statefulset/mlops/kafka", ["kafka-0"]),
    logs={"mlops_kafka-0_app": "Error: could not find or load main class kafka.Kafka\nCaused by: java.lang.ClassNotFoundException: kafka.Kafka\n"})
INIT = [container("migrate", "exampleorg/migrate:1", None)]
incident("init-oom", "An init container needs more memory than it may use", [
    workload("mlops", "api", pods=[{"name": "api-0", "statuses": [waiting("PodInitializing")], "init": INIT,
                                    "init_statuses": [crashing(137, "OOMKilled")]}])],
    finds("CRASH-01", "deployment/mlops/api", ["migrate", "OOMKilled"], ["memory"], or_rules=["CRASH-15"]))
incident("init-waits", "An init container that fails for want of its database", [
    workload("mlops", "api", pods=[{"name": "api-0", "statuses": [waiting("PodInitializing")], "init": INIT,
                                    "init_statuses": [crashing(1)]}])],
    finds("CRASH-15", "deployment/mlops/api", ["migrate", "Connection refused"]),
    logs={"mlops_api-0_migrate": python("sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at \"db\" (10.96.0.9), port 5432 failed: Connection refused")})
incident("two-crashes", "Two workloads crash for two causes", [
    workload("mlops", "api", pods=[{"name": "api-0", "statuses": [crashing(1)]}]),
    workload("mlops", "worker", pods=[{"name": "worker-0", "statuses": [crashing(1)]}])],
    finds("CRASH-07", "deployment/mlops/api", ["'x'"]), finds("CRASH-10", "deployment/mlops/worker", ["asyncio"]),
    logs={"mlops_api-0_app": python("ModuleNotFoundError: No module named 'x'"),
          "mlops_worker-0_app": python("NameError: name 'asyncio' is not defined")})
SHARED = python("ModuleNotFoundError: No module named 'pydantic_settings'")
incident("crash-one-image-three-workloads", "One image, of which three workloads lack the same module", [
    [workload("mlops", name, pods=[{"name": f"{name}-0", "statuses": [crashing(1)]}]) for name in ("api", "batch", "stream")]],
    finds("CRASH-07", "deployment/mlops/api", ["pydantic_settings", "3 pods"], affects=["deployment/mlops/batch", "deployment/mlops/stream"]),
    logs={f"mlops_{name}-0_app": SHARED for name in ("api", "batch", "stream")})
BROKER = """INFO:root:connecting to kafka:9092
Traceback (most recent call last):
  File "/app/main.py", line 31, in <module>
kafka.errors.NoBrokersAvailable: NoBrokersAvailable
"""
incident("crash-two-for-want-of-kafka", "Kafka is killed for want of memory, and its consumers find no broker", [
    workload("flts", "kafka", "StatefulSet", pods=[{"statuses": [crashing(137, "OOMKilled")]}],
             containers=[container(port=9092, resources={"limits": {"memory": "256Mi"}})]),
    service("flts", "kafka", {"app": "kafka"}, 9092, 9092, [False]),
    [workload("flts", name, pods=[{"name": f"{name}-0", "statuses": [crashing(1)]}]) for name in ("eval", "inference")]],
    finds("CRASH-01", "statefulset/flts/kafka", ["OOMKilled", "256Mi"], ["memory"],
          ["deployment/flts/eval", "deployment/flts/inference", "service/flts/kafka"]),
    logs={f"flts_{name}-0_app": BROKER for name in ("eval", "inference")})
PSYCOPG = """psycopg2.OperationalError: connection to server at "postgres" (10.96.3.4), port 5432 failed: Connection refused
	Is the server running on that host and accepting TCP/IP connections?
"""
objects, logs = crash(1, PSYCOPG)
incident("crash-host-in-an-earlier-line", "The host stands in another line than the one that decides", [
    objects, workload("mlops", "postgres", "StatefulSet", pods=[{"name": "postgres-0", "statuses": [crashing(1)]}]),
    service("mlops", "postgres", {"app": "postgres"}, 5432, 5432, [False], address="10.96.3.4")],
    finds("CFG-07", "statefulset/mlops/postgres", ["wrong ownership"], ["fsGroup"], ["deployment/mlops/api"]),
    logs={**logs, "mlops_postgres-0_app": 'FATAL:  data directory "/var/lib/postgresql/data" has wrong ownership\n'})

# Probes

HTTP = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 3, "failureThreshold": 3, "initialDelaySeconds": 2}

def probed(answer, kind="readiness", probe=HTTP, state=None, count=20, extra=(), port=8000, says_title=None, **more):
    spec = [container(port=port, **{f"{kind}Probe": probe})]
    state = state or running(ready=False, started=kind != "startup")
    objects = workload("mlops", "api", pods=[{"name": "api-0", "statuses": [state]}], containers=spec, **more)
    title = says_title or kind.capitalize() + " probe failed"
    return objects + [event(objects[-1], "Unhealthy", f"{title}: {answer}", count=count, of="app"), *[
        event(objects[-1], reason, words, of="app", kind="Normal") for reason, words in extra]]

def probes(name, title, rule, says, fix, *arguments, logs=None, or_rules=(), never=(), **more):
    incident(name, title, probed(*arguments, **more),
             finds(rule, "deployment/mlops/api", says, fix, or_rules=or_rules, never=never), logs=logs, events_decide=True)

probes("probe-readiness-404", "Readiness asks a path that the program lacks", "PROBE-02", ["404", "/ready"], ["/ready"],
       "HTTP probe failed with statuscode: 404", probe={**HTTP, "httpGet": {"path": "/ready", "port": 8000}})
probes("probe-readiness-503", "The program says that it is not ready", "PROBE-06", ["503", "model"], ["/health"],
       "HTTP probe failed with statuscode: 503", logs={"mlops_api-0_app": "INFO: GET /health 503 {\"status\":\"degraded\",\"model_loaded\":false} no model\n"})
NEW = "Readiness probe errored and resulted in unknown state"
EXEC = {"exec": {"command": ["curl", "-f", "localhost:8000"]}, "periodSeconds": 3}
for name, begins in [("136", NEW), ("132", "Readiness probe errored")]:
    probes(f"probe-exec-missing-{name}", "The probe's program is not in the image", "PROBE-05", ["curl"], ["probe"],
           'rpc error: code = Unknown desc = failed to exec in container: failed to start exec "ab": OCI runtime exec failed: exec failed: unable to start container process: exec: "curl": executable file not found in $PATH: unknown',
           probe=EXEC, says_title=begins)
probes("probe-exec-timeout", "The probe's command does not end in time", "PROBE-05", ["timed out"], ["probe"],
       'command timed out: "curl -f localhost:8000" timed out after 1s', probe=EXEC, or_rules=["PROBE-04"])
probes("probe-tcp-refused", "Nothing listens where the TCP probe asks", "PROBE-03", ["9000"], ["9000"],
       "dial tcp 10.85.1.11:9000: connect: connection refused", probe={"tcpSocket": {"port": 9000}, "periodSeconds": 3}, port=None)
probes("probe-grpc", "The gRPC service says that it does not serve", "PROBE-05", ["NOT_SERVING"], ["grpc"],
       'service unhealthy (responded with "NOT_SERVING")', probe={"grpc": {"port": 8000}, "periodSeconds": 3})
probes("probe-startup-missing", "The startup probe's program is not in the image", "PROBE-05", ["curl"], ["probe"],
       'rpc error: code = Unknown desc = failed to exec in container: exec: "curl": executable file not found in $PATH: unknown',
       kind="startup", probe=EXEC, says_title="Startup probe errored and resulted in unknown state")
probes("probe-https", "The probe speaks HTTPS, the port HTTP", "PROBE-03", ["HTTP response to HTTPS client"], ["scheme"],
       'Get "https://10.85.1.11:8000/health": http: server gave HTTP response to HTTPS client')
probes("probe-loopback", "The program listens on 127.0.0.1 alone", "PROBE-03", ["8000", APP], ["0.0.0.0"],
       'Get "http://10.85.1.11:8000/health": dial tcp 10.85.1.11:8000: connect: connection refused',
       logs={"mlops_api-0_app": "INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)\n"})
probes("probe-liveness-404", "Liveness asks a path that the program lacks", "PROBE-02", ["404", "/livez", "liveness"], ["/livez"],
       "HTTP probe failed with statuscode: 404", kind="liveness", probe={**HTTP, "httpGet": {"path": "/livez", "port": 8000}},
       state=crashing(137), extra=[("Killing", "Container app failed liveness probe, will be restarted")], or_rules=["PROBE-01", "CRASH-02"], never=["OOM"])
probes("probe-liveness-500", "Liveness is answered by 500", "PROBE-01", ["liveness", "500"], ["startupProbe"],
       "HTTP probe failed with statuscode: 500", kind="liveness", state=crashing(143),
       extra=[("Killing", "Container app failed liveness probe, will be restarted")], or_rules=["CRASH-02"])
probes("probe-startup-kills", "The startup probe allows for too little time", "PROBE-01", ["startup"], ["failureThreshold"],
       'Get "http://10.85.1.11:8000/health": dial tcp 10.85.1.11:8000: connect: connection refused', kind="startup",
       state=crashing(137), extra=[("Killing", "Container app failed startup probe, will be restarted")], or_rules=["CRASH-02"])
REFUSED_AT = 'Get "http://10.85.1.11:8020/readyz": dial tcp 10.85.1.11:8020: connect: connection refused'
STOPPED = """INFO:     Uvicorn running on http://0.0.0.0:8050 (Press CTRL+C to quit)
INFO:     Shutting down
INFO:     Finished server process [1]
"""
probes("probe-liveness-wrong-port", "Liveness asks a port that the program does not listen on; it ends politely", "PROBE-03",
       ["8020", "8050", "liveness"], ["8050"], REFUSED_AT, kind="liveness", port=8020,
       probe={**HTTP, "httpGet": {"path": "/readyz", "port": 8020}}, state=crashing(0, "Completed"), logs={"mlops_api-0_app": STOPPED},
       extra=[("Killing", "Container app failed liveness probe, will be restarted")], or_rules=["PROBE-01", "CRASH-02"],
       never=["foreground"])
probes("probe-liveness-between", "Killed again and again, ready in between: nobody asks for readiness", "PROBE-01",
       ["liveness", "500"], ["log"], "HTTP probe failed with statuscode: 500", kind="liveness",
       state=running(restarts=5, last=ended(137, begin=60, end=100), since=101),
       extra=[("Killing", "Container app failed liveness probe, will be restarted")], never=["OOM"])
probes("probe-path-told-by-log", "The log shows which path the program answers", "PROBE-02", ["404", "/healthz"], ["/healthz"],
       "HTTP probe failed with statuscode: 404",
       logs={"mlops_api-0_app": 'INFO:     10.85.1.1:50110 - "GET /health HTTP/1.1" 404 Not Found\nINFO:     10.85.1.9:50111 - "GET /healthz HTTP/1.1" 200 OK\n'})
incident("probe-liveness-events-gone", "Killed by its liveness probe, long ago", [
    workload("mlops", "api", pods=[{"statuses": [crashing(137)]}], containers=[container(livenessProbe=HTTP)])],
    finds("CRASH-02", "deployment/mlops/api", ["liveness", "137"], ["startupProbe"], never=["OOM"], or_rules=["PROBE-01"]))
incident("probe-events-gone", "Not ready for hours, and no event is left", [
    workload("mlops", "api", pods=[{"statuses": [running(ready=False, since=-7200)], "made": -7200}],
             containers=[container(readinessProbe={**HTTP, "httpGet": {"path": "/health", "port": 8080}})])],
    finds("PROBE-03", "deployment/mlops/api", ["8080", "8000"], ["8000"]))
gated = workload("mlops", "api", pods=[{"ready": False, "readinessGates": [{"conditionType": "target-health.elbv2.k8s.aws/api"}]}])
gated[-1]["status"]["conditions"][2].update(reason="ReadinessGatesNotReady",
    message='corresponding condition of pod readiness gate "target-health.elbv2.k8s.aws/api" does not exist.')
incident("probe-readiness-gate", "Nobody opens a readiness gate", [gated],
    finds("PROBE-08", "deployment/mlops/api", ["target-health.elbv2.k8s.aws/api"], ["readinessGates"]))

# Volumes

def uses(name):
    return [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]

UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
def claims(name="data", words=UNBOUND, **more):
    return workload("mlops", "db", pods=[{**pending(words, tail=". not found"), "volumes": uses(name)}], **more)

incident("pvc-lost", "The volume of a claim is gone", [
    workload("mlops", "db", pods=[{**pending('persistentvolumeclaim "data" bound to non-existent persistentvolume "pv-1"', tail=""), "volumes": uses("data")}]),
    claim("mlops", "data", "Lost", "local-path", "pv-1"), storage_class("local-path")],
    finds("PVC-06", "persistentvolumeclaim/mlops/data", ["data", "pv-1"], ["pv-1"], ["deployment/mlops/db"]))
incident("pvc-provisioner-down", "The provisioner of the class makes nothing", [
    claims(), claim("mlops", "data", class_name="fast"), storage_class("fast", "ebs.csi.aws.com", True)],
    finds("PVC-04", "persistentvolumeclaim/mlops/data", ["ebs.csi.aws.com", "fast"], ["ebs.csi.aws.com"], ["deployment/mlops/db"]))
waiting_claim = claim("mlops", "data", class_name="fast", annotations={"volume.kubernetes.io/selected-node": "lab-node", "volume.kubernetes.io/storage-provisioner": "ebs.csi.aws.com"})
incident("pvc-first-consumer-stuck", "WaitForFirstConsumer: a node was chosen, and nobody makes the volume", [
    workload("mlops", "db", pods=[{"status": {"phase": "Pending", "qosClass": "BestEffort"}, "volumes": uses("data")}]),
    waiting_claim, storage_class("fast", "ebs.csi.aws.com", True, "WaitForFirstConsumer"),
    event(waiting_claim, "ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.", "Normal", 9)],
    finds("PVC-04", "persistentvolumeclaim/mlops/data", ["ebs.csi.aws.com"], ["ebs.csi.aws.com"], ["deployment/mlops/db"]))
shared = claim("mlops", "data", class_name="local-path", mode="ReadWriteMany")
incident("pvc-shared-refused", "ReadWriteMany of a class that has none", [
    claims(), shared, storage_class("local-path"),
    event(shared, "ProvisioningFailed", 'failed to provision volume with StorageClass "local-path": NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes')],
    finds("PVC-05", "persistentvolumeclaim/mlops/data", ["ReadWriteOnce"], ["ReadWriteOnce"], ["deployment/mlops/db"]), events_decide=True)
incident("pvc-static-mismatch", "No free volume fits a claim without a class", [
    claims(), claim("mlops", "data", class_name="", size="10Gi"), volume("pv-1", size="5Gi")],
    finds("PVC-02", "persistentvolumeclaim/mlops/data", ["pv-1", "5Gi", "10Gi"], ["data"], ["deployment/mlops/db"]))
incident("pvc-volume-too-small", "The claim names a volume that is too small", [
    claims(), claim("mlops", "data", class_name="", size="10Gi", volume="pv-1"), volume("pv-1", size="5Gi")],
    finds("PVC-05", "persistentvolumeclaim/mlops/data", ["pv-1", "5Gi"], ["volumeName"], ["deployment/mlops/db"]))
incident("pvc-volume-of-another", "The claim names a volume that another claim has", [
    claims(), claim("mlops", "data", class_name="", volume="pv-1"), volume("pv-1", "Released", holder=("old", "data"))],
    finds("PVC-06", "persistentvolumeclaim/mlops/data", ["pv-1", "old/data"], ["pv-1"] and ["volume"], ["deployment/mlops/db"]))
incident("pvc-volume-missing", "The claim names a volume that is not there", [
    claims(), claim("mlops", "data", class_name="", volume="pv-9"), volume("pv-1")],
    finds("PVC-06", "persistentvolumeclaim/mlops/data", ["pv-9"], ["pv-9"], ["deployment/mlops/db"]))
incident("pvc-released-volume", "The claim was made anew, and its volume belongs to the one before it", [
    claims(words="1 node(s) didn't find available persistent volumes to bind"),
    claim("mlops", "data", class_name="manual"), volume("pv-1", "Released", "manual", holder=("mlops", "data")),
    storage_class("manual", "kubernetes.io/no-provisioner", mode="WaitForFirstConsumer")],
    finds("PVC-06", "persistentvolumeclaim/mlops/data", ["pv-1", "Released"], ["claimRef"], ["deployment/mlops/db"]))
incident("pvc-by-hand-none", "Volumes of the class are made by hand, and there is none", [
    claims(words="1 node(s) didn't find available persistent volumes to bind"), claim("mlops", "data", class_name="manual"),
    storage_class("manual", "kubernetes.io/no-provisioner", mode="WaitForFirstConsumer")],
    finds("PVC-04", "persistentvolumeclaim/mlops/data", ["manual", "by hand"], ["manual"], ["deployment/mlops/db"]))
healthy("released-volume", "A volume that was kept when its claim was deleted, and a new one", [
    workload("mlops", "db"), claim("mlops", "data", "Bound", "local-path", "pv-2"), storage_class("local-path"),
    volume("pv-1", "Released", "local-path", holder=("mlops", "data")), volume("pv-2", "Bound", "local-path", holder=("mlops", "data"))])
incident("pvc-two-defaults", "Two default classes: the newest wins, and nobody makes its volumes", [
    claims(), claim("mlops", "data", class_name="standard"),
    storage_class("local-path", default=True), storage_class("standard", "k8s.io/minikube-hostpath", True, made=-60)],
    finds("PVC-09", "storageclass//standard", ["standard", "local-path"], ["is-default-class"], ["deployment/mlops/db"],
          or_rules=["PVC-04"], or_objects=["persistentvolumeclaim/mlops/data"]))
going = claim("mlops", "data", "Bound", "local-path", "pv-1")
going["metadata"].update(deletionTimestamp=at(20), finalizers=["kubernetes.io/pvc-protection"])
incident("pvc-terminating", "A claim is to be deleted, and a pod still uses it", [
    workload("mlops", "db", pods=[{"name": "db-0", "volumes": uses("data")}]), going, storage_class("local-path")],
    finds("PVC-07", "persistentvolumeclaim/mlops/data", ["data", "db-0"], ["db-0"], ["deployment/mlops/db"]))
incident("pvc-terminating-blocks", "A claim that is being deleted keeps a new pod from a node", [
    workload("mlops", "db", pods=[{**pending('persistentvolumeclaim "data" is being deleted', tail=""), "volumes": uses("data")}]),
    going, storage_class("local-path")],
    finds("PVC-07", "persistentvolumeclaim/mlops/data", ["data"], ["data"], ["deployment/mlops/db"]))
empty = workload("mlops", "db", "StatefulSet", pods=[])
incident("pvc-storage-quota", "A quota on storage refuses the claim of a StatefulSet", [
    empty, event(empty[0], "FailedCreate", 'create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: persistentvolumeclaims "data-db-0" is forbidden: exceeded quota: storage, requested: requests.storage=100Gi, used: requests.storage=0, limited: requests.storage=10Gi')],
    finds("CFG-06", "resourcequota/mlops/storage", ["storage", "100Gi"], ["storage"], ["statefulset/mlops/db"]), events_decide=True)

# Services

incident("svc-named-port-missing", "A named target port that no container has", [
    workload("mlops", "api"), service("mlops", "api", {"app": "api"}, target="metrics")],
    finds("SVC-03", "service/mlops/api", ["metrics", "http"], ["targetPort"]))
typo = workload("mlops", "api")
incident("svc-selector-typo", "One letter of one label is wrong", [
    typo, service("mlops", "api", {"app": "ap"})],
    finds("SVC-01", "service/mlops/api", ["app=ap", "app=api"], ["selector"]))
def ingress(backend="api", port=8000, of_class="nginx", tls=None, address=False):
    found = thing("networking.k8s.io/v1", "Ingress", "mlops", "web", spec={"rules": [{"host": "api.example.test", "http": {
        "paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": backend, "port": {"number": port}}}}]}}]})
    if of_class:
        found["spec"]["ingressClassName"] = of_class
    if tls:
        found["spec"]["tls"] = [{"hosts": ["api.example.test"], "secretName": tls}]
    found["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]} if address else {}}
    return found
def ingress_class(name="nginx", default=False):
    notes = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else {}
    return thing("networking.k8s.io/v1", "IngressClass", None, name, -600, None, notes, spec={"controller": "k8s.io/ingress-nginx"})
SERVED = [workload("mlops", "api"), service("mlops", "api", {"app": "api"}, endpoints=[True]), ingress_class()]
incident("ing-service-missing", "An ingress leads to a service that is not there", [SERVED, ingress("gateway", address=True)],
    finds("ING-02", "service/mlops/gateway", ["gateway"], ["ingress"], or_objects=["ingress/mlops/web"]))
incident("ing-port-missing", "An ingress leads to a port that the service has not", [SERVED, ingress(port=9999, address=True)],
    finds("ING-02", "ingress/mlops/web", ["9999"], ["ingress"], or_objects=["service/mlops/api"]))
incident("ing-certificate-missing", "The certificate of an ingress is not there", [SERVED, ingress(tls="web-tls", address=True)],
    finds("ING-02", "secret/mlops/web-tls", ["web-tls"], ["ingress"], or_objects=["ingress/mlops/web"]))
incident("ing-no-class", "An ingress without a class, and no class is the default", [SERVED, ingress(of_class=None)],
    finds("ING-01", "ingress/mlops/web", ["default", "nginx"], ["ingressClassName", "nginx"]))
incident("ing-unknown-class", "An ingress of a class of another platform", [SERVED, ingress(of_class="traefik")],
    finds("ING-01", "ingress/mlops/web", ["traefik", "nginx"], ["ingressClassName"]))
objects, logs = crash(1, python("NameError: name 'asyncio' is not defined"))
incident("ing-before-a-crash", "An ingress before pods that crash is no cause", [objects,
    service("mlops", "api", {"app": "api"}, endpoints=[False]), ingress_class(), ingress(address=True)],
    finds("CRASH-10", "deployment/mlops/api", ["asyncio"], affects=["service/mlops/api"]), logs=logs)
healthy("ingress", "An ingress of the default class with its certificate", [workload("mlops", "api"),
    service("mlops", "api", {"app": "api"}, endpoints=[True]), ingress_class(default=True),
    ingress(of_class=None, tls="web-tls"), secret("mlops", "web-tls", "kubernetes.io/tls", {"tls.crt": "eA==", "tls.key": "eA=="})])

incident("svc-none-ready", "The pods behind a service crash: the service is no cause", [
    workload("mlops", "api", pods=[{"name": "api-0", "statuses": [crashing(1)]}]), service("mlops", "api", {"app": "api"}, endpoints=[False])],
    finds("CRASH-10", "deployment/mlops/api", ["asyncio"], affects=["service/mlops/api"]),
    logs={"mlops_api-0_app": python("NameError: name 'asyncio' is not defined")})
incident("svc-other-namespace", "The service is in a namespace without its pods", [
    workload("mlops", "api"), service("edge", "api", {"app": "api"})],
    finds("SVC-01", "service/edge/api", ["mlops", "edge"], ["mlops"]))

# Jobs, releases, ends

def failed(reason, message):
    return [condition(kind, "True", reason, message, 60) for kind in ("FailureTarget", "Failed")]

DEAD = {"statuses": [terminated(1)], "phase": "Failed", "ready": False}
incident("job-no-retries", "A job without retries failed", [job("mlops", "train", failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"), pods=[DEAD], backoffLimit=0, status={"failed": 1})],
    finds("JOB-01", "job/mlops/train", ["train", "x.csv"]), logs={"mlops_train-a7q9d_app": python("FileNotFoundError: [Errno 2] No such file or directory: 'x.csv'")})
incident("job-pod-failure-policy", "A pod failure policy ended a job", [job("mlops", "train", failed("PodFailurePolicy", "Container app for pod mlops/train-a7q9d failed with exit code 42 matching FailJob rule at index 0"), pods=[DEAD], status={"failed": 1})],
    finds("JOB-01", "job/mlops/train", ["exit code 42"]))
incident("job-indexed", "An index of a job failed for good", [job("mlops", "sweep", failed("FailedIndexes", "Job has failed indexes"), pods=[DEAD], status={"failed": 2, "failedIndexes": "1,3"}, completionMode="Indexed")],
    finds("JOB-01", "job/mlops/sweep", ["failed indexes"]))
incident("job-init-fails", "The init container of a job fails for good", [job("mlops", "load", failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"), pods=[{"phase": "Failed", "statuses": [waiting("PodInitializing")], "init": INIT, "init_statuses": [terminated(1)]}], status={"failed": 1})],
    finds("JOB-01", "job/mlops/load", ["load", "artifacts.example.com"], ["artifacts.example.com"], or_rules=["CRASH-15"]),
    logs={"mlops_load-a7q9d_migrate": "wget: bad address 'artifacts.example.com'\n"})
incident("job-oom", "A job needs more memory than it may use", [job("mlops", "train", failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"), pods=[{"phase": "Failed", "statuses": [terminated(137, "OOMKilled")], "containers": [container(port=None, resources={"limits": {"memory": "512Mi"}})]}], status={"failed": 1})],
    finds("JOB-01", "job/mlops/train", ["OOMKilled", "512Mi"], ["memory"], or_rules=["CRASH-01"]))
incident("job-image-missing", "A job whose image does not exist", [job("mlops", "train", pods=[{"statuses": [waiting("ImagePullBackOff", f'Back-off pulling image "exampleorg/x:1": ErrImagePull: rpc error: code = NotFound desc = {resolve("docker.io/exampleorg/x:1", "docker.io/exampleorg/x:1: not found")}')], "containers": [container(image="exampleorg/x:1", port=None)]}], status={"active": 1})],
    finds("PULL-06", "job/mlops/train", ["exampleorg/x:1"]))
cron = thing("batch/v1", "CronJob", "mlops", "nightly", -9000, spec={"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "nightly"}}, "spec": {"containers": [container()]}}}}}, status={})
COMPLETE = [condition(kind, "True", "CompletionsReached") for kind in ("SuccessCriteriaMet", "Complete")]
incident("cron-last-run-failed", "The last run of a cron job failed", [cron,
    job("mlops", "nightly-1", COMPLETE, cron, -7200), job("mlops", "nightly-2", failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"), cron, -3600, status={"failed": 3})],
    finds("JOB-01", "job/mlops/nightly-2", ["nightly-2"], or_objects=["cronjob/mlops/nightly"]))
incident("cron-time-zone", "A time zone that the controller does not know", [cron,
    event(cron, "UnknownTimeZone", 'invalid timeZone: "Mars/Phobos": unknown time zone Mars/Phobos')],
    finds("JOB-02", "cronjob/mlops/nightly", ["Mars/Phobos"], ["timeZone"]), events_decide=True)
incident("cron-schedule", "A schedule that the controller cannot read", [cron,
    event(cron, "UnparseableSchedule", 'unparseable schedule: "61 2 * * *" : end of range (61) above maximum (59): 61')],
    finds("JOB-02", "cronjob/mlops/nightly", ["61 2 * * *"], ["schedule"]), events_decide=True)

def release(name, revision, status):
    return secret("mlops", f"sh.helm.release.v1.{name}.v{revision}", "helm.sh/release.v1", labels={
        "owner": "helm", "name": name, "version": str(revision), "status": status})

helmed = workload("mlops", "api")
helmed[0]["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"
incident("helm-pending-upgrade", "A killed helm left its release pending", [
    helmed, release("airflow", 1, "deployed"), release("airflow", 2, "pending-upgrade")],
    finds("HELM-01", "secret/mlops/sh.helm.release.v1.airflow.v2", ["airflow", "pending-upgrade"], ["rollback airflow 1"]))
incident("helm-pending-install", "A killed helm left its first release pending", [
    helmed, release("airflow", 1, "pending-install")],
    finds("HELM-01", "secret/mlops/sh.helm.release.v1.airflow.v1", ["pending-install"], ["uninstall airflow"]))
ending = workload("mlops", "api", pods=[{}, {"name": "api-old"}])
ending[-1]["metadata"].update(deletionTimestamp=at(10), finalizers=["example.com/drain"])
incident("pod-never-ends", "A finalizer holds a pod that is to end", [ending],
    finds("unknown", "pod/mlops/api-old", ["example.com/drain"], ["example.com/drain"]))
bare = pod("mlops", "once", statuses=[terminated(1)], phase="Failed", restartPolicy="Never", ready=False)
incident("pod-of-its-own-failed", "A pod of nobody failed", [bare],
    finds("CRASH-07", "pod/mlops/once", ["'x'"], or_rules=["unknown"]), logs={"mlops_once_app": python("ModuleNotFoundError: No module named 'x'")})
lone = owned(pod("mlops", "lone-1", statuses=[crashing(1)], labels={"app": "lone"}), thing("apps/v1", "ReplicaSet", "mlops", "lone"))
incident("replica-set-of-its-own", "A ReplicaSet without a deployment", [
    thing("apps/v1", "ReplicaSet", "mlops", "lone", spec={"replicas": 1, "template": {"metadata": {"labels": {"app": "lone"}}, "spec": {"containers": [container()]}}}, status={"replicas": 1}), lone],
    finds("CRASH-10", "replicaset/mlops/lone", ["asyncio"]), logs={"mlops_lone-1_app": python("NameError: name 'asyncio' is not defined")})
incident("one-secret-two-namespaces", "The same pull secret is missing in two namespaces", [
    pulling(resolve(PRIVATE, BASIC), PRIVATE, imagePullSecrets=[{"name": "regcred"}]),
    pulling(resolve(PRIVATE, BASIC), PRIVATE, "staging", imagePullSecrets=[{"name": "regcred"}])],
    finds("PULL-01", "secret/mlops/regcred", ["mlops"], affects=["deployment/mlops/api"]),
    finds("PULL-01", "secret/staging/regcred", ["staging"], affects=["deployment/staging/api"]))

# What only looks like trouble

healthy("optional-references", "Optional references that are met by nothing", [
    workload("mlops", "api", containers=[from_env("secret", "nowhere", optional=True), container("b", env=[{"name": "Y", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k", "optional": True}}}])],
             pods=[{"statuses": [running(), running()]}],
             volumes=[{"name": "v", "secret": {"secretName": "none", "optional": True}}])])
dangling = workload("mlops", "api", imagePullSecrets=[{"name": "gone"}])
healthy("dangling-pull-secret", "A public image with a dangling pull secret", [
    dangling, event(dangling[-1], "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.")])
healthy("leftover-evicted", "Pods that were evicted, and whose owner is ready again", [
    workload("mlops", "api", pods=[{}, {"name": "api-old", "phase": "Failed", "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}}])])
healthy("cron-made-up-for", "A cron job whose run failed once and completed since", [cron,
    job("mlops", "nightly-1", failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"), cron, -7200, status={"failed": 3}),
    job("mlops", "nightly-2", COMPLETE, cron, -3600)])
paused = workload("mlops", "api", spec={"paused": True})
healthy("paused", "A paused deployment", [paused])
healthy("daemonset-for-no-node", "A daemon set that is meant for no node", [
    workload("mlops", "gpu-plugin", "DaemonSet", pods=[])])
healthy("suspended-job", "A suspended job with its service", [
    job("mlops", "train", [condition("Suspended", "True", "JobSuspended")], suspend=True),
    service("mlops", "train", {"job-name": "train"}, clusterIP="None"), workload("mlops", "api")])
healthy("services", "ExternalName, headless, of a job that is over, and one that a controller made", [
    workload("mlops", "api"), service("mlops", "outside", type="ExternalName", externalName="example.com"),
    service("mlops", "api-headless", {"app": "api"}, clusterIP="None", endpoints=[True]),
    service("mlops", "nightly", {"app": "nightly"}), cron,
    owned(service("mlops", "db-replicas", {"role": "replica"})[0], thing("acid.zalan.do/v1", "postgresql", "mlops", "db"))])
healthy("scheduling-gate", "A pod that is held back on purpose", [
    workload("mlops", "queued", pods=[{"unscheduled": ("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"), "schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}])])
first = claim("mlops", "data", class_name="local-path")
healthy("wait-for-first-consumer", "A claim that waits for its first pod", [
    first, storage_class("local-path", default=True, mode="WaitForFirstConsumer"), storage_class("slow", "x.example.com", True),
    event(first, "WaitForFirstConsumer", "waiting for first consumer to be created before binding", "Normal", 12)])
slow = workload("mlops", "api", pods=[{"statuses": [waiting("ContainerCreating")]}])
healthy("pulling-large-image", "A large image is being pulled", [
    slow, event(slow[-1], "Pulling", 'Pulling image "exampleorg/airflow:2.6.2"', "Normal", 1, "app")])
qps = workload("mlops", "api")
healthy("pull-qps-exceeded", "Pulls were throttled and came through", [
    qps, event(qps[-1], "Failed", 'Failed to pull image "exampleorg/mlops-api:latest": pull QPS exceeded', of="app")])
throttled = workload("mlops", "api", pods=[{"statuses": [waiting("ErrImagePull", "pull QPS exceeded")]}])
healthy("pull-qps-now", "Pulls are throttled just now", [throttled])
again = workload("mlops", "api")
old = {"apiVersion": "v1", "kind": "Pod", "metadata": {**again[-1]["metadata"], "uid": "00000000-0000-0000-0000-000000000001"}}
healthy("events-of-an-earlier-namespace", "Events of pods of the same name in a namespace that was deleted", [
    again, event(old, "Failed", 'Failed to pull image "exampleorg/mlops-api:latest": 401 Unauthorized', of="app"),
    event(old, "FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "x" not found'),
    event(old, "BackOff", "Back-off restarting failed container app in pod api")])
warming = workload("mlops", "api", pods=[{"statuses": [running(ready=False, since=100)]}], containers=[container(readinessProbe={**HTTP, "initialDelaySeconds": 60})])
healthy("warming-up", "Within the time that its readiness probe allows", [
    warming, event(warming[-1], "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", of="app")])
booting = workload("mlops", "api", pods=[{"statuses": [running(ready=False, started=False, since=90)]}], containers=[container(startupProbe={**HTTP, "failureThreshold": 60})])
healthy("starting-up", "Within the time that its startup probe allows", [
    booting, event(booting[-1], "Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503", of="app", count=8)])
mounted = workload("mlops", "api")
healthy("mount-retried", "A mount that failed once while the kubelet came up", [
    mounted, event(mounted[-1], "FailedMount", 'MountVolume.SetUp failed for volume "kube-api-access-x" : failed to sync configmap cache: timed out waiting for the condition', count=1)])
done = pod("mlops", "once", statuses=[terminated(0, "Completed")], phase="Succeeded", restartPolicy="Never", ready=False)
healthy("completed-pod", "A pod of its own that completed", [done])
healthy("cordoned-and-idle", "A cordoned node, and nobody wants in", [node(cordoned=True), workload("mlops", "api")])
healthy("helm-releases", "Releases of Helm, an older one superseded", [
    workload("mlops", "api"), release("airflow", 1, "superseded"), release("airflow", 2, "deployed")])
retried = job("mlops", "train", pods=[DEAD, {}], status={"active": 1, "failed": 1})
healthy("job-tries-again", "A job whose first attempt failed and whose second runs", [retried])
HARMLESS = node()
healthy("harmless-warnings", "Warnings that every node gives", [HARMLESS, workload("mlops", "api"),
    event(HARMLESS, "CgroupV1", "cgroup v1 support is in maintenance mode, please migrate to cgroup v2", count=1),
    event(HARMLESS, "InvalidDiskCapacity", "invalid capacity 0 on image filesystem", count=1)])

for stale in HERE.iterdir():
    if stale.is_dir() and stale.name not in WRITTEN and stale.name != "__pycache__":
        shutil.rmtree(stale)
