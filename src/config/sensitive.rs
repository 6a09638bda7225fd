//! What counts as secret, by the name of a variable or key and by the shape of a value, and lines of
//! text with such values hidden. Which values those are in one configuration is `secrets`.

/// Parts of a name that make its value a secret.
const WORDS: [&str; 8] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "APIKEY"];

/// Whole words of a name, between `_`, `-` or `.`, that make its value a secret.
const SEGMENTS: [&str; 6] = ["KEY", "KEYS", "PASS", "PWD", "DSN", "CONN"];

/// Whether the value of a variable or key of this name is a secret.
pub(crate) fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // The shell's working folder.
    if name == "PWD" || name == "OLDPWD" {
        return false;
    }
    WORDS.iter().any(|word| name.contains(word))
        || name.split(['_', '-', '.']).any(|segment| SEGMENTS.contains(&segment))
}

/// Whether the value of a request header of this name is a secret.
pub(crate) fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("authorization") || name.contains("cookie") || looks_secret(&name)
}

/// The password in a URL such as `postgres://user:password@host/db`.
pub(crate) fn url_password(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty()).then_some(password)
}

/// Whether a variable must not reach a command line.
pub(crate) fn is_secret_variable(name: &str, value: &str) -> bool {
    looks_secret(name) || url_password(value).is_some()
}

/// Whether the string at this path of the configuration is a secret.
pub(crate) fn is_secret_path<S: AsRef<str>>(path: &[S]) -> bool {
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    match path.as_slice() {
        ["secret", _, "keys", _] | ["check", _, "login", "password"] => true,
        ["check", _, "headers", name] => is_secret_header(name),
        // The name of a Kubernetes secret is no secret, nor is that of a key in it.
        [.., "secret"] | ["check", _, "login", _, "key"] | ["secret" | "require", ..] => false,
        [_, .., key] => looks_secret(key),
        _ => false,
    }
}

/// A line of an env file without its value.
pub(crate) fn names_only(line: &str) -> String {
    let is_name = |text: &str| {
        let name = text.trim().trim_start_matches("export ").trim();
        !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "_.".contains(character))
    };
    match line.split_once('=') {
        Some((name, _)) if is_name(name) => format!("{name}=…"),
        _ => "…".to_owned(),
    }
}

/// A line of TOML, or a `NAME=value`, with the strings behind secret keys as stars.
pub(crate) fn mask_assignments(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at + 1);
        masked.push_str(before);
        let key = before[..at].trim_end().trim_end_matches(['"', '\'']);
        let key = key.rsplit([' ', ',', '{', '"', '\'', '\t']).next().unwrap_or_default();
        let end = value_end(after);
        let is_name = key.eq_ignore_ascii_case("secret") || key.eq_ignore_ascii_case("keys");
        if looks_secret(key) && !is_name {
            masked.extend(after[..end].chars().map(star));
        } else {
            masked.push_str(&after[..end]);
        }
        rest = &after[end..];
    }
    masked.push_str(rest);
    masked
}

fn star(character: char) -> char {
    if character == ' ' || character == '"' || character == '\'' { character } else { '*' }
}

/// Where the value after a `=` ends: behind its closing quote, else at the end of the line.
fn value_end(after: &str) -> usize {
    let trimmed = after.trim_start();
    let lead = after.len() - trimmed.len();
    match trimmed.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            trimmed[1..].find(quote).map_or(after.len(), |end| lead + end + 2)
        }
        Some('{' | '[') => lead,
        _ => after.find([',', '}', '#']).unwrap_or(after.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_secrets_from_settings() {
        for name in
            ["DB_PASSWORD", "AWS_ACCESS_KEY_ID", "api-token", "SENTRY_DSN", "AIRFLOW_CONN_S3"]
        {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["PWD", "HOME", "MONKEY", "KEYBOARD", "CONNECT_TIMEOUT", "compass"] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn the_password_of_a_url_is_found() {
        assert_eq!(url_password("postgres://u:p@ss@db:5432/x"), Some("p@ss"));
        assert_eq!(url_password("http://localhost:80/a@b:c"), None);
    }

    #[test]
    fn paths_of_secrets_are_known() {
        assert!(is_secret_path(&["registry", "r", "password"]));
        assert!(is_secret_path(&["check", "web", "headers", "Authorization"]));
        assert!(is_secret_path(&["secret", "s", "keys", "user"]));
        assert!(!is_secret_path(&["registry", "r", "secret"]));
        assert!(!is_secret_path(&["check", "web", "headers", "Accept"]));
        assert!(!is_secret_path(&["require", "0"]));
    }

    #[test]
    fn values_behind_secret_keys_become_stars() {
        assert_eq!(
            mask_assignments(r#"login = { user = "u", password = "hunter2" }"#),
            r#"login = { user = "u", password = "*******" }"#
        );
        assert_eq!(mask_assignments("secret = \"name\""), "secret = \"name\"");
        assert_eq!(mask_assignments("MLUP_X__PASSWORD=ab"), "MLUP_X__PASSWORD=**");
        assert_eq!(mask_assignments("passwrd_token = 'open"), "passwrd_token = '****");
    }

    #[test]
    fn lines_of_env_files_show_names_alone() {
        assert_eq!(names_only("export A=hunter2"), "export A=…");
        assert_eq!(names_only("hunter2"), "…");
        assert_eq!(names_only("hun ter=2"), "…");
    }
}
