# Halts the service; containers go on until the machine restarts, as K3s does it.

as_root systemctl stop k3s >&2
state=$(systemctl is-active k3s) || :
echo "$state"
