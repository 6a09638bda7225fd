//! The survey's own text: what strange answers become on the way through JSON, by each shell there is.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The script that is sent, and in the place of its questions one that answers strangely.
const SURVEY: &str = include_str!("../../../src/drivers/k3s/scripts/survey.sh");

/// A backslash, quotes, a tab, bytes that are no text, a control character, and nothing.
const STRANGE: &str = r#"
printf 'plain\tC:\\\\path "quoted" %%s $(reboot) `x`\n'
printf 'plain\tbell\a and \033[1mbold\n'
printf 'list\tone\nlist\t\nlist\ttwo\n'
printf 'latin\tcaf\351\n'
"#;

fn answer(shell: &str) -> Value {
    let mut child = Command::new(shell)
        .args(["-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{shell}: {error}"));
    let quoted = STRANGE.replace('\'', r"'\''");
    let text = format!("hosts=''\nquestions='{quoted}'\n(\nset -eu\n{SURVEY}\n) </dev/null\n");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{shell}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{shell}: {error}: {text}"))
}

#[test]
fn strange_answers_are_json_all_the_same() {
    for shell in ["sh", "bash"] {
        let facts = answer(shell);
        assert_eq!(facts["plain"][0], r#"C:\\path "quoted" %s $(reboot) `x`"#, "{shell}");
        assert_eq!(facts["plain"][1], "bell and [1mbold", "{shell}");
        assert_eq!(facts["list"], serde_json::json!(["one", "", "two"]), "{shell}");
        assert_eq!(facts["latin"][0], "caf\u{fffd}", "{shell}");
        assert!(facts["sudo"][0].is_string() && facts["uid"][0].is_string(), "{facts}");
    }
}
