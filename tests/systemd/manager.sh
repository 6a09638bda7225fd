# A user's manager of systemd of its own, in a mount namespace of its own, in which this machine counts
# as one that was started with systemd. The scenario in it prints what it makes of mlup's units; mlup itself
# finds the tools of the test in $tools.
#   manager.sh SCENARIO
set -eu
export PATH="/usr/bin:/bin:/usr/sbin:/sbin" tools=$PATH
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
# shellcheck source=/dev/null
. "$1"
