//! Where a compose file uses a variable in a place that must not be empty. By indentation: whether the
//! file is valid YAML is compose's to say.

use crate::event::Evidence;
use crate::policy::classify::shorten;

/// Keys below which an empty value cannot be right.
const NEEDED: [&str; 3] = ["container_name", "image", "ports"];

/// The lines that make an image, a port or a name of this variable.
#[must_use]
pub fn uses(name: &str, file: &str, text: &str) -> Vec<Evidence> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if mentions(line, name) && is_needed(&lines, at) {
            found.push(Evidence::new(format!("{file}:{}", at + 1), shorten(line)));
        }
    }
    found
}

/// Whether a line has `$NAME` or `${NAME}`, neither escaped nor with a default.
fn mentions(line: &str, name: &str) -> bool {
    let code = line.split_once(" #").map_or(line, |(code, _)| code);
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain = format!("${name}");
    let braced = format!("${{{name}}}");
    let is_escaped = |at: usize| code[..at].ends_with('$');
    let ends = |at: usize| !code[at + plain.len()..].starts_with(goes_on);
    !code.trim_start().starts_with('#')
        && (code.match_indices(&plain).any(|(at, _)| ends(at) && !is_escaped(at))
            || code.match_indices(&braced).any(|(at, _)| !is_escaped(at)))
}

/// Whether the line, or one that it stands below, has one of the keys.
fn is_needed(lines: &[&str], at: usize) -> bool {
    let Some(own) = lines.get(at) else { return false };
    if key(own).is_some_and(|key| NEEDED.contains(&key)) {
        return true;
    }
    let mut depth = indent(own);
    // A list may stand as deep as the key that it belongs to.
    let mut may_be_level = own.trim_start().starts_with('-');
    for line in lines.iter().take(at).rev().filter(|line| !line.trim().is_empty()) {
        let is_item = line.trim_start().starts_with('-');
        let is_above = indent(line) < depth || (may_be_level && !is_item && indent(line) == depth);
        if !is_above {
            continue;
        }
        if key(line).is_some_and(|key| NEEDED.contains(&key)) {
            return true;
        }
        (depth, may_be_level) = (indent(line), is_item);
    }
    false
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn key(line: &str) -> Option<&str> {
    let (key, rest) = line.trim_start().trim_start_matches("- ").split_once(':')?;
    let key = key.trim().trim_matches(['"', '\'']);
    (rest.is_empty() || rest.starts_with(' ')).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
services:
  api:
    image: ${REGISTRY}/api:$TAG
    environment:
      IMAGE: ${REGISTRY}
      port: \"$PORT\"
    ports:
      - \"${PORT}:80\"
  web:
    image: web:${TAG:-1}  # $TAG
    labels: {a: $$TAG}
    ports:
    - target: 80
      published: $PORT
    command: [\"$TAG\"]
";

    #[test]
    fn lines_of_images_and_ports_are_found_and_others_are_not() {
        let at = |name: &str| {
            let found = uses(name, "c.yml", FILE);
            found.into_iter().map(|line| line.source).collect::<Vec<_>>()
        };
        assert_eq!(at("REGISTRY"), ["c.yml:3"]);
        assert_eq!(at("TAG"), ["c.yml:3"]);
        assert_eq!(at("PORT"), ["c.yml:8", "c.yml:14"]);
        assert!(at("POR").is_empty() && at("T").is_empty());
    }
}
