# A user's units from their installation to their end, for `manager.sh`.
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
