"""What a watch costs while nothing happens: the quickstart is up, and `mlup watch` looks after it for
longer than the five minutes after which it looks by itself."""

import json
import os
import pathlib
import subprocess
import time

from scenarios import QUICKSTART, high_water_mark_mib

# The looks that follow the first one are over then.
SETTLES_SECONDS = 15


def measure(mlup, seconds):
    """Most resident memory in MiB, and percent of one core, of the watch and all that it runs."""
    watch = subprocess.Popen(
        (str(mlup), "watch", "--progress", "json"),
        cwd=QUICKSTART,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_until_ready(watch)
        time.sleep(SETTLES_SECONDS)
        before, began = processor_seconds(watch.pid), time.perf_counter()
        time.sleep(seconds)
        used, passed = processor_seconds(watch.pid) - before, time.perf_counter() - began
        return high_water_mark_mib(watch.pid), 100 * used / passed
    finally:
        watch.terminate()
        watch.communicate(timeout=60)


def wait_until_ready(watch):
    for line in watch.stdout:
        event = json.loads(line)
        if event["type"] == "watch.state" and event["state"] == "ready":
            return
    raise RuntimeError("the watch ended before the environment was ready")


def processor_seconds(pid):
    """Of the process and of the children that it has waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    # utime, stime, cutime and cstime are fields 14 to 17 of proc(5).
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
