//! Expands `${VAR}`, `${VAR:-default}` and `${VAR:?message}` in strings; `$$` is a literal `$` and
//! any other `$` stays. Which variables there are is the caller's; live placeholders such as
//! `{nodeport:...}` are not touched.

/// What is wrong with one expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpandError {
    /// One sentence without a final period.
    pub(crate) message: String,
    /// The expression as it stands in the text.
    pub(crate) expression: String,
    /// The variable, where one is named.
    pub(crate) variable: Option<String>,
    /// Whether the variable is merely not set.
    pub(crate) is_unset: bool,
}

/// What became of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    /// The text with values in place of expressions.
    pub(crate) value: String,
    /// The variables whose values are in it.
    pub(crate) variables: Vec<String>,
    /// What is wrong; the expressions in question count as empty.
    pub(crate) errors: Vec<ExpandError>,
}

/// Expands a text with the variables that `lookup` knows.
pub(crate) fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Expanded {
    let mut expanded = Expanded::default();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.value.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('$') {
            expanded.value.push('$');
            rest = next;
        } else if let Some(inside) = after.strip_prefix('{') {
            let Some(length) = closing(inside) else {
                expanded.errors.push(malformed(&rest[at..], "it has no closing `}`"));
                return expanded;
            };
            expression(&inside[..length], lookup, &mut expanded);
            rest = &inside[length + 1..];
        } else {
            expanded.value.push('$');
            rest = after;
        }
    }
    expanded.value.push_str(rest);
    expanded
}

/// Length of the text before the brace that closes an expression.
fn closing(inside: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut previous = ' ';
    for (at, character) in inside.char_indices() {
        match character {
            '{' if previous == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        previous = character;
    }
    None
}

fn expression(inside: &str, lookup: &dyn Fn(&str) -> Option<String>, expanded: &mut Expanded) {
    let end = inside
        .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .unwrap_or(inside.len());
    let (name, form) = inside.split_at(end);
    let whole = format!("${{{inside}}}");
    if name.is_empty() || name.starts_with(|character: char| character.is_ascii_digit()) {
        expanded.errors.push(malformed(&whole, "it names no variable"));
        return;
    }
    let value = lookup(name);
    let filled = value.clone().filter(|value| !value.is_empty());
    if form.is_empty() {
        match value {
            Some(value) => take(expanded, name, &value),
            None => expanded.errors.push(unset(name, &whole, None)),
        }
    } else if let Some(default) = form.strip_prefix(":-") {
        match filled {
            Some(value) => take(expanded, name, &value),
            None => append(expanded, expand(default, lookup)),
        }
    } else if let Some(message) = form.strip_prefix(":?") {
        match filled {
            Some(value) => take(expanded, name, &value),
            None => expanded.errors.push(unset(name, &whole, Some(message))),
        }
    } else {
        let why = "after the name comes `}`, `:-` with a default, or `:?` with a message";
        expanded.errors.push(malformed(&whole, why));
    }
}

fn take(expanded: &mut Expanded, name: &str, value: &str) {
    expanded.value.push_str(value);
    expanded.variables.push(name.to_owned());
}

fn append(expanded: &mut Expanded, inner: Expanded) {
    expanded.value.push_str(&inner.value);
    expanded.variables.extend(inner.variables);
    expanded.errors.extend(inner.errors);
}

fn malformed(expression: &str, why: &str) -> ExpandError {
    let message = format!("`{expression}` cannot be expanded: {why}");
    ExpandError { message, expression: expression.to_owned(), variable: None, is_unset: false }
}

fn unset(name: &str, expression: &str, message: Option<&str>) -> ExpandError {
    let message = match message.map(str::trim) {
        Some(text) if !text.is_empty() => format!("`{name}` is not set or empty: {text}"),
        Some(_) => format!("`{name}` is not set or empty"),
        None => format!("`{name}` is not set"),
    };
    let (expression, variable) = (expression.to_owned(), Some(name.to_owned()));
    ExpandError { message, expression, variable, is_unset: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Expanded {
        expand(text, &|name| match name {
            "A" => Some("one".to_owned()),
            "EMPTY" => Some(String::new()),
            "DOLLAR" => Some("${A}".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn every_form_expands() {
        for (text, value) in [
            ("x${A}y", "xoney"),
            ("${A:-two}", "one"),
            ("${B:-two}", "two"),
            ("${EMPTY:-two}", "two"),
            ("${EMPTY}", ""),
            ("${B:-${A}}", "one"),
            ("${B:-${C:-deep}}", "deep"),
            ("${B:-}", ""),
            ("${A:?needed}", "one"),
            ("$${A}", "${A}"),
            ("$A costs 5$", "$A costs 5$"),
            ("^a{2}$", "^a{2}$"),
            ("{nodeport:ns/svc:80}", "{nodeport:ns/svc:80}"),
            ("${DOLLAR}", "${A}"),
            ("${B:-a}b}", "ab}"),
        ] {
            let expanded = run(text);
            assert_eq!((expanded.value.as_str(), expanded.errors.len()), (value, 0), "{text}");
        }
    }

    #[test]
    fn an_unset_variable_is_named() {
        let error = &run("a ${B} b").errors[0];
        assert_eq!(error.message, "`B` is not set");
        assert_eq!((error.variable.as_deref(), error.is_unset), (Some("B"), true));
    }

    #[test]
    fn an_empty_variable_counts_as_unset_where_one_is_required() {
        let errors = run("${EMPTY:?say where the store is}").errors;
        assert_eq!(errors[0].message, "`EMPTY` is not set or empty: say where the store is");
    }

    #[test]
    fn broken_expressions_say_what_is_wrong() {
        assert!(run("${A").errors[0].message.contains("no closing `}`"));
        assert!(run("${}").errors[0].message.contains("names no variable"));
        assert!(run("${A+x}").errors[0].message.contains("`:-` with a default"));
    }

    #[test]
    fn the_variables_in_a_value_are_known() {
        assert_eq!(run("${A}${B:-${A}}").variables, ["A", "A"]);
        assert!(run("${EMPTY:-plain}").variables.is_empty());
    }
}
