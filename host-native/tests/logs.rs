//! What the real server logs of its requests, and what it never logs.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const BODY: &str = "cargo that nobody else may see";
const CREDENTIALS: &str = "d2hhcmZpbmdlcjpmaW5nZXJ3aGFy";

/// The server with its whole log, and the address that it told.
fn start(data: &Path) -> (Child, BufReader<ChildStderr>, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_wharfinger"))
        .args(["--listen", "127.0.0.1:0", "--log", "json", "--log-level", "trace", "--data"])
        .arg(data)
        .env_remove("WHARFINGER_CONFIG")
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut log = BufReader::new(server.stderr.take().expect("a pipe"));
    let mut line = String::new();
    log.read_line(&mut line).expect("UTF-8");
    let address = line.split_once("http://").and_then(|(_, rest)| rest.split_once(','));
    let address = address.unwrap_or_else(|| panic!("no address in {line}")).0.to_owned();
    (server, log, address)
}

/// Sends a request; gives the head of the reply and its body.
fn ask(address: &str, method: &str, target: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("connects");
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Basic {CREDENTIALS}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .expect("sends");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("UTF-8");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a whole head");
    (head.to_owned(), body.to_owned())
}

fn location(head: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix("location: "));
    line.unwrap_or_else(|| panic!("no Location in {head}")).to_owned()
}

#[test]
fn every_request_has_one_line_and_no_line_has_a_secret() {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("logs-{}", std::process::id()));
    let (mut server, mut log, address) = start(&data);
    let begun = location(&ask(&address, "POST", "/v2/a/blobs/uploads/", "").0);
    let went_on = location(&ask(&address, "PATCH", &begun, BODY).0);
    let wrong = format!("{went_on}&digest=sha256:{}", "0".repeat(64));
    let refused = ask(&address, "PUT", &wrong, "").1;
    ask(&address, "GET", "/v2/a/tags/list?n=5", "");

    kill_process(Pid::from_child(&server), Signal::TERM).expect("signals");
    let mut text = String::new();
    log.read_to_string(&mut text).expect("UTF-8");
    assert!(server.wait().expect("ends").success(), "{text}");

    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let mut requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    // A client may be told the end of its reply before the line is written, and send the next request.
    requests.sort_by_key(|line| line["method"].as_str());
    let told: Vec<_> =
        requests.iter().map(|line| (line["method"].as_str(), line["status"].as_u64())).collect();
    let expected = [("GET", 404), ("PATCH", 202), ("POST", 202), ("PUT", 400)];
    assert_eq!(told, expected.map(|(method, status)| (Some(method), Some(status))));
    assert_eq!(requests[3]["bytes"], refused.len());
    assert_eq!(requests[0]["path"], "/v2/a/tags/list");
    for line in &requests {
        assert!(line["ms"].is_u64() && line["cut"] == false && line["level"] == "INFO", "{line}");
        let id = line["id"].as_str().expect("a text");
        assert_eq!(requests.iter().filter(|other| other["id"] == id).count(), 1, "{text}");
    }

    let secret = fs::read(data.join("secret")).expect("reads");
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let listed = format!("{:?}", &secret[..8]).replace(']', "");
    let tokens =
        [&begun, &went_on].map(|location| location.split_once("state=").expect("a token").1.to_owned());
    for hidden in [BODY, CREDENTIALS, &hex, &listed, &tokens[0], &tokens[1]] {
        assert!(!text.contains(hidden), "{hidden} is logged: {text}");
    }
    fs::remove_dir_all(&data).expect("removes");
}
