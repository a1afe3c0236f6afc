//! The text of a conversation, read into steps. Whatever it does not know is an error with its line.

mod reply;

use super::kind::Kind;
use super::value::Maker;
pub use reply::{BodyRule, Check, HeaderRule, Open, Stated, StatedPart};

/// A conversation as it was read.
#[derive(Clone, Debug)]
pub struct Script {
    /// Which server it needs.
    pub server: Kind,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One thing to do, and the line it begins at.
#[derive(Clone, Debug)]
pub struct Step {
    /// Counted from 1.
    pub line: usize,
    /// What.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Makes a body and names it.
    Let {
        /// Its name.
        name: String,
        /// How it is made.
        maker: Maker,
    },
    /// Uploads named bodies as blobs.
    Push {
        /// The names of the bodies.
        names: Vec<String>,
        /// The repository, a template.
        repository: String,
    },
    /// Leaves the connection and takes a fresh one.
    Reconnect,
    /// One request and what comes of it.
    Exchange(Box<Exchange>),
}

/// A request and what is expected of it; all texts are templates.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `for NAME in A B C`: held once per value.
    pub each: Option<(String, Vec<String>)>,
    /// The method.
    pub method: String,
    /// The target.
    pub target: String,
    /// What follows ` & `: a query to append with `?` or `&`.
    pub query: Option<String>,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Body lines.
    pub body: Vec<String>,
    /// What comes of it.
    pub end: End,
}

/// How an exchange ends.
#[derive(Clone, Debug)]
pub enum End {
    /// With this reply.
    Reply(Stated),
    /// The client goes away without waiting for a reply.
    HangUp,
}

/// What is wrong with the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Counted from 1.
    pub line: usize,
    /// What, and what to write.
    pub message: String,
}

impl Script {
    /// Reads a whole file.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self { server: Kind::Plain, steps: Vec::new() };
        let mut draft: Option<Draft> = None;
        let mut each = None;
        for (line, text) in joined_lines(text)? {
            let fail = |message: String| ScriptError { line, message };
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if let Some(part) = arrow(&text, ">>") {
                let draft = draft.as_mut().filter(|draft| draft.open());
                draft.ok_or_else(|| fail("a body without its request line".to_owned()))?.body.push(part);
            } else if let Some(part) = arrow(&text, "<<") {
                let stated = draft.as_mut().and_then(|draft| draft.stated.as_mut());
                let stated = stated.ok_or_else(|| fail("a body before its status line".to_owned()))?;
                stated.add_body(line, &part).map_err(fail)?;
            } else if let Some(part) = arrow(&text, ">") {
                match draft.as_mut().filter(|draft| draft.open() && draft.body.is_empty()) {
                    Some(draft) => draft.headers.push(header(&part).map_err(fail)?),
                    None => {
                        finish(&mut script, draft.take())?;
                        draft = Some(Draft::begin(line, &part, each.take()).map_err(fail)?);
                    }
                }
            } else if let Some(part) = arrow(&text, "<") {
                let draft = draft.as_mut().filter(|draft| !draft.hung_up);
                let draft = draft.ok_or_else(|| fail("a reply without its request".to_owned()))?;
                draft.add_reply(line, &part).map_err(fail)?;
            } else if text == "hang up" {
                let draft = draft.as_mut().filter(|draft| draft.open());
                draft
                    .ok_or_else(|| {
                        fail("`hang up` stands after a request, in place of its reply".to_owned())
                    })?
                    .hung_up = true;
            } else {
                finish(&mut script, draft.take())?;
                if each.is_some() {
                    return Err(fail("`for` stands right before a request".to_owned()));
                }
                match text.strip_prefix("for ") {
                    Some(rest) => each = Some(parse_for(rest).map_err(fail)?),
                    None => statement(&mut script, line, &text).map_err(fail)?,
                }
            }
        }
        finish(&mut script, draft.take())?;
        match each {
            Some(_) => Err(ScriptError { line: 0, message: "a `for` at the end has no request".to_owned() }),
            None => Ok(script),
        }
    }
}

