//! Flags as cobra takes them, strictly: an unknown one is an error in cobra's words.

/// The flags that a command knows.
pub(crate) struct Grammar {
    /// Flags with a value.
    pub(crate) values: &'static [&'static str],
    /// Flags without one, or with `=true` and `=false`.
    pub(crate) switches: &'static [&'static str],
    /// Letters for flags.
    pub(crate) letters: &'static [(char, &'static str)],
}

/// The command without its flags; none for one that is not among those that are known.
pub(crate) fn command(argv: &[String], known: &[&str]) -> Option<String> {
    let words: Vec<&str> =
        argv.iter().map(String::as_str).take_while(|word| !word.starts_with('-')).collect();
    let two = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let first = words.first().copied().unwrap_or_default();
    known.iter().find(|known| **known == two || **known == first).map(|known| (*known).to_owned())
}

/// A command line that was understood.
pub(crate) struct Flags {
    given: Vec<(String, String)>,
    /// What is no flag.
    pub(crate) operands: Vec<String>,
}

impl Flags {
    /// The last value of a flag.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(flag, _)| flag == name).map(|(_, value)| value.as_str())
    }

    /// All values of a flag, split at commas.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self.given.iter().filter(|(flag, _)| flag == name);
        values.flat_map(|(_, value)| value.split(',')).map(str::to_owned).collect()
    }

    /// Whether a switch is on; `otherwise` when it is not given.
    pub(crate) fn is_on(&self, name: &str, otherwise: bool) -> bool {
        self.get(name).map_or(otherwise, |value| value != "false")
    }

    /// Takes a value from elsewhere where the flag is not given.
    pub(crate) fn or(&mut self, name: &str, value: Option<String>) {
        if let (None, Some(value)) = (self.get(name), value) {
            self.given.push((name.to_owned(), value));
        }
    }
}

/// Reads a command line; the error is cobra's first line.
pub(crate) fn parse(grammar: &Grammar, argv: &[String]) -> Result<Flags, String> {
    let mut flags = Flags { given: Vec::new(), operands: Vec::new() };
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            flags.operands.extend(words.by_ref().cloned());
            break;
        }
        let (name, mut value) = match word.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (long.to_owned(), None),
            },
            None if word.len() > 1 && word.starts_with('-') => short(grammar, word)?,
            None => {
                flags.operands.push(word.clone());
                continue;
            }
        };
        if grammar.switches.contains(&name.as_str()) {
            flags.given.push((name, value.unwrap_or_else(|| "true".to_owned())));
        } else if grammar.values.contains(&name.as_str()) {
            value = value.or_else(|| words.next().cloned());
            let value = value.ok_or_else(|| format!("flag needs an argument: --{name}"))?;
            flags.given.push((name, value));
        } else {
            return Err(format!("unknown flag: --{name}"));
        }
    }
    Ok(flags)
}

fn short(grammar: &Grammar, word: &str) -> Result<(String, Option<String>), String> {
    let mut letters = word.chars().skip(1);
    let letter = letters.next().unwrap_or_default();
    let known = grammar.letters.iter().find(|(known, _)| *known == letter);
    let (_, name) = known.ok_or_else(|| format!("unknown shorthand flag: '{letter}' in {word}"))?;
    let rest: String = letters.collect();
    let value = rest.strip_prefix('=').unwrap_or(&rest);
    Ok(((*name).to_owned(), (!value.is_empty()).then(|| value.to_owned())))
}
