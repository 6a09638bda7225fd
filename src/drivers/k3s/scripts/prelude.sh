# What every script for the machine begins with: the folders that a session over ssh lacks on some
# distributions, and a way to be root that never asks.
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
export PATH

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