/// An exchange while it is being read.
struct Draft {
    line: usize,
    each: Option<(String, Vec<String>)>,
    method: String,
    target: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<String>,
    stated: Option<Stated>,
    interim: Vec<u16>,
    hung_up: bool,
}

impl Draft {
    fn begin(line: usize, text: &str, each: Option<(String, Vec<String>)>) -> Result<Self, String> {
        let (request, query) = match text.split_once(" & ") {
            Some((request, query)) => (request, Some(query.to_owned())),
            None => (text, None),
        };
        let Some((method, target)) = request.split_once(' ') else {
            return Err(format!("`{text}` is not a request line; write `> METHOD /target`"));
        };
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(format!(
                "`{method}` is not a method (a header line needs its request line before it)"
            ));
        }
        Ok(Self {
            line,
            each,
            method: method.to_owned(),
            target: target.to_owned(),
            query,
            headers: Vec::new(),
            body: Vec::new(),
            stated: None,
            interim: Vec::new(),
            hung_up: false,
        })
    }

    /// Whether request lines may still come.
    fn open(&self) -> bool {
        self.stated.is_none() && self.interim.is_empty() && !self.hung_up
    }

    fn add_reply(&mut self, line: usize, text: &str) -> Result<(), String> {
        if let Some(stated) = self.stated.as_mut() {
            return stated.add_head(line, text);
        }
        let status = text.parse::<u16>().ok().filter(|status| (100..600).contains(status));
        match status {
            Some(status) if status < 200 => self.interim.push(status),
            Some(status) => self.stated = Some(Stated::new(line, status, std::mem::take(&mut self.interim))),
            None => return Err(format!("`{text}` is not a status; a reply begins with `< 200`")),
        }
        Ok(())
    }
}

fn finish(script: &mut Script, draft: Option<Draft>) -> Result<(), ScriptError> {
    let Some(draft) = draft else { return Ok(()) };
    let end = match (draft.stated, draft.hung_up) {
        (Some(stated), false) => End::Reply(stated),
        (None, true) => End::HangUp,
        (None, false) | (Some(_), true) => {
            let message = "this request needs the reply that is expected (`< 200`), or `hang up`".to_owned();
            return Err(ScriptError { line: draft.line, message });
        }
    };
    let exchange = Exchange {
        each: draft.each,
        method: draft.method,
        target: draft.target,
        query: draft.query,
        headers: draft.headers,
        body: draft.body,
        end,
    };
    script.steps.push(Step { line: draft.line, action: Action::Exchange(Box::new(exchange)) });
    Ok(())
}

/// A statement: all that is neither prose nor one of the four arrows.
fn statement(script: &mut Script, line: usize, text: &str) -> Result<(), String> {
    let action = if let Some(rest) = text.strip_prefix("let ") {
        let (name, maker) = rest.split_once('=').ok_or("write `let NAME = ...`")?;
        Action::Let { name: valid_name(name.trim())?, maker: Maker::parse(maker.trim())? }
    } else if let Some(rest) = text.strip_prefix("push ") {
        let (names, repository) = rest.split_once(" to ").ok_or("write `push NAME, NAME to REPOSITORY`")?;
        let names = names.split(',').map(|name| valid_name(name.trim())).collect::<Result<_, _>>()?;
        Action::Push { names, repository: repository.trim().to_owned() }
    } else if text == "reconnect" {
        Action::Reconnect
    } else if let Some(kind) = text.strip_prefix("server: ") {
        if !script.steps.is_empty() {
            return Err("`server:` stands before everything else".to_owned());
        }
        let names = || Kind::ALL.map(Kind::name).join(" ");
        script.server = Kind::parse(kind.trim())
            .ok_or_else(|| format!("there is no server `{}`; there are {}", kind.trim(), names()))?;
        return Ok(());
    } else {
        return Err(format!(
            "`{text}` is not known; prose begins with `#`, requests with `>`, replies with `<`, statements with \
             let, push, for, reconnect, hang up or server:"
        ));
    };
    script.steps.push(Step { line, action });
    Ok(())
}

