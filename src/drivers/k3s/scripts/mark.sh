# Says whose the installation is before anything of it is there.
#
# marker_begun: the text of the mark

etc=/etc/rancher/k3s
as_root mkdir -p "$etc"
# shellcheck disable=SC2016 # it is for the inner shell to expand
printf '%s\n' "$marker_begun" |
    as_root sh -c 'umask 022; cat >"$1.part" && mv -f "$1.part" "$1"' sh "$etc/mlup.json"
