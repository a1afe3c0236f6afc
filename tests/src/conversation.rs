//! Conversations: text files that say what is sent to a registry and what must come back.
//!
//! The format is described in `tests/conversations/README.md`. A conversation is read by [`Conversation::read`] and
//! held by [`Conversation::run`] over a raw socket with a client of its own, so that what is checked is what was sent.

mod check;
mod client;
mod folder;
mod kind;
mod multipart;
mod script;
#[cfg(test)]
mod self_test;
mod value;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use client::Reply;
use client::{Connection, Request, shown};
pub use kind::Kind;
use script::{Action, End, Exchange, Script, Stated};
use value::Values;

/// One conversation.
#[derive(Clone, Debug)]
pub struct Conversation {
    path: PathBuf,
    script: Script,
}

/// Why a conversation failed; its text is for the person who reads the test's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `file:line: what was expected and what came`, one per line, then both messages.
    pub text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Conversation {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure { text: format!("{}: cannot be read: {error}", path.display()) })?;
        Self::parse(path, &text)
    }

    /// Reads a text; `path` gives the name.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let failure = |text| Failure { text };
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(valid) {
            return Err(failure(format!("{}: a file is named with a-z, 0-9 and `-`", path.display())));
        }
        match Script::parse(text) {
            Ok(script) => Ok(Self { path: path.to_owned(), script }),
            Err(error) => Err(failure(format!("{}:{}: {}", path.display(), error.line, error.message))),
        }
    }

    /// The file's name without its ending; the last part of its repository's name.
    pub fn name(&self) -> String {
        self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Which server it needs.
    pub fn server(&self) -> Kind {
        self.script.server
    }

    /// Holds the conversation with the server at this address.
    pub fn run(&self, server: SocketAddr) -> Result<(), Failure> {
        self.hold(server).map(drop)
    }

    /// Holds the conversation with the server at this address, and tells all replies: what asked for each, and
    /// what came.
    pub fn hold(&self, server: SocketAddr) -> Result<Vec<Said>, Failure> {
        let mut values = Values::default();
        values.set("repo", format!("conversations/{}", self.name()).into_bytes());
        let is_locked = self.server().is_locked();
        let mut run =
            Run { path: &self.path, server, is_locked, values, connection: None, line: 0, said: Vec::new() };
        for step in &self.script.steps {
            run.line = step.line;
            match &step.action {
                Action::Let { name, maker } => {
                    let bytes = maker.make(&run.values).map_err(|message| run.failure(&message))?;
                    run.values.set(name, bytes);
                }
                Action::Push { names, repository } => run.push(names, repository)?,
                Action::Reconnect => run.leave()?,
                Action::Exchange(exchange) => run.exchanges(exchange)?,
            }
        }
        run.leave().map(|()| run.said)
    }
}

/// A reply in a conversation.
#[derive(Clone, Debug)]
pub struct Said {
    /// The line of the file that asked for it.
    pub line: usize,
    /// The method of the request.
    pub method: String,
    /// What came.
    pub reply: Reply,
}

/// A conversation while it is held.
struct Run<'a> {
    path: &'a Path,
    server: SocketAddr,
    is_locked: bool,
    values: Values,
    connection: Option<Connection>,
    line: usize,
    said: Vec<Said>,
}

