use super::*;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged of the events in `body`.
fn logged(format: LogFormat, level: LogLevel, body: impl FnOnce()) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = subscriber(Log { format, level }, false, move || writer.clone());
    tracing::subscriber::with_default(subscriber, body);
    String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("UTF-8")
}

fn request(path: &str) {
    tracing::info!(
        method = "GET",
        path,
        status = 200_u16,
        bytes = 1234_u64,
        ms = 0.7,
        id = 42_u64,
        "request"
    );
}

#[test]
fn json_lines_are_json_with_the_fields_of_a_request() {
    let hostile = "/v2/\"a\\\n{\u{1b}[31mä";
    let text = logged(LogFormat::Json, LogLevel::Info, || {
        request("/v2/");
        let span = tracing::info_span!("connection", peer = "127.0.0.1:1");
        span.in_scope(|| request(hostile));
    });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["path"], "/v2/");
    assert_eq!(lines[1]["path"], hostile);
    for line in lines {
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "request");
        assert_eq!(line["method"], "GET");
        assert_eq!(line["status"], 200);
        assert_eq!(line["bytes"], 1234);
        assert_eq!(line["ms"], 0.7);
        assert_eq!(line["id"], 42);
        assert!(line["timestamp"].as_str().expect("a text").ends_with('Z'));
    }
}

#[test]
fn a_request_cannot_forge_a_line_for_people() {
    let text = logged(LogFormat::Human, LogLevel::Info, || request("/v2/\n2026 INFO forged\u{1b}[2J"));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("method=\"GET\"") && text.contains("status=200"), "{text}");
}

#[test]
fn levels_hold_for_our_own_and_libraries_only_warn() {
    let events = || {
        tracing::error!("own error");
        tracing::debug!("own debug");
        tracing::error!(target: "library", "library error");
        tracing::warn!(target: "library", "library warning");
        tracing::info!(target: "library", "library info");
    };
    let at = |level| {
        let text = logged(LogFormat::Json, level, events);
        let messages =
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line)["message"].to_string());
        messages.map(|message| message.trim_matches('"').to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(at(LogLevel::Error), ["own error", "library error"]);
    assert_eq!(at(LogLevel::Info), ["own error", "library error", "library warning"]);
    assert_eq!(at(LogLevel::Trace), ["own error", "own debug", "library error", "library warning"]);
}

#[test]
fn a_broken_writer_disturbs_nobody() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let log = Log { format: LogFormat::Human, level: LogLevel::Info };
    tracing::subscriber::with_default(subscriber(log, false, || Broken), || request("/v2/"));
}

#[test]
fn logging_starts_once() {
    let log = Log { format: LogFormat::Human, level: LogLevel::Error };
    assert_eq!(start(log), Ok(()));
    assert_eq!(start(log), Err(AlreadyStarted));
}
