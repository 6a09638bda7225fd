# Runs sshd on a machine of its own, in a mount namespace that goes with it.
#   enter.sh FOLDER UNPACKED [ADDRESS]
# FOLDER is the test's: `root`, `local` (its /usr/local), `bin` (first on its PATH) and `service`.
# UNPACKED holds Debian's packages of sshd where `scripts/setup` had to get them. With an ADDRESS it is on
# a network of its own, where nobody reaches it but through `pipe.sh`.
set -eu
folder=$1
unpacked=$2
address=$3
root=$folder/root
PATH=$PATH:/usr/sbin:/sbin

bind() {
    mkdir -p "$2"
    mount --rbind "$1" "$2"
}

for top in /bin /sbin /lib /lib32 /lib64 /libx32; do
    if [ -L "$top" ]; then
        ln -sfn "$(readlink "$top")" "$root$top"
    elif [ -d "$top" ]; then
        bind "$top" "$root$top"
    fi
done
bind /usr "$root/usr"
# Whoever runs the tests may be root, and then so is `dev`: the machine's own files are not its.
mount -o remount,bind,ro "$root/usr"
bind "$folder/local" "$root/usr/local"
bind /proc "$root/proc"
bind /dev "$root/dev"
bind "$folder/bin" "$root/far/bin"
bind "$folder/service" "$root/far/service"
if [ -n "$address" ]; then
    ip link set lo up
    ip address add "$address" dev lo
    # Who comes in later needs a process in these namespaces: those of sshd lie further in.
    sleep 86400 &
    echo $! >"$folder/holder"
fi
# A disk that is soon full.
mkdir -p "$root/small"
mount -t tmpfs -o size=64k none "$root/small"
sshd=/usr/sbin/sshd
libraries=
if [ -x "$unpacked$sshd" ]; then
    bind "$unpacked" "$root/far/sshd"
    # Since 9.8 it has parts that it looks for here.
    [ ! -e "$unpacked/usr/lib/openssh/sshd-session" ] ||
        bind "$unpacked/usr/lib/openssh" "$root/usr/lib/openssh"
    sshd=/far/sshd$sshd
    for libraries in "$root"/far/sshd/usr/lib/*-linux-gnu; do
        libraries=${libraries#"$root"}
    done
elif [ ! -x "$sshd" ]; then
    echo "there is no sshd: scripts/setup sshd" >&2
    exit 1
fi
# Without root's powers it needs neither a user of its own nor a folder below /run.
exec unshare --user --map-user=1000 --map-group=1000 --root="$root" --wd=/ \
    env -i LD_LIBRARY_PATH="$libraries" "$sshd" -D -e -f /far/service/sshd_config