impl Run<'_> {
    fn failure(&self, message: &str) -> Failure {
        Failure { text: format!("{}:{}: {message}", self.path.display(), self.line) }
    }

    /// Holds an exchange, once per value of its `for`.
    fn exchanges(&mut self, exchange: &Exchange) -> Result<(), Failure> {
        let Some((name, each)) = &exchange.each else { return self.exchange(exchange) };
        for template in each {
            let value = self.values.fill(template).map_err(|message| self.failure(&message))?;
            self.values.set(name, value);
            self.exchange(exchange).map_err(|failure| Failure {
                text: format!("{}\n  with {name} = {template}", failure.text.trim_end()),
            })?;
        }
        Ok(())
    }

    fn exchange(&mut self, exchange: &Exchange) -> Result<(), Failure> {
        let request =
            render(exchange, &self.values, self.server).map_err(|message| self.failure(&message))?;
        match &exchange.end {
            End::HangUp => {
                let sent = self.connection()?.send_and_leave(&request);
                sent.map_err(|message| self.both(&message, &request, None))
            }
            End::Reply(stated) => self.request(&request, stated),
        }
    }

    fn request(&mut self, request: &Request, stated: &Stated) -> Result<(), Failure> {
        let mut connection = self.connection()?;
        let reply = connection.exchange(request).map_err(|message| self.both(&message, request, None))?;
        // A body that was announced and never sent leaves a connection that nobody can go on with.
        let unsent = request.expects_100 && reply.interim.is_empty();
        if !reply.closed && !unsent {
            self.connection = Some(connection);
        }
        let wrong = check::check(request, &reply, stated, &mut self.values);
        if wrong.is_empty() {
            self.said.push(Said { line: stated.line, method: request.method.clone(), reply });
            return Ok(());
        }
        let lines =
            wrong.iter().map(|(line, message)| format!("{}:{line}: {message}\n", self.path.display()));
        Err(Failure { text: lines.collect::<String>() + &dialogue(request, Some(&reply)) })
    }

    fn both(&self, message: &str, request: &Request, reply: Option<&Reply>) -> Failure {
        Failure { text: format!("{}\n{}", self.failure(message).text, dialogue(request, reply)) }
    }

    fn connection(&mut self) -> Result<Connection, Failure> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(self.server)
                .map_err(|error| self.failure(&format!("connecting to {}: {error}", self.server))),
        }
    }

    /// Leaves the connection. A last request shows that the reply before it left nothing behind.
    fn leave(&mut self) -> Result<(), Failure> {
        if self.connection.is_none() {
            return Ok(());
        }
        let head = format!("GET /v2/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.server);
        let last = Request {
            method: "GET".to_owned(),
            head: head.into_bytes(),
            body: Vec::new(),
            expects_100: false,
            closes: true,
        };
        let status = if self.is_locked { 401 } else { 200 };
        self.request(&last, &Stated::new(self.line, status, Vec::new()))
    }

    /// Uploads named bodies: POST, then one PUT.
    fn push(&mut self, names: &[String], repository: &str) -> Result<(), Failure> {
        for name in names {
            let text = format!(
                "> POST /v2/{repository}/blobs/uploads/\n< 202\n< Location -> push_location\n\
                 > PUT ${{push_location}} & digest=${{{name}.sha256}}\n>> ${{{name}}}\n< 201\n"
            );
            let script = Script::parse(&text).map_err(|error| self.failure(&error.message))?;
            for step in &script.steps {
                if let Action::Exchange(exchange) = &step.action {
                    let mut exchange = exchange.clone();
                    if let End::Reply(stated) = &mut exchange.end {
                        stated.line = self.line;
                        stated.checks.iter_mut().for_each(|(line, _)| *line = self.line);
                    }
                    self.exchange(&exchange)?;
                }
            }
        }
        Ok(())
    }
}

/// Fills in a request and frames its body: as chunks, one per body line, when the header says so, else in one piece.
fn render(exchange: &Exchange, values: &Values, server: SocketAddr) -> Result<Request, String> {
    let mut target = values.fill_text(&exchange.target)?;
    if let Some(query) = &exchange.query {
        let mark = if target.contains('?') { '&' } else { '?' };
        target = format!("{target}{mark}{}", values.fill_text(query)?);
    }
    if target.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err(format!("the target `{target}` has white space in it"));
    }
    let mut headers = Vec::new();
    for (name, value) in &exchange.headers {
        headers.push((name.clone(), values.fill_text(value)?));
    }
    let named = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let chunked = named("transfer-encoding").is_some_and(|(_, value)| value.eq_ignore_ascii_case("chunked"));
    let expects_100 = named("expect").is_some_and(|(_, value)| value.eq_ignore_ascii_case("100-continue"));
    let closes = named("connection").is_some_and(|(_, value)| value.eq_ignore_ascii_case("close"));
    let needs_host = named("host").is_none();
    let needs_length = !chunked && named("content-length").is_none();
    let pieces = exchange.body.iter().map(|line| values.fill(line)).collect::<Result<Vec<_>, _>>()?;
    let body: Vec<Vec<u8>> = if chunked {
        let filled = pieces.iter().filter(|piece| !piece.is_empty());
        let chunk = |piece: &Vec<u8>| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        filled.map(chunk).chain([b"0\r\n\r\n".to_vec()]).collect()
    } else {
        pieces.into_iter().filter(|piece| !piece.is_empty()).collect()
    };
    if needs_host {
        headers.insert(0, ("Host".to_owned(), server.to_string()));
    }
    let sends_body = !body.is_empty() || matches!(exchange.method.as_str(), "POST" | "PUT" | "PATCH");
    if needs_length && sends_body {
        let length: usize = body.iter().map(Vec::len).sum();
        headers.push(("Content-Length".to_owned(), length.to_string()));
    }
    let mut head = format!("{} {target} HTTP/1.1\r\n", exchange.method);
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    Ok(Request { method: exchange.method.clone(), head: head.into_bytes(), body, expects_100, closes })
}

/// Both messages, for a person to read.
fn dialogue(request: &Request, reply: Option<&Reply>) -> String {
    let mut text = String::from("  sent:\n");
    for line in String::from_utf8_lossy(&request.head).lines().filter(|line| !line.is_empty()) {
        text.push_str(&format!("    > {}\n", line.chars().take(2000).collect::<String>()));
    }
    for piece in &request.body {
        text.push_str(&format!("    >> {}\n", shown(piece)));
    }
    let Some(reply) = reply else { return text };
    text.push_str("  came:\n");
    for status in reply.interim.iter().chain([&reply.status]) {
        text.push_str(&format!("    < {status}\n"));
    }
    for (name, value) in &reply.headers {
        text.push_str(&format!("    < {name}: {value}\n"));
    }
    if !reply.body.is_empty() {
        text.push_str(&format!("    << {}\n", shown(&reply.body)));
    }
    text
}
