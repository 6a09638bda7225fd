//! Where ssh leads, as `mlup.toml` names it. Only what could turn into something else on a command
//! line is refused; what the name means is known to ssh and its own configuration alone.

use std::fmt;

/// A destination of the `ssh` client: `user@host`, `ssh://user@host:port`, or an alias of its
/// configuration. Never mistaken for an option, never taken apart by a shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(String);

/// What shells take apart; OpenSSH refuses most of it itself since 9.6 (`ssh.c`, `valid_hostname`
/// and `valid_ruser`).
const REFUSED: &[char] =
    &['\'', '"', '`', '$', '\\', ';', '&', '<', '>', '|', '(', ')', '{', '}', '*', '?', '!', '#'];

impl Destination {
    /// Reads a destination.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence without its beginning and end.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it must not be empty".to_owned());
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("an ssh destination has no spaces in it".to_owned());
        }
        if let Some(refused) = text.chars().find(|c| REFUSED.contains(c)) {
            return Err(format!("an ssh destination has no `{refused}` in it"));
        }
        let rest = match text.split_once("://") {
            Some(("ssh", rest)) => without_port(rest.trim_end_matches('/'))?,
            Some((scheme, _)) => return Err(format!("`{scheme}://` is not `ssh://`")),
            None if text.contains('/') => {
                return Err("a destination is a machine, not a path: no `/` in it".to_owned());
            }
            None => text,
        };
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        if user.is_some_and(|user| user.is_empty() || user.starts_with('-')) {
            return Err("the user before the `@` is missing or begins with `-`".to_owned());
        }
        if host.is_empty() || host.starts_with('-') {
            return Err("the host is missing or begins with `-`".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The destination as ssh takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands before the port of an address; the port must be one.
fn without_port(rest: &str) -> Result<&str, String> {
    if rest.contains('/') {
        return Err("a destination is a machine, not a path: nothing after the host".to_owned());
    }
    match rest.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((front, port)) if !port.ends_with(']') => match port.parse::<u16>() {
            Ok(1..) => Ok(front),
            _ => Err(format!("`{port}` is no port")),
        },
        _ => Ok(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_hosts_ports_and_aliases_are_taken_as_they_are() {
        for text in [
            "vm",
            "dev@vm.example.lan",
            "dev@corp@vm",
            "ssh://dev@10.43.100.94:2222",
            "ssh://vm",
            "ssh://[fe80::1]:22",
            "ssh://[fe80::1]",
            "fe80::1%eth0",
            "my_vm.2",
        ] {
            assert_eq!(Destination::parse(text).map(|parsed| parsed.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn what_could_be_an_option_or_a_command_is_refused() {
        for text in [
            "",
            "-oProxyCommand=touch",
            "dev@-oProxyCommand=touch",
            "-dev@vm",
            "@vm",
            "dev@",
            "ssh://-oProxyCommand=x",
            "ssh://dev@vm:0",
            "ssh://dev@vm:port",
            "ssh://dev@vm/path",
            "https://vm",
            "vm:/srv",
            "vm; reboot",
            "vm\nHost *",
            "$(reboot)",
            "`reboot`",
            "a'b",
        ] {
            assert!(Destination::parse(text).is_err(), "{text:?}");
        }
    }
}
