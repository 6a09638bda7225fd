"""Runs what `scripts/bench` measures, in order, and ends with 1 when a bound does not hold. What is
timed is in the files of its name, what is read from the machine in `machine.py`, the bounds are in
`bounds.py` and the text is in `page.py`."""

import argparse
import os
import pathlib
import sys
import tempfile

import bounds
import clusters
import deploys
import idle
import large
import latency
import page
import readiness
import scenarios

PARTS = ("containers", "kubernetes")
IN_ONE_WAIT = 200
NAMESPACES = 500
WARM_STARTS = 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlup", required=True, type=pathlib.Path)
    parser.add_argument("--fake-cluster", required=True, type=pathlib.Path, help="the stand-in of minikube and of the Kubernetes API")
    parser.add_argument("--part", choices=PARTS, help="measure this alone and write no page")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--services", type=int, default=200, help="0 leaves the large stack out")
    parser.add_argument("--detections", type=int, default=30)
    parser.add_argument("--idle", type=int, default=330, help="seconds; 0 leaves the watch out")
    parser.add_argument("--cluster-rounds", type=int, default=2, help="0 leaves the cluster out")
    parser.add_argument("--readiness", type=int, default=200, help="objects that are waited for, at least")
    parser.add_argument("--pulls", type=int, default=5)
    parser.add_argument("--looks", type=int, default=3, help="of `doctor` at each large cluster")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/benchmarks.md"))
    return parser.parse_args()


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def containers(options, mlup, fake):
    """Starts on the real engine."""
    results = {"cluster": {}}
    stack = scenarios.Quickstart(mlup)
    try:
        results["times"] = stack.rounds(options.rounds, say)
        results["start_up"] = stack.start_up(rounds=40)
        results["memory"] = {"a start of the quickstart": stack.memory()}
        if options.idle:
            say(f"a watch that has nothing to do, for {options.idle} s")
            results["memory"]["an idle watch"], results["idle"] = idle.measure(mlup, options.idle)
    finally:
        stack.remove()
    if options.cluster_rounds:
        results["cluster"] = clusters.measure(mlup, fake, options.cluster_rounds, say)
    with tempfile.TemporaryDirectory(prefix="mlup-bench-") as folder:
        folder = pathlib.Path(folder)
        if options.services:
            say(f"a start of {options.services} services")
            large = scenarios.Large(mlup, folder / "large", options.services)
            results["memory"][f"a start of {options.services} services"] = large.memory()
        say(f"{options.detections} detections")
        results["delays"] = latency.measure(mlup, folder / "latency", options.detections)
    return results


def kubernetes(options, mlup, fake):
    """Starts against the fake API."""
    results = {"readiness": readiness.measure(mlup, fake, options.readiness, say)}
    say(f"one wait for {IN_ONE_WAIT} objects")
    results["one wait"] = readiness.in_one_wait(mlup, fake, IN_ONE_WAIT)
    say("warm starts of deploys")
    results["warm"] = deploys.warm(mlup, fake, deploys.FEW_KINDS, WARM_STARTS)
    results["warm of many kinds"] = deploys.warm(mlup, fake, deploys.MANY_KINDS, WARM_STARTS)
    results["doctor"] = {}
    for pods, failing in ((1000, False), (1000, True), (5000, False), (5000, True)):
        say(f"looks at {pods} {'failing' if failing else 'healthy'} pods")
        results["doctor"][pods, failing] = large.measure(mlup, fake, pods, failing, options.looks)
    say(f"{options.pulls} refused pulls")
    results["failed pulls"] = deploys.failed_pulls(mlup, fake, options.pulls)
    say(f"a refresh in {NAMESPACES} namespaces")
    results["refresh"] = deploys.refresh(mlup, fake, NAMESPACES)
    return results


def main():
    options = arguments()
    mlup, fake = options.mlup.resolve(), options.fake_cluster.resolve()
    results, judged = {"size": mlup.stat().st_size}, []
    if options.part != "kubernetes":
        with tempfile.TemporaryDirectory(prefix="mlup-bench-") as state:
            # The logs of these runs go with them.
            os.environ["XDG_STATE_HOME"] = state
            results.update(containers(options, mlup, fake))
        judged += bounds.of_containers(results)
    if options.part != "containers":
        results.update(kubernetes(options, mlup, fake))
        judged += bounds.of_kubernetes(results)
    for bound in judged:
        say(f"{bound.text}: {bound.measured}, {'holds' if bound.holds else 'DOES NOT HOLD'}")
    if options.part is None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(page.of(results, judged, options.rounds), encoding="utf-8")
        say(f"wrote {options.out}")
    return 0 if all(bound.holds for bound in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
