//! Image registries, asked as a kubelet would ask them: the real docker-registry, once with
//! passwords and once with tokens, through the library and through the program.

mod doctor;
mod preflight;
mod probe;
