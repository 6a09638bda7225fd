"""Runs the rounds of `scripts/bench` and writes the table. What is timed is in `scenarios.py`,
what is read from the machine in `machine.py`; here is only the order of things and the text."""

import argparse
import pathlib
import statistics
import sys
import tempfile

import clusters
import latency
import machine
import scenarios

COMPOSE_WARM_SHARE = 0.10
DETECTION_P99_MS = 250.0
START_UP_MS = 15.0
MEMORY_MIB = 40.0
CRITICAL_PATH_SHARE = 1.05


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlup", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--services", type=int, default=200, help="0 leaves the large stack out")
    parser.add_argument("--detections", type=int, default=30)
    parser.add_argument("--fake-cluster", type=pathlib.Path, help="the stand-in of minikube")
    parser.add_argument("--cluster-rounds", type=int, default=2, help="0 leaves the cluster out")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/benchmarks.md"))
    return parser.parse_args()


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def seconds(values):
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def ratio(values, base):
    return f"{statistics.median(values) / statistics.median(base):.2f}"


def verdict(holds):
    return "holds" if holds else "**does not hold**"


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
    return [
        "## Starting with a cluster",
        "",
        f"A stand-in of minikube that takes {clusters.CLUSTER_SECONDS} s, an image whose build takes",
        f"{clusters.BUILD_SECONDS} s, and two services of that image, one of them on the cluster's network.",
        "",
        *cluster_table(times),
        "",
    ]


def bounds_table(results):
    times = results["times"]
    warm = statistics.median(times[("mlup", "warm")]) / statistics.median(times[("compose", "warm")])
    p99 = latency.percentile(results["delays"]["mlup"], 99)
    rows = [
        "| bound | measured | |",
        "|---|---|---|",
        f"| warm `start` takes at most a tenth of `docker compose up -d --wait` | {warm:.3f} | {verdict(warm <= COMPOSE_WARM_SHARE)} |",
        f"| a health change is known within 250 ms, p99 | {p99:.0f} ms | {verdict(p99 <= DETECTION_P99_MS)} |",
    ]
    if results["cluster"]:
        share = statistics.median(results["cluster"]["mlup"]) / statistics.median(results["cluster"]["critical path"])
        rows.append(
            f"| cold start with a cluster: at most {CRITICAL_PATH_SHARE} x the critical path | {share:.3f} | {verdict(share <= CRITICAL_PATH_SHARE)} |"
        )
    for command, values in results["start_up"].items():
        value = statistics.median(values) * 1000
        rows.append(f"| `{command}` takes under 15 ms | {value:.1f} ms | {verdict(value < START_UP_MS)} |")
    for name, mib in results["memory"].items():
        rows.append(f"| {name}: under 40 MiB resident | {mib:.1f} MiB | {verdict(mib < MEMORY_MIB)} |")
    rows.append(f"| release binary, stripped: as small as can be | {results['size'] / 2**20:.1f} MiB | |")
    return rows


def page(results, rounds):
    lines = [
        "# Benchmarks",
        "",
        "Written by `scripts/bench`; do not edit. Times are medians with the fastest and the slowest",
        f"of {rounds} rounds. In each round every tool starts the same stack, `examples/quickstart`.",
        "Cold: no containers and no volumes, images built. Warm: everything is up and ready.",
        "",
        "## Bounds",
        "",
        *bounds_table(results),
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
        "## The machine",
        "",
        *(f"- {name}: {value}" for name, value in machine.description().items()),
        "",
        "## Again",
        "",
        "`scripts/bench` on an idle machine; `--rounds N`, `--cluster-rounds N`, `--detections N` and",
        "`--services N` change how much is measured.",
        "",
    ]
    return "\n".join(lines)


def main():
    options = arguments()
    mlup = options.mlup.resolve()
    stack = scenarios.Quickstart(mlup)
    results = {"size": mlup.stat().st_size, "cluster": {}}
    try:
        results["times"] = stack.rounds(options.rounds, say)
        results["start_up"] = stack.start_up(rounds=40)
        results["memory"] = {"a start of the quickstart": stack.memory()}
    finally:
        stack.remove()
    if options.cluster_rounds and options.fake_cluster:
        fake = options.fake_cluster.resolve()
        results["cluster"] = clusters.measure(mlup, fake, options.cluster_rounds, say)
    with tempfile.TemporaryDirectory(prefix="mlup-bench-") as folder:
        folder = pathlib.Path(folder)
        if options.services:
            say(f"a start of {options.services} services")
            large = scenarios.Large(mlup, folder / "large", options.services)
            results["memory"][f"a start of {options.services} services"] = large.memory()
        say(f"{options.detections} detections")
        results["delays"] = latency.measure(mlup, folder / "latency", options.detections)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page(results, options.rounds), encoding="utf-8")
    say(f"wrote {options.out}")


if __name__ == "__main__":
    main()
