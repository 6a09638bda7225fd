//! What an image would be built from, as one hash: the Dockerfile, and every file of the context
//! that `.dockerignore` lets through, with path, mode and content. The same inputs give the same
//! hash on every machine.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::event::Fix;
use crate::host::fingerprint::Fingerprint;
use crate::policy::{Class, Failure};

/// The hash of what an image is built from, in hex.
///
/// # Errors
/// `CONTEXT_UNREADABLE`: the context, the Dockerfile or a file that is sent cannot be read.
pub fn inputs_hash(
    context: &Path,
    dockerfile: &str,
    platform: Option<&str>,
) -> Result<String, Failure> {
    let dockerfile_path = context.join(dockerfile);
    let recipe =
        fs::read(&dockerfile_path).map_err(|error| unreadable(&dockerfile_path, &error))?;
    let ignored = Ignored::read(context, dockerfile)?;
    let mut files = Vec::new();
    collect(context, Path::new(""), &ignored, &mut files)?;
    files.sort();
    let mut hash = Fingerprint::default();
    hash.part(platform.unwrap_or_default().as_bytes());
    hash.part(dockerfile.as_bytes());
    hash.part(&recipe);
    for file in &files {
        let path = context.join(file);
        add(&mut hash, file, &path).map_err(|error| unreadable(&path, &error))?;
    }
    Ok(hash.hex())
}

fn add(hash: &mut Fingerprint, name: &Path, path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    hash.part(name.as_os_str().as_encoded_bytes());
    if metadata.is_symlink() {
        hash.part(b"link");
        hash.part(fs::read_link(path)?.as_os_str().as_encoded_bytes());
        return Ok(());
    }
    hash.part(&(metadata.permissions().mode() & 0o777).to_le_bytes());
    hash.file(path)
}

/// Lists files and links below a folder, by their path in the context.
fn collect(
    context: &Path,
    folder: &Path,
    ignored: &Ignored,
    files: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let path = context.join(folder);
    let entries = fs::read_dir(&path).map_err(|error| unreadable(&path, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&path, &error))?;
        let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
        let name = folder.join(entry.file_name());
        let left_out = ignored.leaves_out(&name);
        if kind.is_dir() && !(left_out && ignored.is_final()) {
            collect(context, &name, ignored, files)?;
        } else if !left_out && (kind.is_file() || kind.is_symlink()) {
            files.push(name);
        }
    }
    Ok(())
}

/// The rules of the ignore files. Where there are two, `.dockerignore` and the one beside the
/// Dockerfile that only `BuildKit` reads, a path is left out when both leave it out: the hash then
/// covers what either builder sends.
struct Ignored {
    files: Vec<Vec<Rule>>,
}

struct Rule {
    pattern: GlobMatcher,
    leaves_out: bool,
}

impl Ignored {
    fn read(context: &Path, dockerfile: &str) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for name in [".dockerignore".to_owned(), format!("{dockerfile}.dockerignore")] {
            let path = context.join(name);
            match fs::read_to_string(&path) {
                Ok(text) => files.push(text.lines().filter_map(Rule::parse).collect()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, &error)),
            }
        }
        Ok(Self { files })
    }

    fn leaves_out(&self, path: &Path) -> bool {
        !self.files.is_empty() && self.files.iter().all(|rules| last_word(rules, path))
    }

    /// Whether nothing below a folder that is left out can come back.
    fn is_final(&self) -> bool {
        self.files.iter().flatten().all(|rule| rule.leaves_out)
    }
}

/// The last rule that matches the path or a folder above it decides (Docker, "`.dockerignore`
/// file").
fn last_word(rules: &[Rule], path: &Path) -> bool {
    let matches = |rule: &&Rule| {
        path.ancestors().any(|part| part != Path::new("") && rule.pattern.is_match(part))
    };
    rules.iter().rev().find(matches).is_some_and(|rule| rule.leaves_out)
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (text, leaves_out) = match line.strip_prefix('!') {
            Some(rest) => (rest.trim(), false),
            None => (line, true),
        };
        let text = text.trim_start_matches("./").trim_matches('/');
        let pattern = GlobBuilder::new(text).literal_separator(true).build().ok()?;
        Some(Self { pattern: pattern.compile_matcher(), leaves_out })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "this user has no permission".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(
        Class::Config,
        "CONTEXT_UNREADABLE",
        format!("`{}`, which an image is built from, cannot be read: {reason}", path.display()),
    )
    .fix(Fix::safe("correct `build` of the `[[image]]`, or leave the file out in .dockerignore"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files::write;

    fn context(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(&folder.path().join(name), text.as_bytes(), 0o644).unwrap();
        }
        folder
    }

    fn hash(folder: &tempfile::TempDir) -> String {
        inputs_hash(folder.path(), "Dockerfile", None).unwrap()
    }

    const BASE: &[(&str, &str)] = &[("Dockerfile", "FROM scratch"), ("src/a.py", "a")];

    #[test]
    fn the_same_files_give_the_same_hash_anywhere() {
        let first = hash(&context(BASE));
        assert_eq!(first, hash(&context(BASE)));
        assert_eq!(first.len(), 64);
    }

    #[test]
    fn content_name_mode_dockerfile_and_platform_count() {
        let folder = context(BASE);
        let mut seen = vec![hash(&folder)];
        let a = folder.path().join("src/a.py");
        write(&a, b"b", 0o644).unwrap();
        seen.push(hash(&folder));
        write(&a, b"b", 0o755).unwrap();
        seen.push(hash(&folder));
        fs::rename(&a, folder.path().join("src/b.py")).unwrap();
        seen.push(hash(&folder));
        write(&folder.path().join("Dockerfile"), b"FROM other", 0o644).unwrap();
        seen.push(hash(&folder));
        seen.push(inputs_hash(folder.path(), "Dockerfile", Some("linux/arm64")).unwrap());
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn what_is_ignored_does_not_count() {
        let with_rules = |extra: &[(&str, &str)]| {
            let rules = "# data\n/data/\n**/*.pyc\n*.log\n!keep.log\n";
            let files = [BASE, &[(".dockerignore", rules)], extra].concat();
            hash(&context(&files))
        };
        let plain = with_rules(&[]);
        assert_eq!(plain, with_rules(&[("data/set.csv", "1")]));
        assert_eq!(plain, with_rules(&[("src/deep/a.pyc", "1")]));
        assert_eq!(plain, with_rules(&[("x.log", "1")]));
        assert_ne!(plain, with_rules(&[("keep.log", "1")]));
        assert_ne!(plain, with_rules(&[("src/x.log", "1")]));
    }

    #[test]
    fn an_exception_below_an_ignored_folder_counts() {
        let with = |text: &str| {
            let rules = (".dockerignore", "data\n!data/schema.sql\n");
            hash(&context(&[BASE, &[rules, ("data/schema.sql", text)]].concat()))
        };
        assert_ne!(with("1"), with("2"));
    }

    #[test]
    fn a_missing_context_is_named() {
        let failure = inputs_hash(Path::new("/nowhere"), "Dockerfile", None).unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Config, "CONTEXT_UNREADABLE"));
        assert!(failure.summary.contains("/nowhere/Dockerfile"), "{}", failure.summary);
    }
}
