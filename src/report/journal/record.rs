//! One entry of the journal, and the two ways to write it: with fields, as
//! `systemd.io/JOURNAL_NATIVE_PROTOCOL` has it, or as lines with their priority in front, as
//! `sd-daemon(3)` has them.

/// How much an entry matters, as `syslog(3)` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Priority {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
    Debug = 7,
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) priority: Priority,
    /// For people; may have several lines.
    pub(super) message: String,
    /// Names of upper case letters, digits and underscores, with their values.
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Record {
    pub(super) fn new(priority: Priority, message: impl Into<String>) -> Self {
        Self { priority, message: message.into(), fields: Vec::new() }
    }

    /// With one more field.
    pub(super) fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// With one more field, where there is a value.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, &value),
            None => self,
        }
    }

    /// The entry as a datagram to the journal.
    pub(super) fn native(&self) -> Vec<u8> {
        let mut datagram = Vec::new();
        let priority = (self.priority as u8).to_string();
        field(&mut datagram, "MESSAGE", &self.message);
        field(&mut datagram, "PRIORITY", &priority);
        field(&mut datagram, "SYSLOG_IDENTIFIER", "mlup");
        for (name, value) in &self.fields {
            field(&mut datagram, name, value);
        }
        datagram
    }

    /// The entry as lines of a stream that the journal reads.
    pub(super) fn lines(&self) -> String {
        prefixed(self.priority, &self.message)
    }
}

/// Each line with its priority in front.
pub(super) fn prefixed(priority: Priority, text: &str) -> String {
    let priority = (priority as u8).to_string();
    text.lines().flat_map(|line| ["<", &priority, ">", line, "\n"]).collect()
}

/// A value with a line break is written with its length, little endian, in place of `=`.
fn field(datagram: &mut Vec<u8>, name: &str, value: &str) {
    datagram.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        datagram.push(b'\n');
        datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        datagram.push(b'=');
    }
    datagram.extend_from_slice(value.as_bytes());
    datagram.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_datagram_of_fields() {
        let record =
            Record::new(Priority::Info, "deploy/stack ready").with("MLUP_STEP", "deploy/stack");
        let expected = "MESSAGE=deploy/stack ready\nPRIORITY=6\nSYSLOG_IDENTIFIER=mlup\n\
                        MLUP_STEP=deploy/stack\n";
        assert_eq!(String::from_utf8(record.native()).unwrap(), expected);
    }

    #[test]
    fn no_value_can_add_a_field() {
        let record = Record::new(Priority::Error, "one\nPRIORITY=0");
        let mut expected = b"MESSAGE\n".to_vec();
        expected.extend_from_slice(&[14, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(b"one\nPRIORITY=0\nPRIORITY=3\nSYSLOG_IDENTIFIER=mlup\n");
        assert_eq!(record.native(), expected);
    }

    #[test]
    fn each_line_of_a_stream_has_its_priority() {
        assert_eq!(Record::new(Priority::Warning, "one\ntwo").lines(), "<4>one\n<4>two\n");
    }
}
