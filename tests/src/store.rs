//! Runs `wharfinger store` for a test.

use std::io::Write;
use std::process::{Command, Stdio};

/// What a command printed, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it wrote to standard output.
    pub bytes: Vec<u8>,
    /// What it wrote to standard error.
    pub said: String,
}

impl Ran {
    /// Runs a command to its end, with this on its standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn of(mut command: Command, input: &[u8]) -> Self {
        command.env_remove("WHARFINGER_CONFIG");
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it has an input");
        let output = std::thread::scope(|scope| {
            // It may end without reading all of it.
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().expect("it ends")
        });
        Self {
            code: output.status.code().unwrap_or(-1),
            bytes: output.stdout,
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What it printed, after it ended well and without complaint.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!((self.code, self.said.as_str()), (0, ""));
        String::from_utf8(self.bytes).expect("text")
    }

    /// What it complained of, in one line, after it ended with this code.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn bad(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}", self.said);
        assert_eq!(self.said.lines().count(), 1, "{}", self.said);
        self.said
    }
}
