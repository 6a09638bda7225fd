#!/bin/sh
# Stands in for the installer of K3s (get.k3s.io): leaves what it leaves, and says what it says.
set -e
world=/var/fake

fatal() {
    echo '[ERROR] ' "$@" >&2
    exit 1
}

env | sed -n 's/^INSTALL_K3S_//p' | sort | tr '\n' ' ' >>"$world/installs"
echo >>"$world/installs"
[ "$INSTALL_K3S_SKIP_START" = true ] || fatal "the stand-in starts nothing"
if [ "$INSTALL_K3S_SKIP_DOWNLOAD" != true ]; then
    version=${INSTALL_K3S_VERSION:-v1.33.5+k3s1}
    echo "[INFO]  Using $version as release"
    if [ -e "$world/no-release" ]; then
        fatal 'Download failed'
    fi
    sed "s/VERSION/$version/" "$world/k3s" >/usr/local/bin/k3s
    chmod 0755 /usr/local/bin/k3s
fi
[ -x /usr/local/bin/k3s ] || fatal 'Executable k3s binary not found at /usr/local/bin/k3s'
if [ -e "$world/cut" ]; then
    # The line goes dead in the middle: the service that holds it is killed.
    rm "$world/cut"
    pid=$$
    until [ "$pid" -le 1 ]; do
        case $(cat "/proc/$pid/comm") in
        sshd*)
            kill -9 "$pid"
            exit 1
            ;;
        esac
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
    done
fi
echo '[INFO]  Creating uninstall script /usr/local/bin/k3s-uninstall.sh'
cat >/usr/local/bin/k3s-uninstall.sh <<'UNINSTALL'
#!/bin/sh
echo k3s-uninstall.sh >>/var/fake/calls
rm -f /var/fake/k3s.active /etc/systemd/system/k3s.service /etc/systemd/system/k3s.service.env
rm -rf /etc/rancher/k3s /var/lib/rancher/k3s
rm -f /usr/local/bin/k3s /usr/local/bin/k3s-uninstall.sh
UNINSTALL
chmod 0755 /usr/local/bin/k3s-uninstall.sh
echo '[INFO]  systemd: Creating service file /etc/systemd/system/k3s.service'
mkdir -p /etc/systemd/system
printf '%s\n' '[Service]' 'ExecStart=/usr/local/bin/k3s \' '    server \' >/etc/systemd/system/k3s.service
