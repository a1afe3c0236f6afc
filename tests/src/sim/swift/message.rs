use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

/// A request, taken apart.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: String,
    /// `/CONTAINER/OBJECT`, unescaped.
    pub path: String,
    query: Vec<(String, String)>,
    /// X-Auth-Token.
    pub token: String,
    /// The fields.
    pub fields: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Ask {
    /// Takes a rendered request apart; its path begins with that of an account.
    pub fn new(request: &Request<()>, body: Bytes) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        Self::parse(request.method().as_str(), target, request.headers().clone(), body)
    }

    /// A request for `/v1/ACCOUNT/CONTAINER/OBJECT?QUERY`.
    pub fn parse(method: &str, target: &str, fields: HeaderMap, body: Bytes) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path: String = path.splitn(4, '/').nth(3).map_or_else(String::new, |path| format!("/{path}"));
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(name), unescape(value))
        });
        let token = fields.get("x-auth-token").and_then(|value| value.to_str().ok());
        Self {
            method: method.to_owned(),
            path: unescape(&path),
            query: pairs.collect(),
            token: token.unwrap_or_default().to_owned(),
            fields,
            body,
        }
    }

    /// The value of a parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn container(&self) -> Option<&str> {
        self.path.split('/').nth(1).filter(|name| !name.is_empty())
    }

    pub(super) fn object(&self) -> Option<&str> {
        self.path.splitn(3, '/').nth(2).filter(|name| !name.is_empty())
    }

    pub(super) fn is_newest(&self) -> bool {
        self.field("x-newest").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields.
    pub fields: HeaderMap,
    /// The body, as far as it comes.
    pub body: Bytes,
    /// It breaks off where `body` ends, which is before its stated length.
    pub broken: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, now: u64) -> Self {
        let fields = fields_of(&[("date", &http_date(now / 1_000_000)), ("content-length", "0")]);
        Self { status, fields, body: Bytes::new(), broken: false }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.fields.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// A text for people.
    pub(super) fn text(self, method: &str, text: &str) -> Self {
        self.body(method, Bytes::copy_from_slice(text.as_bytes()))
    }

    /// A body, of which a HEAD is told the length alone.
    pub(super) fn body(mut self, method: &str, body: Bytes) -> Self {
        self = self.with("content-length", &body.len().to_string());
        if method != "HEAD" {
            self.body = body;
        }
        self
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(|value| value.to_str().ok())
    }
}

pub(super) fn fields_of(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
}

/// Seconds and fractions, as Swift writes timestamps.
pub(super) fn timestamp_text(at: u64) -> String {
    format!("{}.{:05}", at / 100_000, at % 100_000)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(super) fn http_date(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = clock(seconds);
    let week = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(seconds / 86_400 % 7) as usize];
    let name = MONTHS[month as usize - 1];
    format!("{week}, {day:02} {name} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// `1994-11-06T08:49:37.123450`
pub(super) fn iso_date(at: u64) -> String {
    let seconds = at / 100_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = clock(seconds);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:05}0", at % 100_000)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn clock(seconds: u64) -> (u64, u64, u64) {
    (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day, of days since 1970. The year begins in March, so that the odd day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| after.get(..2)).flatten();
        let value = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(value.unwrap_or(*byte));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
