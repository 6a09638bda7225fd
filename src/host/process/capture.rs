//! What a command prints: told line by line as it comes, and kept from both ends within a bound, so
//! that a chatty tool costs no memory.

use std::collections::VecDeque;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::event::Stream;
use crate::host::cmd::LineSink;

/// Longest line that is told; the rest of a longer one is only kept.
const LINE_LIMIT: usize = 16 * 1024;

/// One stream of a command.
pub(super) struct Capture {
    head: Vec<u8>,
    head_limit: usize,
    tail: VecDeque<u8>,
    tail_limit: usize,
    left_out: u64,
}

impl Capture {
    /// Room for what is parsed: a compose model of some hundred services takes about a megabyte.
    pub(super) fn stdout() -> Self {
        Self::with_limits(4 << 20, 512 << 10)
    }

    /// Room for what is read by people.
    pub(super) fn stderr() -> Self {
        Self::with_limits(512 << 10, 512 << 10)
    }

    fn with_limits(head_limit: usize, tail_limit: usize) -> Self {
        Self { head: Vec::new(), head_limit, tail: VecDeque::new(), tail_limit, left_out: 0 }
    }

    /// Reads to the end of the stream. An error ends it too: the command's own end says more.
    pub(super) async fn fill(
        &mut self,
        mut from: Receiver,
        stream: Stream,
        sink: Option<&LineSink>,
    ) {
        let mut lines = Lines::new(stream, sink);
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            self.keep(&buffer[..count]);
            lines.take(&buffer[..count]);
        }
        lines.finish();
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.head_limit.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.tail_limit);
        self.tail.drain(..surplus);
        self.left_out += surplus as u64;
    }

    /// All that was kept, a note in place of what was not.
    pub(super) fn into_text(self) -> String {
        let mut bytes = self.head;
        if self.left_out > 0 {
            bytes.extend_from_slice(format!("\n[{} bytes left out]\n", self.left_out).as_bytes());
        }
        bytes.extend(self.tail);
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// Cuts bytes into lines. A line that nobody ended is told when the stream ends.
struct Lines<'a> {
    stream: Stream,
    sink: Option<&'a LineSink>,
    line: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(stream: Stream, sink: Option<&'a LineSink>) -> Self {
        Self { stream, sink, line: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.sink.is_none() {
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_LIMIT.saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(&piece[..room]);
            if piece.ends_with(b"\n") {
                self.tell();
            }
        }
    }

    fn finish(mut self) {
        if !self.line.is_empty() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if let Some(sink) = self.sink {
            let text = String::from_utf8_lossy(&self.line);
            sink(self.stream, text.trim_end_matches(['\n', '\r']));
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn short_output_is_kept_whole() {
        let mut capture = Capture::with_limits(8, 8);
        capture.keep(b"hello ");
        capture.keep(b"world");
        assert_eq!(capture.into_text(), "hello world");
    }

    #[test]
    fn long_output_keeps_both_ends_and_says_so() {
        let mut capture = Capture::with_limits(4, 4);
        capture.keep(b"abcdefghijkl");
        assert_eq!(capture.into_text(), "abcd\n[4 bytes left out]\nijkl");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let mut capture = Capture::with_limits(8, 8);
        capture.keep(b"a\xffb");
        assert_eq!(capture.into_text(), "a\u{fffd}b");
    }

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        let sink: LineSink = Arc::new(move |_, line| keep.lock().unwrap().push(line.to_owned()));
        let mut lines = Lines::new(Stream::Stdout, Some(&sink));
        for piece in pieces {
            lines.take(piece);
        }
        lines.finish();
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[test]
    fn lines_are_put_together_across_reads() {
        assert_eq!(told(&[b"one\ntw", b"o\r\n", b"\nend"]), ["one", "two", "", "end"]);
    }

    #[test]
    fn a_huge_line_is_cut() {
        let told = told(&[&vec![b'x'; 3 * LINE_LIMIT], b"\nnext\n"]);
        assert_eq!(told[0].len(), LINE_LIMIT);
        assert_eq!(told[1], "next");
    }
}
