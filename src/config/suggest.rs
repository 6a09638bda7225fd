//! "Did you mean": the nearest of a list of known words.

/// The known word that is nearest to what was typed, if one is near enough to be meant.
pub(crate) fn nearest<'a, I, S>(typed: &str, known: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a S>,
    S: AsRef<str> + ?Sized + 'a,
{
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&typed, &word.as_ref().to_lowercase()), word.as_ref()))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word)
}

/// Advice for a word that is not known: the nearest one, else all of them.
pub(crate) fn advice<S: AsRef<str>>(typed: &str, known: &[S]) -> String {
    match nearest(typed, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "there are none to choose from".to_owned(),
        None => format!("known here: {}", list(known)),
    }
}

/// The words in backticks with commas between them.
pub(crate) fn list<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_word() {
        assert_eq!(nearest("memry", &["cpus", "memory", "nodes"]), Some("memory"));
        assert_eq!(nearest("Minikub", &["minikube", "k3d"]), Some("minikube"));
    }

    #[test]
    fn something_else_finds_nothing_and_lists_all() {
        assert_eq!(nearest("zebra", &["cpus", "memory"]), None);
        assert_eq!(advice("zebra", &["cpus", "memory"]), "known here: `cpus`, `memory`");
    }
}
