"""The text of docs/benchmarks.md, from what was measured."""

import statistics

import clusters
import latency
import machine
import scenarios


def seconds(values):
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def ratio(values, base):
    return f"{statistics.median(values) / statistics.median(base):.2f}"


def bounds_table(bounds, size):
    return [
        "| bound | measured | |",
        "|---|---|---|",
        *(bound.row() for bound in bounds),
        f"| release binary, stripped: as small as can be | {size / 2**20:.1f} MiB | |",
    ]


def start_table(times):
    """Rows of start times; the ratio is to `docker compose up --wait` of the same kind."""
    rows = ["| start | mlup | `docker compose up -d --wait` | script with 10 s polls | mlup : compose |", "|---|---|---|---|---|"]
    for kind in ("cold", "warm"):
        ours, compose, script = (times[(tool, kind)] for tool in scenarios.TOOLS)
        rows.append(
            f"| {kind} | {seconds(ours)} | {seconds(compose)} | {seconds(script)} | {ratio(ours, compose)} |"
        )
    return rows


def detection_table(delays):
    rows = ["| ready to known | n | median | p99 |", "|---|---|---|---|"]
    for name, values in delays.items():
        rows.append(
            f"| {name} | {len(values)} | {statistics.median(values):.0f} ms | {latency.percentile(values, 99):.0f} ms |"
        )
    return rows


def cluster_table(times):
    """Rows of cold starts with a cluster; the ratio is to the critical path."""
    names = {
        "critical path": "the critical path: the longer of cluster and build, then the services",
        "mlup": "mlup",
        "script": "one after the other, then 10 s polls",
    }
    rows = ["| cold start with a cluster | time | : critical path |", "|---|---|---|"]
    path = times["critical path"]
    for name, title in names.items():
        rows.append(f"| {title} | {seconds(times[name])} | {ratio(times[name], path)} |")
    return rows


def cluster_section(times):
    if not times:
        return []
    rounds = len(times["mlup"])
    counted = "One round" if rounds == 1 else f"{rounds} rounds"
    return [
        "## Starting with a cluster",
        "",
        f"A stand-in of minikube that takes {clusters.CLUSTER_SECONDS} s, an image whose build takes",
        f"{clusters.BUILD_SECONDS} s, and two services of that image, one of them on the cluster's network.",
        f"{counted}.",
        "",
        *cluster_table(times),
        "",
    ]


def requests_row(title, starts):
    requests = max(requests for requests, _, _ in starts)
    return f"| {title} | {requests} | {seconds([took for _, _, took in starts])} |"


def kubernetes_section(results):
    readiness = results["readiness"]
    every = {"all of these": [value for values in readiness.values() for value in values]}
    many = {f"one of {len(results['one wait'])} claims of one deploy": results["one wait"]}
    kinds = {kind.replace("-", " "): values for kind, values in readiness.items()}
    return [
        "## Inside a cluster",
        "",
        "Against the fake Kubernetes API of the tests, on loopback, with simulated controllers and a",
        "simulated kubelet. mlup's own part is measured, and not a network or a real server.",
        "",
        "### Readiness",
        "",
        "Deploys of one object each, eight waited for at once, each ready at a moment by chance (a",
        "service with the deployment behind it). Counted from the API's own time of the write that made",
        "the object ready to the time of mlup's event that says so. Part of it is the fake's own time,",
        "which its controllers take before the change can be seen; the last row has no controllers.",
        "",
        *detection_table({**kinds, **every, **many}),
        "",
        "### Starting what runs already",
        "",
        "| warm start | requests | time |",
        "|---|---|---|",
        requests_row("4 kinds in 2 deploys", results["warm"]),
        requests_row("8 kinds in 3 deploys", results["warm of many kinds"]),
        "",
        "Five requests are the cluster's. The rest is one list a kind, for all deploys together: of the",
        "kinds that are applied, and of those that show whether what was applied also runs (replica",
        "sets, pods, endpoint slices). A list of the project's objects by their label costs the same",
        "for one object and for a hundred, one request for each object does not, and it shows what is",
        "left over of earlier runs as well. The API has no list over several kinds.",
        "",
        "### A pull that is refused",
        "",
        "From the first status in which the kubelet says that the registry refuses the password to",
        "mlup's diagnosis, which names cause and pull secret. Three seconds of it are on purpose: within",
        "them somebody else may bring the right secret.",
        "",
        f"In {len(results['failed pulls'])} runs: {seconds(results['failed pulls'])}.",
        "",
        *doctor_section(results["doctor"]),
    ]


def doctor_section(results):
    def row(pods, failing, one):
        took = [seconds_of for seconds_of, _, _ in one["looks"]]
        most = max(mib for _, mib, _ in one["looks"])
        found = one["looks"][0][2]
        state = "failing" if failing else "healthy"
        counts = f"{one['objects']:,} | {one['lists']} | {one['requests']} | {found}"
        return f"| {pods:,}, {state} | {counts} | {seconds(took)} | {most:.0f} MiB |"

    return [
        "### A diagnosis of a large cluster",
        "",
        "`mlup doctor` on generated clusters with what a real server adds to each object, ten old replica",
        "sets a deployment and the events of an hour; of the failing ones no pod is ready, for one of four",
        "reasons. Part of the time is the fake's, which selects and pages.",
        "",
        "| pods | objects | lists | requests | causes | time | resident |",
        "|---|---|---|---|---|---|---|",
        *(row(pods, failing, one) for (pods, failing), one in sorted(results.items())),
        "",
    ]


def of(results, bounds, rounds):
    lines = [
        "# Benchmarks",
        "",
        "Written by `scripts/bench`; do not edit. Times are medians with the fastest and the slowest",
        f"of {rounds} rounds unless it says otherwise. In each round every tool starts the same stack,",
        "`examples/quickstart`. Cold: no containers and no volumes, images built. Warm: everything is up",
        "and ready.",
        "",
        "## Bounds",
        "",
        *bounds_table(bounds, results["size"]),
        "",
        "## Starting seven services",
        "",
        *start_table(results["times"]),
        "",
        "mlup's start also makes the network, the file and the tasks sure and asks the checks of",
        "`mlup.toml`; the other two only wait for the containers.",
        "",
        *cluster_section(results["cluster"]),
        "## Detection",
        "",
        "A container turns healthy at a random moment. Counted from the engine's own `health_status`",
        "event to the moment at which the tool knows.",
        "",
        *detection_table(results["delays"]),
        "",
        *kubernetes_section(results),
        "## The machine",
        "",
        *(f"- {name}: {value}" for name, value in machine.description().items()),
        "",
        "## Again",
        "",
        "`scripts/bench` on an idle machine; it fails when a bound does not hold. `--rounds N`,",
        "`--cluster-rounds N`, `--detections N`, `--readiness N`, `--pulls N`, `--services N` and `--idle SECONDS` change how",
        "much is measured; `--part containers` and `--part kubernetes` measure a half and leave this",
        "page as it is.",
        "",
    ]
    return "\n".join(lines)
