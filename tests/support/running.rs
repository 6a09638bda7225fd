//! A child process with piped output that a test can watch, signal and await, each with a limit
//! and none by sleeping.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mlup::event::{Event, Stream};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::output::Ran;

/// Longest run of any child: a test that needs longer is broken.
pub(crate) const LONGEST_RUN: Duration = Duration::from_secs(240);

/// What a child did.
enum News {
    Line(Stream, String),
    Closed,
    Ended(ExitStatus),
}

/// A child in a process group of its own; it dies with this value.
pub(crate) struct Running {
    pid: Pid,
    news: Receiver<News>,
    deadline: Instant,
    stdout: String,
    stderr: String,
    open_streams: u8,
    status: Option<ExitStatus>,
    /// How much of standard output has been searched for events.
    searched: usize,
}

impl Running {
    /// Starts the command.
    #[track_caller]
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pid = Pid::from_child(&child);
        let (tell, news) = channel();
        let streams: [(Stream, Box<dyn Read + Send>); 2] = [
            (Stream::Stdout, Box::new(child.stdout.take().unwrap())),
            (Stream::Stderr, Box::new(child.stderr.take().unwrap())),
        ];
        for (stream, pipe) in streams {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut pipe = BufReader::new(pipe);
                let mut line = Vec::new();
                while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    let _ = tell.send(News::Line(stream, text));
                    line.clear();
                }
                let _ = tell.send(News::Closed);
            });
        }
        std::thread::spawn(move || {
            if let Ok(status) = child.wait() {
                let _ = tell.send(News::Ended(status));
            }
        });
        let deadline = Instant::now() + LONGEST_RUN;
        let (stdout, stderr) = (String::new(), String::new());
        Self { pid, news, deadline, stdout, stderr, open_streams: 2, status: None, searched: 0 }
    }

    /// The child's process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits for the first event, not yet returned or passed over, that the test looks for.
    #[track_caller]
    pub(crate) fn wait_event(&mut self, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        loop {
            while let Some(length) = self.stdout[self.searched..].find('\n') {
                let line = &self.stdout[self.searched..self.searched + length];
                let event: Option<Event> = serde_json::from_str(line).ok();
                self.searched += length + 1;
                if let Some(event) = event.filter(&mut wanted) {
                    return event;
                }
            }
            self.expect_news("the event");
        }
    }

    /// Waits until standard error holds the text.
    #[track_caller]
    pub(crate) fn wait_stderr(&mut self, text: &str) {
        while !self.stderr.contains(text) {
            self.expect_news(text);
        }
    }

    /// Waits until standard output holds the text.
    #[track_caller]
    pub(crate) fn wait_stdout(&mut self, text: &str) {
        while !self.stdout.contains(text) {
            self.expect_news(text);
        }
    }

    /// Sends a signal to the child alone; `Signal::KILL` is what `kill -9` sends. One that has just
    /// ended by itself hears nothing: how it ended is what the test looks at.
    pub(crate) fn signal(&self, signal: Signal) {
        match kill_process(self.pid, signal) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends a signal to the child's process group, as a terminal does on Ctrl-C.
    pub(crate) fn signal_group(&self, signal: Signal) {
        kill_process_group(self.pid, signal).unwrap();
    }

    /// Waits for its end and the end of its output: a descendant that holds the output open fails
    /// the test.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ran {
        while self.status.is_none() || self.open_streams > 0 {
            let waited_for =
                if self.status.is_none() { "its end" } else { "the end of its output" };
            self.expect_news(waited_for);
        }
        self.so_far()
    }

    /// Waits for its end and leaves it open what descendants print.
    #[track_caller]
    pub(crate) fn wait_exit(mut self) -> Ran {
        while self.status.is_none() {
            self.expect_news("its end");
        }
        self.so_far()
    }

    #[track_caller]
    fn expect_news(&mut self, waited_for: &str) {
        let is_over = self.status.is_some() && self.open_streams == 0;
        let came = !is_over && self.take_news();
        assert!(came, "waited in vain for {waited_for}\n{}", self.so_far().report());
    }

    /// Takes in what happens next; false when nothing did until the deadline.
    fn take_news(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.news.recv_timeout(left) {
            Ok(News::Line(Stream::Stdout, line)) => self.stdout.push_str(&line),
            Ok(News::Line(Stream::Stderr, line)) => self.stderr.push_str(&line),
            Ok(News::Closed) => self.open_streams -= 1,
            Ok(News::Ended(status)) => self.status = Some(status),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn so_far(&self) -> Ran {
        Ran {
            code: self.status.and_then(|status| status.code()),
            signal: self.status.and_then(|status| status.signal()),
            stdout: self.stdout.clone(),
            stderr: self.stderr.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }
}
