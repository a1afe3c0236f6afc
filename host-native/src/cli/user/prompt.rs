use std::io::{self, IsTerminal as _, Read as _, Write as _};

use async_signal::{Signal, Signals};
use futures_lite::{FutureExt as _, StreamExt as _};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Asks for a new password: at a terminal twice, without showing it, otherwise for one line of standard input.
pub(super) fn new_password(user: Option<&str>) -> Result<String, String> {
    if !io::stdin().is_terminal() {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(LINE_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| format!("cannot read standard input: {error}"))?;
        return line(bytes);
    }
    let whose = user.map(|user| format!(" for {user}")).unwrap_or_default();
    let first = ask(&format!("Password{whose}: "))?;
    let again = ask("Once more: ")?;
    if first != again {
        return Err("the two passwords differ; begin again".into());
    }
    Ok(first)
}

/// Asks for one line at the terminal.
fn ask(prompt: &str) -> Result<String, String> {
    // A signal that came before would leave the terminal as it is.
    let signals = Signals::new([Signal::Int, Signal::Term, Signal::Quit, Signal::Hup])
        .map_err(|error| format!("cannot wait for signals: {error}"))?;
    let hidden = Hidden::begin().map_err(|error| format!("cannot hide what is typed: {error}"))?;
    let mut terminal = io::stderr();
    // Without a place for the prompt, the question is still answered.
    let _ = write!(terminal, "{prompt}").and_then(|()| terminal.flush());
    let read = smol::block_on(read_line().or(interrupted(signals)));
    drop(hidden);
    let _ = writeln!(terminal);
    line(read?)
}

async fn read_line() -> Result<Vec<u8>, String> {
    let read = || {
        let mut line = Vec::new();
        let mut byte = [0];
        // A terminal hands out what was typed line by line; no byte of the next one is taken.
        while line.len() as u64 <= LINE_BYTES_MAX && io::stdin().lock().read(&mut byte)? == 1 {
            line.push(byte[0]);
            if byte == *b"\n" {
                break;
            }
        }
        Ok::<_, io::Error>(line)
    };
    smol::unblock(read).await.map_err(|error| format!("cannot read from the terminal: {error}"))
}

/// Ends with a signal that would end the process, and leave the terminal as it is.
async fn interrupted<T>(mut signals: Signals) -> Result<T, String> {
    let _ = signals.next().await;
    Err("interrupted; nothing was changed".into())
}

/// The password in a line.
fn line(mut bytes: Vec<u8>) -> Result<String, String> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.len() as u64 > LINE_BYTES_MAX {
        return Err(format!("the password is longer than {LINE_BYTES_MAX} bytes; choose a shorter one"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| "the password is no UTF-8, as which clients send it; choose another".to_owned())?;
    if text.contains(char::is_control) {
        return Err("a password must be one line without control characters; choose another".into());
    }
    Ok(text)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut modes = before.clone();
        modes
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK | LocalModes::ECHONL);
        modes.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
        // What was typed before is dropped: it was shown.
        tcsetattr(io::stdin(), OptionalActions::Flush, &modes)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

const LINE_BYTES_MAX: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_password_without_its_end() {
        for (bytes, password) in [("a b\n", "a b"), ("a\r\n", "a"), ("ä", "ä"), ("", ""), (" a \n", " a ")]
        {
            assert_eq!(line(bytes.into()).as_deref(), Ok(password), "{bytes:?}");
        }
        let long = "x".repeat(1024);
        assert_eq!(line(format!("{long}\n").into()), Ok(long.clone()));
        for refused in ["a\nb\n", "a\n\n", "a\rb", "\0", "\u{1b}[A", &format!("{long}x\n")] {
            assert!(line(refused.into()).is_err(), "{refused:?}");
        }
        assert!(line(vec![0xff]).is_err());
    }
}
