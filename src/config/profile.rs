//! The layers that are compiled in: the defaults and the built-in profiles. The project's own
//! profiles are files beside `mlup.toml`, read by `load`.

/// The profile that counts where none is named.
pub(crate) const DEFAULT: &str = "compose";

/// What holds where no layer says otherwise.
pub(crate) const DEFAULTS: &str = include_str!("../../profiles/defaults.toml");

/// The built-in profiles with their text, sorted by name.
pub(crate) const BUILT_IN: [(&str, &str); 6] = [
    ("compose", include_str!("../../profiles/compose.toml")),
    ("docker-desktop", include_str!("../../profiles/docker-desktop.toml")),
    ("existing", include_str!("../../profiles/existing.toml")),
    ("k3d", include_str!("../../profiles/k3d.toml")),
    ("k3s", include_str!("../../profiles/k3s.toml")),
    ("minikube", include_str!("../../profiles/minikube.toml")),
];

/// The text of a built-in profile.
pub(crate) fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
