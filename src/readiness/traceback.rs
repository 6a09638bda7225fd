//! Where a program broke off, as the tracebacks of Python, Java, Go and Node tell it.

/// The exception that ended a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raised<'l> {
    /// The line that names it, by its place among the lines.
    pub(super) at: usize,
    /// Where its traceback begins, earlier causes included.
    pub(super) from: usize,
    /// What it says: `KeyError: 'price'`.
    pub(super) words: &'l str,
    /// The frame nearest to it: `File "/app/main.py", line 41, in load_model`.
    pub(super) frame: Option<&'l str>,
    /// The nearest one of the program's own code, where that is another: the others are of libraries.
    pub(super) own: Option<&'l str>,
}

/// The last exception in these lines, if there is one.
pub(super) fn last<'l>(lines: &[&'l str]) -> Option<Raised<'l>> {
    [python(lines), java(lines), go(lines), node(lines)]
        .into_iter()
        .flatten()
        .max_by_key(|raised| raised.at)
}

const PYTHON: &str = "Traceback (most recent call last)";

/// The line after the frames of the last traceback; loggers may put words before each line.
fn python<'l>(lines: &[&'l str]) -> Option<Raised<'l>> {
    let start = lines.iter().rposition(|line| line.contains(PYTHON))?;
    let frames = |line: &&str| line.trim_start().starts_with("File \"");
    let last_frame = lines[start..].iter().rposition(frames).map(|at| start + at);
    let after = last_frame.unwrap_or(start) + 1;
    let at = (after..lines.len()).find(|&at| is_exception(lines[at]))?;
    // "During handling of the above exception" and its like stand between the parts of one story.
    let mut from = start;
    while let Some(earlier) = lines[..from].iter().rposition(|line| line.contains(PYTHON)) {
        let joined = lines[earlier..from]
            .iter()
            .any(|line| line.contains("above exception") || line.contains("RemoteTraceback"));
        if !joined {
            break;
        }
        from = earlier;
    }
    let frame = last_frame.map(|at| lines[at].trim());
    let told = &lines[from..at];
    let own = told.iter().rev().map(|line| line.trim()).find(|line| is_own(line));
    let own = own.filter(|own| Some(*own) != frame);
    Some(Raised { at, from, words: lines[at].trim(), frame, own })
}

/// Where Python keeps what is not the program's own.
const LIBRARIES: [&str; 6] =
    ["site-packages/", "dist-packages/", "/lib/python", "/bin/", "\"<", ".pyx\""];

fn is_own(line: &str) -> bool {
    line.starts_with("File \"") && !LIBRARIES.iter().any(|known| line.contains(known))
}

/// `module.Class: words` or `Class` alone, without a space before the colon.
fn is_exception(line: &str) -> bool {
    let name = line.split(": ").next().unwrap_or(line).trim_end_matches(':');
    let class = name.rsplit('.').next().unwrap_or(name);
    !line.starts_with(' ')
        && class.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// The innermost `Caused by`, else the exception of the thread.
fn java<'l>(lines: &[&'l str]) -> Option<Raised<'l>> {
    let from = lines.iter().rposition(|line| line.starts_with("Exception in thread"))?;
    let cause = lines[from..].iter().rposition(|line| line.starts_with("Caused by: "));
    let at = from + cause.unwrap_or_default();
    let words = lines[at].trim_start_matches("Caused by: ");
    let frame = lines[at + 1..].iter().find(|line| line.trim_start().starts_with("at "));
    Some(Raised { at, from, words, frame: frame.map(|line| line.trim()), own: None })
}

/// `panic: ...`, and the first line of a source after it that is not the runtime's.
fn go<'l>(lines: &[&'l str]) -> Option<Raised<'l>> {
    let at = lines
        .iter()
        .rposition(|line| line.starts_with("panic: ") || line.starts_with("fatal error: "))?;
    let frame = lines[at..]
        .iter()
        .map(|line| line.trim())
        .find(|line| line.contains(".go:") && !line.contains("/runtime/"));
    Some(Raised { at, from: at, words: lines[at], frame, own: None })
}

/// `TypeError: ...` with frames `at ... (/app/index.js:3:9)` below it.
fn node<'l>(lines: &[&'l str]) -> Option<Raised<'l>> {
    let is_frame = |line: &str| line.starts_with("    at ") && line.contains(':');
    let at = (0..lines.len()).rev().find(|&at| {
        is_exception(lines[at])
            && lines.get(at + 1..).into_iter().flatten().take(4).any(|line| is_frame(line))
    })?;
    let frame = lines[at + 1..].iter().find(|line| is_frame(line) && !line.contains("node:"));
    Some(Raised {
        at,
        from: at,
        words: lines[at].trim(),
        frame: frame.map(|line| line.trim()),
        own: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ends(log: &str, words: &str, frame: &str) {
        let lines: Vec<&str> = log.lines().collect();
        let raised = last(&lines).unwrap();
        assert_eq!((raised.words, raised.frame), (words, Some(frame)), "{raised:?}");
    }

    #[test]
    fn each_language_tells_where_it_broke_off() {
        ends(
            "INFO start\nTraceback (most recent call last):\n  File \"/app/a.py\", line 3, in <module>\n    main()\n  File \"/app/b.py\", line 9, in main\n    x = d['price']\n        ~^^^^^\nKeyError: 'price'\nINFO end\n",
            "KeyError: 'price'",
            "File \"/app/b.py\", line 9, in main",
        );
        ends(
            "Exception in thread \"main\" java.lang.RuntimeException: no\n\tat a.B.c(B.java:3)\nCaused by: java.net.ConnectException: Connection refused\n\tat a.D.e(D.java:7)\n\t... 2 more\n",
            "java.net.ConnectException: Connection refused",
            "at a.D.e(D.java:7)",
        );
        ends(
            "panic: runtime error: index out of range [3] with length 2\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:12 +0x1d\n",
            "panic: runtime error: index out of range [3] with length 2",
            "/app/main.go:12 +0x1d",
        );
        ends(
            "node:internal/process:1\nTypeError: x is not a function\n    at Object.<anonymous> (/app/index.js:3:9)\n    at node:internal/main/run:2:1\n",
            "TypeError: x is not a function",
            "at Object.<anonymous> (/app/index.js:3:9)",
        );
    }

    #[test]
    fn the_frame_of_the_programs_own_code_is_told_from_those_of_libraries() {
        let log = "Traceback (most recent call last):\n  File \"/dags/split.py\", line 88, in drift\n    x = y\n  File \"/usr/lib/python3/site-packages/pandas/frame.py\", line 3813, in __getitem__\n    z\nKeyError: 'price'\n";
        let lines: Vec<&str> = log.lines().collect();
        let raised = last(&lines).unwrap();
        assert_eq!(raised.own, Some("File \"/dags/split.py\", line 88, in drift"));
        assert!(raised.frame.unwrap().contains("pandas"));
    }

    #[test]
    fn a_story_of_several_tracebacks_is_read_as_one() {
        let log = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nOSError: refused\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\", line 2, in f\napp.errors.StartError\n";
        let lines: Vec<&str> = log.lines().collect();
        let raised = last(&lines).unwrap();
        assert_eq!((raised.from, raised.words), (0, "app.errors.StartError"));
        assert_eq!(last(&["INFO: all is well", "Note: nothing"]), None);
    }
}
