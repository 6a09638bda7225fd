# Lists the images of the machine as JSON.

as_root /usr/local/bin/k3s crictl images -o json
