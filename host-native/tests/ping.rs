//! `wharfinger ping` against servers that answer, answer wrongly, late or not at all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

const REGISTRY: &str =
    "HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Length: 2\r\n\r\n{}";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command.arg("ping").args(arguments).stdin(Stdio::null()).env_remove("WHARFINGER_CONFIG");
    command
}

fn ping(arguments: &[&str]) -> Output {
    command(arguments).output().expect("starts")
}

/// Answers one connection after the other; it must be asked for exactly these answers.
fn serve(answers: Vec<&'static str>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("an address");
    let thread = std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().expect("a client");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
            let mut stream = BufReader::new(stream);
            let mut lines = Vec::new();
            while lines.last().is_none_or(|line| line != "\r\n") {
                let mut line = String::new();
                stream.read_line(&mut line).expect("a line of a head");
                lines.push(line);
            }
            assert_eq!(lines[0], "GET /v2/ HTTP/1.1\r\n");
            stream.get_mut().write_all(answer.as_bytes()).expect("a client that reads");
        }
    });
    (at, thread)
}

#[track_caller]
fn assert_said(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let said = (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(said, (Some(code), stdout.to_owned(), stderr.to_owned()));
}

#[test]
fn a_registry_answers_wherever_it_was_looked_for() {
    let unauthorized = "HTTP/1.1 401 Unauthorized\r\nDocker-Distribution-Api-Version: registry/2.0\r\n\r\n";
    let (at, server) = serve(vec![REGISTRY, REGISTRY, REGISTRY, unauthorized]);
    let answered = format!("http://{at} answers: registry/2.0\n");
    assert_said(&ping(&[&format!("http://{at}")]), 0, &answered, "");
    assert_said(&ping(&[&format!("http://{at}/")]), 0, &answered, "");
    // Everywhere is here.
    assert_said(&ping(&["--listen", &format!("0.0.0.0:{}", at.port())]), 0, &answered, "");
    assert_said(&ping(&["--listen", &at.to_string()]), 0, &answered, "");
    server.join().expect("all answers were asked for");
}

#[test]
fn anything_else_is_told_in_one_sentence() {
    let (at, server) = serve(vec![
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nDocker-Distribution-Api-Version: registry/2.0\r\n\r\n",
        "220 mail.example.org ESMTP\r\n\r\n",
        "",
    ]);
    for why in [
        "the answer (200 OK) is not that of a registry; check what answers there",
        "the answer (503 Service Unavailable) is not that of a registry; check what answers there",
        "the answer is not HTTP/1.1; check what answers there",
        "the connection was closed without an answer; check the server's log, and whether it wants https://",
    ] {
        let output = ping(&[&format!("http://{at}")]);
        assert_said(&output, 1, "", &format!("wharfinger: http://{at}: {why}\n"));
    }
    server.join().expect("all answers were asked for");
    let refused = "it cannot be reached (Connection refused (os error 111)); check that it runs there";
    let output = ping(&["--listen", &at.to_string()]);
    assert_said(&output, 1, "", &format!("wharfinger: http://{at}: {refused}\n"));
    let why = "the configured port is 0, which takes any free port; name the URL to ask";
    assert_said(&ping(&["--listen", "127.0.0.1:0"]), 2, "", &format!("wharfinger: {why}\n"));
}

#[test]
fn waiting_ends_at_the_first_answer_of_a_registry() {
    let (at, server) = serve(vec!["", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", REGISTRY]);
    let output = ping(&["--wait", "20", &format!("http://{at}")]);
    assert_said(&output, 0, &format!("http://{at} answers: registry/2.0\n"), "");
    server.join().expect("all answers were asked for");
}

#[test]
fn waiting_bridges_the_time_until_somebody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("an address");
    drop(listener);
    let mut child = command(&["--wait", "20", &format!("http://{at}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // Long enough for tries in vain; it must work as well if there was none.
    std::thread::sleep(Duration::from_millis(300));
    let listener = TcpListener::bind(at).expect("the same port");
    let (mut stream, _) = listener.accept().expect("a client");
    let count = stream.read(&mut [0; 4096]).expect("a request");
    assert!(count > 0);
    stream.write_all(REGISTRY.as_bytes()).expect("a client that reads");
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

#[test]
fn waiting_ends_in_time_with_the_last_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("an address");
    drop(listener);
    let began = std::time::Instant::now();
    let output = ping(&["--wait", "0.5", &format!("http://{at}")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Connection refused"));
    assert!(began.elapsed() >= Duration::from_millis(350), "{:?}", began.elapsed());
}