fn parse_for(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, values) = text.split_once(" in ").ok_or("write `for NAME in A B C`")?;
    let values: Vec<String> = values.split_whitespace().map(str::to_owned).collect();
    if values.is_empty() {
        return Err("`for` needs at least one value".to_owned());
    }
    Ok((valid_name(name.trim())?, values))
}

fn valid_name(name: &str) -> Result<String, String> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(valid) {
        return Err(format!("`{name}` is not a name; use a-z, 0-9 and _"));
    }
    if name == "repo" {
        return Err("`repo` is the repository of this file and cannot be set".to_owned());
    }
    Ok(name.to_owned())
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() && !name.contains(' ') => {
            Ok((name.to_owned(), value.trim_start().to_owned()))
        }
        _ => Err(format!("`{text}` is not a header line; write `> Name: value`")),
    }
}

/// What follows the arrow, if the line has exactly this one.
fn arrow(text: &str, arrow: &str) -> Option<String> {
    let rest = text.strip_prefix(arrow)?;
    if rest.is_empty() {
        return Some(String::new());
    }
    rest.strip_prefix(' ').map(str::to_owned)
}

/// Numbered lines, with lines that begin with white space joined to the one before.
fn joined_lines(text: &str) -> Result<Vec<(usize, String)>, ScriptError> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        if text.trim().is_empty() {
            lines.push((line, String::new()));
        } else if text.starts_with([' ', '\t']) {
            match lines.last_mut().filter(|(_, before)| !before.is_empty() && !before.starts_with('#')) {
                Some((_, before)) => {
                    before.push('\n');
                    before.push_str(text);
                }
                None => {
                    let message = "an indented line continues the one before, but there is none".to_owned();
                    return Err(ScriptError { line, message });
                }
            }
        } else {
            lines.push((line, text.trim_end().to_owned()));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_conversation_is_read() {
        let script = Script::parse(
            "# Prose.\nserver: sparse\nlet a = json {\n  \"b\": 1\n  }\npush a, a to ${repo}\nreconnect\n\n\
             for x in 1 2\n> PUT /${x} & digest=${a.sha256}\n> Host: h\n>> ${a}\n>>\n< 100\n< 201\n< Location -> l\n\
             << nothing\n> GET /\n< 200\n> GET /\nhang up\n",
        )
        .expect("parses");
        assert_eq!(script.server, Kind::Sparse);
        assert_eq!(script.steps.iter().map(|step| step.line).collect::<Vec<_>>(), [3, 6, 7, 10, 18, 20]);
        let Action::Exchange(exchange) = &script.steps[3].action else { panic!("an exchange") };
        assert_eq!(exchange.query.as_deref(), Some("digest=${a.sha256}"));
        assert_eq!(exchange.body, ["${a}", ""]);
        assert_eq!(exchange.each, Some(("x".to_owned(), vec!["1".to_owned(), "2".to_owned()])));
    }

    #[test]
    fn whatever_is_not_known_is_an_error_with_its_line() {
        for (text, line) in [
            ("Prose without its mark.", 1),
            ("\nleet a = empty", 2),
            ("let a = nothing at all", 1),
            ("let A = empty", 1),
            ("let repo = empty", 1),
            ("server: other", 1),
            ("let a = empty\nserver: sparse", 2),
            ("< 200", 1),
            ("<< nothing", 1),
            (">> body", 1),
            ("hang up", 1),
            ("> GET /", 1),
            ("> GET /\n< OK", 2),
            ("> GET /\n< 200\n< Some words here", 3),
            ("> GET /\n< 200\n<< what is this", 3),
            ("> GET /\n< 200\nhang up", 3),
            ("> GET /\n> Not a header\n< 200", 2),
            ("> get /\n< 200", 1),
            (">GET /\n< 200", 1),
            ("for x in 1 2\nlet a = empty", 2),
            ("# prose\n  indented", 2),
            ("push a", 1),
        ] {
            match Script::parse(text) {
                Err(error) => assert_eq!(error.line, line, "{text:?}: {}", error.message),
                Ok(_) => panic!("{text:?} was read"),
            }
        }
    }
}
