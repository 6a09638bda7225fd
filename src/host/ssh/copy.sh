# Standard input becomes the file `target`, with permissions `mode`, once all `size` bytes of it are
# there. `rights` says with whose.
as_wanted() {
    if [ "$rights" = user ] || [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
folder=${target%/*}
part=$target.$$.mlup
umask 077
# Folders are for everybody to enter, as those of a system are.
as_wanted sh -c 'umask 022; mkdir -p "$1"' sh "${folder:-/}"
trap 'as_wanted rm -f "$part"' EXIT
as_wanted sh -c 'umask 077; cat >"$1"' sh "$part"
arrived=$(as_wanted sh -c 'wc -c <"$1"' sh "$part")
if [ "$arrived" -ne "$size" ]; then
    echo "mlup: $((arrived)) of $size bytes arrived" >&2
    exit 74
fi
as_wanted chmod "$mode" "$part"
as_wanted mv -f "$part" "$target"
