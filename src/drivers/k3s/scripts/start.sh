# Starts a service that is there and halted, as it is; says what its log says where it fails.

if ! as_root systemctl start k3s >&2; then
    as_root journalctl -u k3s -n 40 -o cat --no-pager |
        grep -e level=fatal -e level=error -e rror: | tail -n 5 >&2 || :
    exit 70
fi
