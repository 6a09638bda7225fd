# A user's manager of systemd of its own, in a mount namespace of its own, in which this machine counts
# as one that was started with systemd. Prints what it makes of mlup's units.
set -eu
export PATH=/usr/bin:/bin:/usr/sbin:/sbin
mount -t tmpfs none /run/systemd
mkdir -p /run/systemd/system
XDG_RUNTIME_DIR=$TMPDIR/run
export XDG_RUNTIME_DIR
mkdir -m 0700 "$XDG_RUNTIME_DIR"
/lib/systemd/systemd --user --log-target=console >"$TMPDIR/manager.log" 2>&1 &
manager=$!
trap 'kill -KILL "$manager" 2>/dev/null || true' EXIT
systemctl() { command systemctl --user --no-pager "$@"; }
until systemctl show --property=Version >/dev/null 2>&1; do
    if ! kill -0 "$manager" 2>/dev/null; then
        echo "no manager"
        exit 0
    fi
done
stands() { systemctl show --property="$1" --value "$unit"; }

unit=mlup-demo@compose.service
"$MLUP" systemd install >/dev/null 2>&1
# Joins the start that goes on.
systemctl start "$unit"
echo "started: $(stands ActiveState) $(stands SubState), $(stands StatusText)"
systemctl stop "$unit"
echo "stopped: $(stands ActiveState), $(stands StatusText)"
systemctl start "$unit"
"$MLUP" systemd uninstall >/dev/null 2>&1
echo "uninstalled: $(stands ActiveState) $(stands LoadState)"

watch=mlup-demo-watch@compose.service
"$MLUP" systemd install --watch >/dev/null 2>&1
# Waits for `READY=1`.
systemctl start "$watch"
unit=$watch
echo "watching: $(stands ActiveState) $(stands SubState), $(stands StatusText)"
systemctl stop mlup-demo@compose.service
echo "watched: $(stands ActiveState) $(stands Result)"
unit=mlup-demo@compose.service
"$MLUP" systemd uninstall >/dev/null 2>&1

mv failing.toml mlup.toml
"$MLUP" systemd install --no-start >/dev/null 2>&1
code=0
systemctl start "$unit" 2>/dev/null || code=$?
echo "failing: start ends with $code, $(stands Result) $(stands ExecMainStatus), $(stands StatusText)"
systemctl stop "$unit"
"$MLUP" systemd uninstall >/dev/null 2>&1
echo "over"
