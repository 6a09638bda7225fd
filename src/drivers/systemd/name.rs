//! What the units are called, and what each of them is for.

use super::word::name_part;

/// What a unit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `mlup start`, and `mlup stop` at its end.
    Start,
    /// `mlup watch`.
    Watch,
    /// `mlup creds refresh`, once.
    Creds,
    /// The timer of [`Role::Creds`].
    CredsTimer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Start, Self::Watch, Self::Creds, Self::CredsTimer];

    /// Whether it is enabled by itself: the service of a timer is not.
    #[must_use]
    pub fn is_enabled(self) -> bool {
        self != Self::Creds
    }
}

/// Name of the unit for this environment with this profile. The profile is the instance, so that
/// `systemctl list-units 'mlup-demo*'` shows all of them.
#[must_use]
pub fn unit_name(role: Role, project: &str, profile: &str) -> String {
    let (project, profile) = (name_part(project), name_part(profile));
    match role {
        Role::Start => format!("mlup-{project}@{profile}.service"),
        Role::Watch => format!("mlup-{project}-watch@{profile}.service"),
        Role::Creds => format!("mlup-{project}-creds@{profile}.service"),
        Role::CredsTimer => format!("mlup-{project}-creds@{profile}.timer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_the_instance() {
        let names = Role::ALL.map(|role| unit_name(role, "demo", "my k3d"));
        let wanted = [
            r"mlup-demo@my\x20k3d.service",
            r"mlup-demo-watch@my\x20k3d.service",
            r"mlup-demo-creds@my\x20k3d.service",
            r"mlup-demo-creds@my\x20k3d.timer",
        ];
        assert_eq!(names, wanted);
    }
}
