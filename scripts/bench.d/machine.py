"""What the numbers of a benchmark depend on: cores, memory, kernel, versions."""

import os
import platform
import subprocess


def _output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _memory_gib():
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / 2**30:.0f} GiB"


def description():
    """Name to value, in the order in which the page lists them."""
    return {
        "processor": f"{os.cpu_count()} cores, {platform.machine()}",
        "memory": _memory_gib(),
        "kernel": platform.release().split("-")[0],
        "Docker Engine": _output("docker", "version", "--format", "{{.Server.Version}}"),
        "storage driver": _output("docker", "info", "--format", "{{.Driver}}"),
        "docker compose": _output("docker", "compose", "version", "--short"),
        "rustc": _output("rustc", "--version").split()[1],
    }
