//! Words as systemd's unit files take them. Words of a shell are `quote`.

use std::fmt::Write as _;

/// The word as `ExecStart=` and `Environment=` take it literally: quoted where it must be, `%` doubled
/// because systemd expands specifiers after it has split the words. `$` is left alone: that is up to
/// the `:` in front of the command, see [`command`].
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.replace('%', "%%");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A command line that systemd takes as it stands: the `:` keeps it from expanding variables (since
/// version 244).
#[must_use]
pub fn command(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|text| word(text)).collect();
    format!(":{}", words.join(" "))
}

/// Text that stands for itself up to the end of its line, as in `Description=`.
#[must_use]
pub fn line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.trim_end_matches(['\\', ' ']).replace('%', "%%")
}

/// Text as a part of a unit's name: as `systemd-escape` writes it, but hyphens stay, because nothing
/// has to read it back.
#[must_use]
pub fn name_part(text: &str) -> String {
    let mut part = String::new();
    for (at, byte) in text.bytes().enumerate() {
        let hidden = at == 0 && byte == b'.';
        match byte {
            byte if !hidden && (byte.is_ascii_alphanumeric() || b":_.-".contains(&byte)) => {
                part.push(char::from(byte));
            }
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(part, "\\x{byte:02x}");
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_and_nasty_ones_are_quoted() {
        for (text, wanted) in [
            ("--file", "--file"),
            ("/home/dev/demo", "/home/dev/demo"),
            ("50%", "50%%"),
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("$HOME", r#""$HOME""#),
            ("it's", r#""it's""#),
            (r#"say "hi""#, r#""say \"hi\"""#),
            (r"back\slash", r#""back\\slash""#),
            ("100% of it;", r#""100%% of it;""#),
            ("two\nlines\tand\u{7}", r#""two\nlines\tand\x07""#),
            ("grün", r#""grün""#),
        ] {
            assert_eq!(word(text), wanted);
        }
    }

    #[test]
    fn a_command_is_taken_as_it_stands() {
        let words = ["/opt/my tools/mlup", "start"].map(str::to_owned);
        assert_eq!(command(&words), r#":"/opt/my tools/mlup" start"#);
    }

    #[test]
    fn a_line_cannot_be_left_and_goes_on_in_none() {
        assert_eq!(line("demo\n[Service]"), "demo [Service]");
        assert_eq!(line("50% \\"), "50%%");
    }

    #[test]
    fn parts_of_names_are_escaped_as_systemd_does_and_hyphens_stay() {
        for (text, wanted) in [
            ("minikube", "minikube"),
            ("docker-desktop", "docker-desktop"),
            ("my profile", r"my\x20profile"),
            (".hidden", r"\x2ehidden"),
            ("a/b@c", r"a\x2fb\x40c"),
            ("ü", r"\xc3\xbc"),
        ] {
            assert_eq!(name_part(text), wanted);
        }
    }
}
