//! Flags of `k3s server` as keys of its configuration file. Pure.

use serde_norway::Value;

/// The keys and values of flags such as `--flannel-backend=host-gw` or `--embedded-registry`.
///
/// # Errors
/// The word that is no flag.
pub(in crate::drivers::k3s) fn parse(args: &[String]) -> Result<Vec<(String, Value)>, String> {
    let mut found = Vec::new();
    let mut words = args.iter().peekable();
    while let Some(word) = words.next() {
        let flag = word.strip_prefix("--").ok_or_else(|| word.clone())?;
        let (key, value) = match flag.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (flag, words.next_if(|next| !next.starts_with('-')).cloned()),
        };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if key.is_empty() || !key.chars().all(fits) {
            return Err(word.clone());
        }
        let value = match value.as_deref() {
            None | Some("true") => true.into(),
            Some("false") => false.into(),
            Some(text) => text.into(),
        };
        found.push((key.to_owned(), value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(args: &[&str]) -> Result<Vec<(String, Value)>, String> {
        parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_read_in_each_way_to_write_them() {
        let found = words(&["--flannel-backend=host-gw", "--node-ip", "10.0.0.5", "--debug"]);
        let key = |name: &str, value: Value| (name.to_owned(), value);
        assert_eq!(
            found.unwrap(),
            [
                key("flannel-backend", "host-gw".into()),
                key("node-ip", "10.0.0.5".into()),
                key("debug", true.into())
            ]
        );
        assert_eq!(words(&["--selinux=false"]).unwrap(), [key("selinux", false.into())]);
        for wrong in ["server", "-v", "--", "--A b", "--a\nb"] {
            assert_eq!(words(&[wrong]), Err(wrong.to_owned()));
        }
    }
}
