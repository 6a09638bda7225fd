"""What the figures must not exceed. A figure is judged where it is named, so that the table and the
exit code of `scripts/bench` cannot differ."""

import statistics
from typing import NamedTuple

import latency

COMPOSE_WARM_SHARE = 0.10
CRITICAL_PATH_SHARE = 1.05
DETECTION_P99_MS = 250.0
START_UP_MS = 15.0
MEMORY_MIB = 40.0
IDLE_PERCENT = 0.5
WARM_REQUESTS = 12
WARM_SECONDS = 1.0
FAILED_PULL_SECONDS = 5.0
REFRESH_SECONDS = 10.0
REFRESH_AT_ONCE = 16
DOCTOR_SECONDS = {1000: 2.0, 5000: 6.0}
DOCTOR_MIB = {1000: 150.0}
DOCTOR_LISTS = 12


class Bound(NamedTuple):
    text: str
    measured: str
    holds: bool

    def row(self):
        verdict = "holds" if self.holds else "**does not hold**"
        return f"| {self.text} | {self.measured} | {verdict} |"


def of_containers(results):
    times = results["times"]
    warm = statistics.median(times[("mlup", "warm")]) / statistics.median(times[("compose", "warm")])
    bounds = [
        Bound("warm `start` takes at most a tenth of `docker compose up -d --wait`", f"{warm:.3f}", warm <= COMPOSE_WARM_SHARE),
    ]
    if results["cluster"]:
        share = statistics.median(results["cluster"]["mlup"]) / statistics.median(results["cluster"]["critical path"])
        text = f"cold start with a cluster: at most {CRITICAL_PATH_SHARE} x the critical path"
        bounds.append(Bound(text, f"{share:.3f}", share <= CRITICAL_PATH_SHARE))
    p99 = latency.percentile(results["delays"]["mlup"], 99)
    bounds.append(Bound("a health change is known within 250 ms, p99", f"{p99:.0f} ms", p99 <= DETECTION_P99_MS))
    for command, values in results["start_up"].items():
        value = statistics.median(values) * 1000
        bounds.append(Bound(f"`{command}` takes under 15 ms", f"{value:.1f} ms", value < START_UP_MS))
    for name, mib in results["memory"].items():
        bounds.append(Bound(f"{name}: under 40 MiB resident", f"{mib:.1f} MiB", mib < MEMORY_MIB))
    if "idle" in results:
        percent = results["idle"]
        bounds.append(Bound("an idle watch: under 0.5 % of one core", f"{percent:.2f} %", percent < IDLE_PERCENT))
    return bounds


def of_kubernetes(results):
    delays = [value for values in results["readiness"].values() for value in values]
    p99 = latency.percentile(delays, 99)
    many = results["one wait"]
    many_p99 = latency.percentile(many, 99)
    most = max(requests for requests, _, _ in results["warm"])
    writes = sum(writes for _, writes, _ in results["warm"])
    slowest = max(seconds for _, _, seconds in results["warm"])
    pull = max(results["failed pulls"])
    took, at_once = results["refresh"]
    return of_doctor(results["doctor"]) + [
        Bound("a ready object is known within 250 ms, p99", f"{p99:.0f} ms, n = {len(delays)}", p99 <= DETECTION_P99_MS),
        Bound("the same for one wait with many objects", f"{many_p99:.0f} ms, n = {len(many)}", many_p99 <= DETECTION_P99_MS),
        Bound("warm `start` of deploys: at most 12 requests, no write", f"{most} requests, {writes} writes", most <= WARM_REQUESTS and writes == 0),
        Bound("warm `start` of deploys takes at most 1 s", f"{slowest:.2f} s", slowest <= WARM_SECONDS),
        Bound("a refused pull is told within 5 s, with cause and secret", f"{pull:.2f} s", pull < FAILED_PULL_SECONDS),
        Bound("a registry in 500 namespaces is refreshed within 10 s", f"{took:.2f} s", took < REFRESH_SECONDS),
        Bound("the same: at most 16 requests at once", f"{at_once} at once", at_once <= REFRESH_AT_ONCE),
    ]


def of_doctor(results):
    bounds = []
    for (pods, failing), one in sorted(results.items()):
        name = f"`doctor` on {pods:,} {'failing' if failing else 'healthy'} pods"
        slowest = max(took for took, _, _ in one["looks"])
        bounds.append(Bound(f"{name}: under {DOCTOR_SECONDS[pods]:.0f} s", f"{slowest:.2f} s", slowest < DOCTOR_SECONDS[pods]))
        if pods in DOCTOR_MIB:
            most = max(mib for _, mib, _ in one["looks"])
            bounds.append(Bound(f"{name}: under {DOCTOR_MIB[pods]:.0f} MiB resident", f"{most:.0f} MiB", most < DOCTOR_MIB[pods]))
    most = max(one["lists"] for one in results.values())
    return bounds + [Bound("the same: at most 12 lists, no write", f"{most} lists, 0 writes", most <= DOCTOR_LISTS)]
