# What is asked of the machine: each answer is a line of a fact's name, a tab and its text. A question
# that the machine has no answer to is left out. Changes nothing.
#
# $1: what has to be reached for an installation, blanks between
set -u
LC_ALL=C
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
export LC_ALL PATH
hosts=$1
exec 2>/dev/null
k3s=/usr/local/bin/k3s
etc=/etc/rancher/k3s
tab=$(printf '\t')

tell() {
    tr "$tab" ' ' | awk -v fact="$1" '{ print fact "\t" $0 }'
}

is_active() {
    [ "$(systemctl is-active "$1")" = active ]
}

machine() {
    tell os </etc/os-release
    uname -m | tell arch
    uname -r | tell kernel
    uname -n | tell hostname
    # What sd_booted(3) asks; process 1 may have any name.
    if [ -d /run/systemd/system ]; then echo systemd; else cat /proc/1/comm; fi | tell init
    nproc | tell cpus
    awk '/^(MemTotal|SwapTotal):/ { print $1, $2 }' /proc/meminfo | tell memory
    date +%s | tell clock
    for folder in /var/lib /usr/local /tmp; do
        df -Pk "$folder" | awk -v folder="$folder" 'NR == 2 { print folder, $4 }'
    done | tell room
    df -Pi /var/lib | awk 'NR == 2 { print $2, $4 }' | tell inodes
    mount=$(df -P /usr/local | awk 'NR == 2 { print $6 }')
    awk -v mount="$mount" '$2 == mount { options = $4 } END { print options }' /proc/mounts |
        tell mounted
    for module in br_netfilter overlay vxlan; do
        [ -d "/sys/module/$module" ] || modprobe -n "$module" || echo "$module"
    done | tell modules_missing
    stat -fc %T /sys/fs/cgroup | tell cgroup
    tell cgroup_controllers </sys/fs/cgroup/cgroup.controllers
}

network() {
    ip route show | tell routes
    ip -6 route show | tell routes6
    ip -o addr show | tell addresses
    ss -Hltnp | tell listening
    systemctl is-enabled nm-cloud-setup.timer | tell nm_cloud_setup
    for file in /etc/environment /etc/systemd/system/k3s.service.env; do
        [ -r "$file" ] && cat "$file"
    done | sed -n -e 's/^export //' \
        -e '/^[Nn][Oo]_[Pp][Rr][Oo][Xx][Yy]=/p' \
        -e 's/^\([A-Za-z]*_[Pp][Rr][Oo][Xx][Yy]\)=.*/\1/p' | tell proxy
}

guards() {
    getenforce | tell selinux
    [ -f /usr/share/selinux/packages/k3s.pp ] && echo k3s | tell selinux_policy
    {
        is_active iscsid && echo iscsid
        command -v mount.nfs >/dev/null && echo nfs
    } | tell prepared
    if is_active firewalld; then
        firewall-cmd --get-default-zone | tell firewall_zone
        firewall-cmd --list-ports | tell firewall_ports
        firewall-cmd --list-services | tell firewall_services
        firewall-cmd --zone=trusted --list-sources | tell firewall_trusted
    fi
    ufw status | tell ufw
}

k3s_here() {
    "$k3s" --version | tell k3s_version
    systemctl show k3s -p LoadState -p ActiveState -p SubState -p NRestarts | tell k3s_unit
    systemctl show k3s-agent -p LoadState | tell k3s_agent
    grep -o -e '--[a-z][a-z0-9-]*' /etc/systemd/system/k3s.service | tell k3s_flags
    [ -d /var/lib/rancher/k3s/server/db ] && echo yes | tell k3s_data
    [ -e "$etc/registries.yaml" ] && echo yes | tell k3s_registries
    [ -e "$etc/config.yaml" ] && echo yes | tell k3s_has_config
    tell k3s_config <"$etc/config.yaml"
    tell k3s_marker <"$etc/mlup.json"
    sed -n 's/^ *server: *//p' "$etc/k3s.yaml" | tell k3s_server
    sed -n 's/^ *certificate-authority-data: *//p' "$etc/k3s.yaml" | tell k3s_authority
    sed -n 's/^ *client-certificate-data: *//p' "$etc/k3s.yaml" | tell k3s_client
    if ! is_active k3s; then
        journalctl -u k3s -n 40 -o cat --no-pager | grep -e level=fatal -e level=error -e rror: |
            tail -n 5 | tell k3s_journal
    fi
    [ -x /usr/local/bin/rke2 ] && echo RKE2 | tell others
    [ -e /etc/kubernetes/admin.conf ] && echo kubeadm | tell others
    [ -d /var/snap/microk8s ] && echo MicroK8s | tell others
}

# reach HOST: one line of its name, the status or 000, and what went wrong
reach() {
    if command -v curl >/dev/null; then
        said=$(curl -sS -m 5 -o /dev/null -w '%{http_code}' "https://$1/" 2>&1)
    else
        said=$(wget -q -T 5 -O /dev/null "https://$1/" 2>&1 && echo 200)
    fi
    echo "$1 $(echo "$said" | tr '\n' ' ')"
}

egress() {
    for host in $hosts; do
        reach "$host" &
    done | tell egress
    wait
}

machine
network
guards
k3s_here
for program in curl wget; do
    command -v "$program" >/dev/null && echo "$program"
done | tell downloaders
# What is installed needs no installation.
[ -e /etc/systemd/system/k3s.service ] || egress
exit 0
