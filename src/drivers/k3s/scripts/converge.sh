# Brings K3s to where it is wanted: prepares the machine, writes the configuration, installs the
# program, starts the service. It may be broken off anywhere and begun again. The last line says how
# far it came.
#
# marker_begun, marker_done: what is left behind so that mlup knows its own again
# config: the text of config.yaml
# source: `script` (it is downloaded), `local` (it was copied here), `none` (the program stays)
# version: the release, or nothing for the newest stable one
# prepare: names of what is done beside, blanks between
# service: `restart` (it takes over what is new), `keep`
# api_port, node_ports, pods, services: what firewalld lets through

etc=/etc/rancher/k3s
k3s=/usr/local/bin/k3s
staged=/usr/local/bin/k3s.mlup
installer=$etc/mlup-install.sh
stage=begin
trap 'echo "stage $stage"' EXIT

# put FILE MODE: the standard input becomes the file, whole or not at all
put() {
    # shellcheck disable=SC2016 # it is for the inner shell to expand
    as_root sh -c 'umask 077; cat >"$1.part" && chmod "$2" "$1.part" && mv -f "$1.part" "$1"' \
        sh "$1" "$2"
}

# packages RED_HAT DEBIAN: installs by whatever the distribution has
packages() {
    if command -v dnf >/dev/null; then
        as_root dnf install -y "$1" >&2
    elif command -v apt-get >/dev/null; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y "$2" >&2
    elif command -v zypper >/dev/null; then
        as_root zypper --non-interactive install "$2" >&2
    else
        echo "mlup: neither dnf nor apt-get nor zypper is there to install $1" >&2
        return 69
    fi
}

prepare_firewalld() {
    as_root firewall-cmd --permanent --add-port="$api_port/tcp" >&2
    for port in $node_ports; do
        as_root firewall-cmd --permanent --add-port="$port/tcp" >&2
    done
    for network in $pods $services; do
        as_root firewall-cmd --permanent --zone=trusted --add-source="$network" >&2
    done
    as_root firewall-cmd --reload >&2
}

prepare_iscsid() {
    packages iscsi-initiator-utils open-iscsi
    as_root systemctl enable --now iscsid >&2
}

prepare_kernel_modules() {
    for module in br_netfilter overlay vxlan; do
        [ -d "/sys/module/$module" ] || as_root modprobe "$module" && continue
        # Red Hat keeps some of them in a package of their own.
        packages "kernel-modules-extra-$(uname -r)" "linux-modules-extra-$(uname -r)"
        as_root modprobe "$module"
    done
    printf '%s\n' br_netfilter overlay vxlan | put /etc/modules-load.d/mlup-k3s.conf 0644
}

prepare_nfs() {
    packages nfs-utils nfs-common
}

prepare_selinux() {
    packages container-selinux selinux-utils
    # The installer brings the policy itself where it downloads.
    [ "$source" = script ] || packages k3s-selinux k3s-selinux
}

# fetch: the installer of the project, as a file that is looked at before it runs
fetch() {
    part=$(mktemp)
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 10 -o "$part" https://get.k3s.io
    else
        wget -q -T 10 -O "$part" https://get.k3s.io
    fi
    if ! head -n 1 "$part" | grep -q '^#!/bin/sh'; then
        echo "mlup: what https://get.k3s.io sent is no installer" >&2
        return 65
    fi
    put "$installer" 0755 <"$part"
    rm -f "$part"
}

# of PROGRAM: the version that it says it is
of() {
    as_root "$1" --version | sed -n 's/^k3s version \([^ ]*\).*/\1/p'
}

# settle: the program that was copied here takes its place, if it is the one that is wanted
settle() {
    as_root chmod 0755 "$staged"
    found=$(of "$staged")
    if [ -n "$version" ] && [ "$found" != "$version" ]; then
        echo "mlup: the program is $found, and $version is wanted" >&2
        return 66
    fi
    as_root mv -f "$staged" "$k3s"
}

# run_installer: everything but the start, which is ours
run_installer() {
    set -- INSTALL_K3S_SKIP_START=true INSTALL_K3S_EXEC=server
    [ -z "$version" ] || set -- "$@" INSTALL_K3S_VERSION="$version"
    [ "$source" = script ] || set -- "$@" INSTALL_K3S_SKIP_DOWNLOAD=true
    case " $prepare " in
    *" selinux "*) ;;
    *) set -- "$@" INSTALL_K3S_SKIP_SELINUX_RPM=true ;;
    esac
    as_root env "$@" sh "$installer" >&2
}

as_root mkdir -p "$etc"
printf '%s\n' "$marker_begun" | put "$etc/mlup.json" 0644

stage=prepare
for item in $prepare; do
    echo "preparing: $item" >&2
    case $item in
    firewalld) prepare_firewalld ;;
    iscsid) prepare_iscsid ;;
    kernel-modules) prepare_kernel_modules ;;
    nfs) prepare_nfs ;;
    selinux) prepare_selinux ;;
    esac
done

stage=configure
printf '%s' "$config" | put "$etc/config.yaml" 0600

if [ "$source" != none ]; then
    stage=download
    if [ "$source" = script ]; then
        echo "downloading the installer" >&2
        fetch
    fi
    stage=version
    [ "$source" != local ] || settle
    stage=install
    echo "installing K3s" >&2
    run_installer
    stage=version
    found=$(of "$k3s")
    if [ -n "$version" ] && [ "$found" != "$version" ]; then
        echo "mlup: the installer left ${found:-no K3s}, and $version is wanted" >&2
        exit 66
    fi
fi

if [ "$service" = restart ]; then
    stage=start
    echo "starting K3s" >&2
    if ! as_root systemctl restart k3s >&2; then
        as_root journalctl -u k3s -n 40 -o cat --no-pager |
            grep -e level=fatal -e level=error -e rror: | tail -n 5 >&2 || :
        exit 70
    fi
    tries=0
    until [ "$(systemctl is-active k3s)" = active ] && as_root test -s "$etc/k3s.yaml"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 90 ]; then
            echo "mlup: K3s runs and wrote no kubeconfig" >&2
            exit 70
        fi
        sleep 1
    done
fi

printf '%s\n' "$marker_done" | put "$etc/mlup.json" 0644
stage=ready
