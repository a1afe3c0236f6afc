//! The reply that a conversation states: status, header rules, body rules.

/// What a reply has to be.
#[derive(Clone, Debug)]
pub struct Stated {
    /// Line of the status.
    pub line: usize,
    /// The final status.
    pub status: u16,
    /// Interim replies (100) before it.
    pub interim: Vec<u16>,
    /// What becomes of the connection.
    pub open: Open,
    /// The rest, in the order it is written.
    pub checks: Vec<(usize, Check)>,
}

/// What becomes of the connection after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Nothing is said: it stays open, unless a body was refused with an error.
    Default,
    /// `< closed`: the server closes it.
    Closed,
    /// `< maybe closed`: either is right.
    Either,
}

/// One rule of a reply.
#[derive(Clone, Debug)]
pub enum Check {
    /// About a header.
    Header(String, HeaderRule),
    /// About the body.
    Body(BodyRule),
}

/// A rule about one header; the texts are templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderRule {
    /// `Name: value`: these lines of that name, in this order, and no other.
    Is(Vec<String>),
    /// `maybe Name: value`: absent, or exactly this.
    Maybe(String),
    /// `Name ~ pattern`: one line that fits; `*` stands for any run of characters.
    Like(String),
    /// `Name has element`: the comma-separated list of all its lines has that element.
    Has(String),
    /// `no Name`.
    Absent,
    /// `Name -> variable`: one line, kept under that name.
    Capture(String),
}

/// A rule about the body; the texts are templates.
#[derive(Clone, Debug)]
pub enum BodyRule {
    /// `nothing`
    Nothing,
    /// `any`: not even the form of errors is looked at.
    Any,
    /// `bytes TEMPLATE`
    Bytes(String),
    /// `digest TEMPLATE`: sha256 or sha512 of the body.
    Digest(String),
    /// `json TEMPLATE`: equal as JSON.
    Json(String),
    /// `has TEMPLATE`: every key is there; arrays have the same length, in any order.
    Has(String),
    /// `error CODE`, or `error` for any code.
    Error(Option<String>),
    /// `part CONTENT-RANGE = TEMPLATE`, all of them together: exactly these parts, in order.
    Parts(Vec<StatedPart>),
    /// `parts N`
    PartCount(usize),
    /// `keep NAME`: the body, kept under that name.
    Keep(String),
}

/// One stated part of a multipart/byteranges body.
#[derive(Clone, Debug)]
pub struct StatedPart {
    /// Its Content-Range.
    pub range: String,
    /// Its bytes, a template.
    pub bytes: String,
}

impl Stated {
    /// A reply of which only the status is known.
    pub fn new(line: usize, status: u16, interim: Vec<u16>) -> Self {
        Self { line, status, interim, open: Open::Default, checks: Vec::new() }
    }

    /// Adds what follows `< `.
    pub fn add_head(&mut self, line: usize, text: &str) -> Result<(), String> {
        match text {
            "closed" => self.open = Open::Closed,
            "maybe closed" => self.open = Open::Either,
            _ => {
                let (name, rule) = header_rule(text)?;
                if let HeaderRule::Is(more) = &rule
                    && let Some(values) = self.stated_lines(&name)
                {
                    values.extend_from_slice(more);
                    return Ok(());
                }
                self.checks.push((line, Check::Header(name, rule)));
            }
        }
        Ok(())
    }

    /// Adds what follows `<< `.
    pub fn add_body(&mut self, line: usize, text: &str) -> Result<(), String> {
        let rule = body_rule(text)?;
        if let BodyRule::Parts(more) = &rule
            && let Some(parts) = self.stated_parts()
        {
            parts.extend_from_slice(more);
            return Ok(());
        }
        self.checks.push((line, Check::Body(rule)));
        Ok(())
    }

    fn stated_lines(&mut self, wanted: &str) -> Option<&mut Vec<String>> {
        self.checks.iter_mut().find_map(|(_, check)| match check {
            Check::Header(name, HeaderRule::Is(values)) if name.eq_ignore_ascii_case(wanted) => Some(values),
            Check::Header(..) | Check::Body(_) => None,
        })
    }

    fn stated_parts(&mut self) -> Option<&mut Vec<StatedPart>> {
        self.checks.iter_mut().find_map(|(_, check)| match check {
            Check::Body(BodyRule::Parts(parts)) => Some(parts),
            Check::Header(..) | Check::Body(_) => None,
        })
    }
}

fn header_rule(text: &str) -> Result<(String, HeaderRule), String> {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    if let Some(name) = first.strip_suffix(':').filter(|name| !name.is_empty()) {
        return Ok((name.to_owned(), HeaderRule::Is(vec![rest.to_owned()])));
    }
    match (first, rest.split_once(' ')) {
        ("no", None) if !rest.is_empty() => Ok((rest.to_owned(), HeaderRule::Absent)),
        ("maybe", Some((name, value))) if name.ends_with(':') => {
            Ok((name.trim_end_matches(':').to_owned(), HeaderRule::Maybe(value.trim().to_owned())))
        }
        (name, Some(("~", pattern))) => Ok((name.to_owned(), HeaderRule::Like(pattern.trim().to_owned()))),
        (name, Some(("has", element))) => Ok((name.to_owned(), HeaderRule::Has(element.trim().to_owned()))),
        (name, Some(("->", variable))) => {
            Ok((name.to_owned(), HeaderRule::Capture(variable.trim().to_owned())))
        }
        _ => Err(format!(
            "`{text}` says nothing about a header; write `Name: value`, `Name ~ pattern`, `Name has element`, \
             `Name -> variable`, `no Name`, `maybe Name: value`, `closed` or `maybe closed`"
        )),
    }
}

fn body_rule(text: &str) -> Result<BodyRule, String> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.to_owned();
    match (word, rest.is_empty()) {
        ("nothing", true) => Ok(BodyRule::Nothing),
        ("any", true) => Ok(BodyRule::Any),
        ("error", true) => Ok(BodyRule::Error(None)),
        ("error", false) => Ok(BodyRule::Error(Some(rest))),
        ("bytes", false) => Ok(BodyRule::Bytes(rest)),
        ("digest", false) => Ok(BodyRule::Digest(rest)),
        ("json", false) => Ok(BodyRule::Json(rest)),
        ("has", false) => Ok(BodyRule::Has(rest)),
        ("keep", false) => Ok(BodyRule::Keep(rest)),
        ("part", false) => {
            let (range, bytes) = rest.split_once(" = ").ok_or("write `part bytes 0-9/100 = ${body[0-9]}`")?;
            let (range, bytes) = (range.to_owned(), bytes.to_owned());
            Ok(BodyRule::Parts(vec![StatedPart { range, bytes }]))
        }
        ("parts", false) => {
            rest.parse().map(BodyRule::PartCount).map_err(|_| format!("`{rest}` is not a number of parts"))
        }
        _ => Err(format!(
            "`{text}` says nothing about a body; write nothing, any, error CODE, bytes ..., digest ..., json ..., \
             has ..., part RANGE = ..., parts N or keep NAME"
        )),
    }
}
