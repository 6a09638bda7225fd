//! What one step saw of a machine, left for the next one that would ask the same: taken once, so that
//! nobody acts on an old look.

use super::Connections;
use crate::config::destination::Destination;
use crate::redact::Secret;

impl Connections {
    /// Leaves what was seen of a machine, in place of what was left before.
    pub fn leave(&self, destination: &Destination, seen: Secret) {
        self.open().notes.insert(destination.clone(), seen);
    }

    /// Takes what was left about a machine, if anything was since the last time.
    #[must_use]
    pub fn take(&self, destination: &Destination) -> Option<Secret> {
        self.open().notes.remove(destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_taken_once() {
        let connections = Connections::default();
        let vm = Destination::parse("vm").unwrap();
        connections.leave(&vm, Secret::new("old"));
        connections.leave(&vm, Secret::new("new"));
        assert_eq!(connections.take(&vm), Some(Secret::new("new")));
        assert_eq!(connections.take(&vm), None);
    }
}
