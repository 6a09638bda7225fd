//! A pseudo terminal to run the program on: what it draws, how it takes a resize and a Ctrl-C,
//! and whether it leaves the terminal as it found it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use super::running::LONGEST_RUN;

enum News {
    Drawn(Vec<u8>),
    Ended(ExitStatus),
}

/// A program on a pseudo terminal of its own; it dies with this value.
pub(crate) struct Terminal {
    pid: Pid,
    keyboard: File,
    /// Held open: the terminal's modes can be read only while somebody holds it.
    screen: Option<File>,
    modes: Termios,
    news: Receiver<News>,
    drawn: Vec<u8>,
    status: Option<ExitStatus>,
    deadline: Instant,
}

/// How a program left its terminal.
#[derive(Debug)]
pub(crate) struct TerminalEnd {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// All that it drew, escape sequences included.
    pub(crate) drawn: String,
    /// Whether echo, line editing and signal keys are as before.
    pub(crate) modes_restored: bool,
}

impl TerminalEnd {
    /// Whether the cursor is visible: shown after it was last hidden.
    pub(crate) fn is_cursor_shown(&self) -> bool {
        self.drawn.rfind("\x1b[?25l") <= self.drawn.rfind("\x1b[?25h")
    }
}

impl Terminal {
    /// Starts the command, which must take its input for its controlling terminal.
    pub(crate) fn spawn(mut command: Command, columns: u16, rows: u16) -> Self {
        let keyboard =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let screen = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        tcsetwinsize(&screen, size(columns, rows)).unwrap();
        let modes = tcgetattr(&screen).unwrap();
        command.stdin(screen.try_clone().unwrap());
        command.stdout(screen.try_clone().unwrap()).stderr(screen.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        // The command holds the screen too.
        drop(command);
        let pid = Pid::from_child(&child);
        let keyboard = File::from(keyboard);
        let (tell, news) = channel();
        let (mut eye, see) = (keyboard.try_clone().unwrap(), tell.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = eye.read(&mut buffer) {
                let _ = see.send(News::Drawn(buffer[..length].to_vec()));
            }
        });
        std::thread::spawn(move || {
            if let Ok(status) = child.wait() {
                let _ = tell.send(News::Ended(status));
            }
        });
        Self {
            pid,
            keyboard,
            screen: Some(screen),
            modes,
            news,
            drawn: Vec::new(),
            status: None,
            deadline: Instant::now() + LONGEST_RUN,
        }
    }

    /// Changes the size, which also tells the program.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        tcsetwinsize(&self.keyboard, size(columns, rows)).unwrap();
    }

    /// Types the text; `\x03` is Ctrl-C.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits until the text, which may hold escape sequences, was drawn.
    #[track_caller]
    pub(crate) fn wait_drawn(&mut self, text: &str) {
        while !self.drawn().contains(text) {
            assert!(self.take_news(self.deadline), "waited in vain for {text}\n{}", self.drawn());
        }
    }

    /// All that was drawn so far.
    pub(crate) fn drawn(&self) -> String {
        String::from_utf8_lossy(&self.drawn).into_owned()
    }

    /// Waits for the program's end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> TerminalEnd {
        while self.status.is_none() {
            assert!(self.take_news(self.deadline), "waited in vain for its end\n{}", self.drawn());
        }
        let modes = self.screen.as_ref().map(|screen| tcgetattr(screen).unwrap());
        // The reading thread ends once nobody holds the screen; all is read then.
        self.screen = None;
        while self.take_news(self.deadline) {}
        TerminalEnd {
            code: self.status.and_then(|status| status.code()),
            signal: self.status.and_then(|status| status.signal()),
            drawn: self.drawn(),
            modes_restored: modes.is_some_and(|after| same_modes(&self.modes, &after)),
        }
    }

    /// Takes in what happens next; false when nothing did until then.
    fn take_news(&mut self, until: Instant) -> bool {
        match self.news.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(News::Drawn(bytes)) => self.drawn.extend(bytes),
            Ok(News::Ended(status)) => self.status = Some(status),
            Err(_) => return false,
        }
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn same_modes(before: &Termios, after: &Termios) -> bool {
    before.input_modes == after.input_modes
        && before.output_modes == after.output_modes
        && before.local_modes == after.local_modes
}
