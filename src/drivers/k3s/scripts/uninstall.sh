# Takes K3s off the machine with all that is in it, by the program that its installer left for that;
# then whatever a broken installation left. `registries.yaml` is not mlup's and stays.

etc=/etc/rancher/k3s
kept=/etc/rancher/registries.yaml.kept

if as_root test -e "$etc/registries.yaml"; then
    as_root cp -p "$etc/registries.yaml" "$kept"
fi
if as_root test -x /usr/local/bin/k3s-uninstall.sh; then
    as_root /usr/local/bin/k3s-uninstall.sh >&2
fi
for left in /usr/local/bin/k3s /usr/local/bin/k3s.mlup "$etc/mlup-install.sh" \
    "$etc/config.yaml" /etc/modules-load.d/mlup-k3s.conf; do
    as_root rm -f "$left"
done
as_root rm -rf /var/lib/rancher/k3s
# The mark goes last: until then what is left is known as mlup's.
as_root rm -f "$etc/mlup.json"
if as_root test -e "$kept"; then
    as_root mkdir -p "$etc"
    as_root mv -f "$kept" "$etc/registries.yaml"
fi
