//! The files of a Helm chart on this machine, as one hash: all that helm reads of it, `.helmignore`
//! obeyed. Charts of repositories are known by their reference alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::host::fingerprint::Fingerprint;
use crate::policy::{Class, Failure};

/// Folders inside each other at most; links may go round in a circle.
const DEEPEST: usize = 40;

/// Adds a packed chart, or every file of a chart's folder with its path, to a hash.
///
/// # Errors
/// `CHART_INVALID`: a file of it cannot be read.
pub fn add(hash: &mut Fingerprint, chart: &Path) -> Result<(), Failure> {
    let mut add_file = |name: &Path, path: &Path| {
        hash.part(name.as_os_str().as_encoded_bytes());
        hash.file(path).map_err(|error| unreadable(path, &error))
    };
    if !chart.is_dir() {
        return add_file(Path::new(""), chart);
    }
    let ignored = Ignored::read(chart)?;
    let mut files = Vec::new();
    collect(chart, Path::new(""), &ignored, &mut files)?;
    files.sort();
    files.iter().try_for_each(|name| add_file(name, &chart.join(name)))
}

fn collect(
    chart: &Path,
    folder: &Path,
    ignored: &Ignored,
    files: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let path = chart.join(folder);
    if folder.components().count() > DEEPEST {
        return Err(unreadable(&path, &io::Error::other("its links lead in a circle")));
    }
    let entries = fs::read_dir(&path).map_err(|error| unreadable(&path, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&path, &error))?;
        // Helm follows links too.
        let kind = fs::metadata(entry.path()).map_err(|error| unreadable(&entry.path(), &error))?;
        let name = folder.join(entry.file_name());
        if entry.file_name() == ".git" || ignored.leaves_out(&name, kind.is_dir()) {
            continue;
        }
        if kind.is_dir() {
            collect(chart, &name, ignored, files)?;
        } else if kind.is_file() {
            files.push(name);
        }
    }
    Ok(())
}

/// What helm itself adds to every `.helmignore`: what editors leave beside templates.
const OWN_RULE: &str = "templates/.?*";

/// The rules of `.helmignore`.
struct Ignored(Vec<Rule>);

struct Rule {
    pattern: GlobMatcher,
    /// Leaves out what does not match: helm's reading of `!`.
    inverted: bool,
    folders_only: bool,
    /// Matched against the whole path, not the last name alone.
    whole_path: bool,
}

impl Ignored {
    fn read(chart: &Path) -> Result<Self, Failure> {
        let path = chart.join(".helmignore");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        Ok(Self(text.lines().chain([OWN_RULE]).filter_map(Rule::parse).collect()))
    }

    fn leaves_out(&self, path: &Path, is_folder: bool) -> bool {
        self.0.iter().any(|rule| {
            let applies = is_folder || !rule.folders_only;
            if rule.inverted {
                !applies || !rule.matches(path)
            } else {
                applies && rule.matches(path)
            }
        })
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (text, inverted) = match line.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        let (text, folders_only) = match text.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let whole_path = text.contains('/');
        let text = text.trim_start_matches("./").trim_start_matches('/');
        let glob = GlobBuilder::new(text).literal_separator(true).build().ok()?;
        Some(Self { pattern: glob.compile_matcher(), inverted, folders_only, whole_path })
    }

    fn matches(&self, path: &Path) -> bool {
        let name = path.file_name().map_or(path, Path::new);
        self.pattern.is_match(if self.whole_path { path } else { name })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let summary = format!("`{}` of a chart cannot be read: {error}", path.display());
    Failure::new(Class::Config, "CHART_INVALID", summary)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::host::files::write;

    fn hash(chart: &Path) -> String {
        let mut hash = Fingerprint::default();
        add(&mut hash, chart).unwrap();
        hash.hex()
    }

    fn chart(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(&folder.path().join(name), text.as_bytes(), 0o644).unwrap();
        }
        folder
    }

    const BASE: &[(&str, &str)] = &[("Chart.yaml", "name: demo"), ("templates/a.yaml", "a")];

    #[test]
    fn content_and_names_count_and_the_folder_does_not() {
        let folder = chart(BASE);
        let first = hash(folder.path());
        assert_eq!(first, hash(chart(BASE).path()));
        let template = folder.path().join("templates/a.yaml");
        write(&template, b"b", 0o644).unwrap();
        let second = hash(folder.path());
        fs::rename(&template, folder.path().join("templates/b.yaml")).unwrap();
        let third = hash(folder.path());
        assert!(first != second && second != third);
        assert_ne!(hash(&folder.path().join("Chart.yaml")), third);
    }

    #[test]
    fn what_helm_ignores_does_not_count() {
        let rules = (".helmignore", "# data\ndata/\n*.md\n/top.txt\n");
        let with = |extra: &[(&str, &str)]| hash(chart(&[BASE, &[rules], extra].concat()).path());
        let plain = with(&[]);
        for ignored in [
            "data/set.csv",
            "deep/data/x",
            "README.md",
            "deep/x.md",
            "top.txt",
            ".git/x",
            "templates/.a.swp",
        ] {
            assert_eq!(with(&[(ignored, "1")]), plain, "{ignored}");
        }
        for read in ["data", "deep/top.txt", "files/x.json"] {
            assert_ne!(with(&[(read, "1")]), plain, "{read}");
        }
        let inverted = |extra: &[(&str, &str)]| {
            let rules = (".helmignore", "!*.yaml\n");
            hash(chart(&[&[("Chart.yaml", "name: demo"), rules], extra].concat()).path())
        };
        assert_eq!(inverted(&[]), inverted(&[("x.txt", "1")]));
        assert_ne!(inverted(&[]), inverted(&[("values.yaml", "1")]));
    }

    #[test]
    fn links_are_followed_and_circles_are_told() {
        let (folder, outside) = (chart(BASE), chart(&[("x.yaml", "1")]));
        symlink(outside.path(), folder.path().join("templates/shared")).unwrap();
        let before = hash(folder.path());
        write(&outside.path().join("x.yaml"), b"2", 0o644).unwrap();
        assert_ne!(before, hash(folder.path()));
        symlink(folder.path(), folder.path().join("templates/again")).unwrap();
        let failure = add(&mut Fingerprint::default(), folder.path()).unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Config, "CHART_INVALID"));
    }
}
