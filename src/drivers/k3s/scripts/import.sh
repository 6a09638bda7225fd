# The standard input, an archive of `docker save`, becomes an image of the machine.

as_root /usr/local/bin/k3s ctr -n k8s.io images import - >&2
