//! Clusters: the program with stand-ins of minikube and k3d, most of which act on the real engine.

mod fakes;
