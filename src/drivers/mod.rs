//! The tools that mlup drives: their command lines and what their output means. Values in, values
//! out; nothing here touches the world but through `host`.

pub mod cluster;
pub mod compose;
pub mod contexts;
pub mod credential;
pub mod crictl;
pub mod docker_desktop;
pub mod driver;
pub mod existing;
#[cfg(test)]
pub(crate) mod fixture;
pub mod helm;
pub mod k3d;
pub mod k3s;
pub mod kubeconfig;
pub mod kustomize;
pub mod minikube;
pub mod pull_secret;
pub mod references;
pub mod spec;
pub mod systemd;
