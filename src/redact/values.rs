//! How a value looks: by chance, as a word, or as what stands in for a secret.

use super::MARK;

/// How many of its neighbours have to be of different kinds for a text to look like chance; in
/// base64 it is two thirds, in names and paths less than a quarter.
const CHANGES_OF_TEN: usize = 4;

/// Whether a text has capitals, small letters and digits.
pub(super) fn is_mixed(text: &str) -> bool {
    let has = |kind: fn(&char) -> bool| text.chars().any(|c| kind(&c));
    has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit)
}

/// Whether capitals stand elsewhere than in front.
pub(super) fn is_two_cased(text: &str) -> bool {
    let inner = text.get(1..).unwrap_or_default();
    inner.contains(|c: char| c.is_ascii_uppercase())
        && text.contains(|c: char| c.is_ascii_lowercase())
}

/// Whether a text looks like bytes of chance, and not like words that are joined.
pub(super) fn is_random(text: &str) -> bool {
    let kind = |c: char| match c {
        'a'..='z' => 0,
        'A'..='Z' => 1,
        '0'..='9' => 2,
        _ => 3,
    };
    let kinds: Vec<u8> = text.trim_end_matches('=').chars().map(kind).collect();
    let pairs = || kinds.windows(2).filter(|pair| !pair.contains(&3));
    let changes = pairs().filter(|pair| pair[0] != pair[1]).count();
    is_mixed(text) && changes * 10 > pairs().count() * CHANGES_OF_TEN
}

/// What stands for a secret that is put in later, or was taken out before.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'', '\\']);
    let is_variable = text.strip_prefix('$').is_some_and(|name| {
        name.starts_with(['{', '('])
            || name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
    });
    text.is_empty()
        || is_variable
        || text.starts_with('<') && text.ends_with('>')
        || text.starts_with("{{")
        || text.starts_with("%(")
        || text.contains(MARK)
        || text.chars().all(|c| ['*', '.', 'x', 'X', '-'].contains(&c))
        || ["null", "none", "nil", "true", "false"].contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_told_from_names_and_paths() {
        for text in [
            "wJalrXUtnFEMIK7MDENGbPxRfiCY7Xa2PLqKEYq8",
            "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4",
            "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZg",
        ] {
            assert!(is_random(text), "{text}");
        }
        for text in [
            "93ced742cb1cba4fafaf0e10fe0495ee1b4d704c4475a87fbae2a980f7cb775f",
            "health-predict-api-deployment-65cb5746bc-42jtk",
            "/opt/conda/envs/MLenv3/lib/python3/site/packages",
            "ContainersNotReadyBecauseOfTheImage2",
            "76243012-32f8-4a33-8b31-6deb557ba8c4",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_2",
        ] {
            assert!(!is_random(text), "{text}");
        }
    }

    #[test]
    fn what_stands_in_for_a_secret_is_known() {
        for text in
            ["", "***", "${DB_PASSWORD}", "$(cat f)", "$TOKEN", "<password>", "{{ .x }}", "None"]
        {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["$ecret123", "hunter2", "<a", "%x"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
