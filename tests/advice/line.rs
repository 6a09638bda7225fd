//! A line for a shell, taken apart into the commands that it runs: words as `shlex` reads them.

/// The commands of a line, each with its words. What a shell takes as a comment is left out; a
/// command whose output is a word stands behind the others, and `x` for its output.
pub(super) fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut parts, mut inner) = (vec![String::new()], Vec::new());
    let (mut quote, mut before, mut rest) = (None, ' ', line);
    while let Some(letter) = rest.chars().next() {
        if quote != Some('\'')
            && let Some((command, after)) =
                rest.strip_prefix("$(").and_then(|in_it| in_it.split_once(')'))
        {
            inner.extend(commands(command));
            parts.last_mut().unwrap().push('x');
            (before, rest) = (')', after);
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\'' | '"' if quote == Some(letter) => quote = None,
            '\'' | '"' if quote.is_none() && before != '\\' => quote = Some(letter),
            '#' if quote.is_none() && before == ' ' => break,
            _ => {}
        }
        let ends = quote.is_none() && [';', '&', '|', '\n'].contains(&letter);
        if ends {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(letter);
        }
        before = letter;
    }
    let words = |part: String| {
        shlex::split(&part).unwrap_or_else(|| panic!("a quote stays open in {part:?} of {line:?}"))
    };
    parts.into_iter().map(words).filter(|words| !words.is_empty()).chain(inner).collect()
}

#[test]
fn a_line_is_taken_apart_as_a_shell_does() {
    for (line, wanted) in [
        ("docker ps   # then: docker stop x", vec!["docker ps"]),
        ("a 'b; c' && d \"e | f\"; g | h", vec!["a|b; c", "d|e | f", "g", "h"]),
        (r"a 'it'\''s' b#c", vec!["a|it's|b#c"]),
        ("a '$(b c)' $(d 'e f')/g", vec!["a|$(b c)|x/g", "d|e f"]),
    ] {
        let told: Vec<String> = commands(line)
            .into_iter()
            .map(|words| words.join(if line.contains('\'') { "|" } else { " " }))
            .collect();
        assert_eq!(told, wanted, "{line}");
    }
}
