# Prints the kubeconfig that K3s wrote for its administrator. Only standard output carries it.

as_root cat /etc/rancher/k3s/k3s.yaml
