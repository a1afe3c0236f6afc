//! Holds a reply against what was stated.

use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use super::client::{Reply, Request, shown};
use super::multipart;
use super::script::{BodyRule, Check, HeaderRule, Open, Stated, StatedPart};
use super::value::{Values, hex};

/// Checks the whole reply and keeps what is captured; gives the line and the message of everything that is not as stated.
pub fn check(request: &Request, reply: &Reply, stated: &Stated, values: &mut Values) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    if (&reply.interim, reply.status) != (&stated.interim, stated.status) {
        let (expected, came) =
            (statuses(&stated.interim, stated.status), statuses(&reply.interim, reply.status));
        wrong.push((stated.line, format!("status: expected {expected}, came {came}")));
    }
    wrong.extend(always(request, reply, stated).into_iter().map(|message| (stated.line, message)));
    for (line, check) in &stated.checks {
        let outcome = match check {
            Check::Header(name, rule) => check_header(reply, name, rule, values),
            Check::Body(rule) => check_body(request, reply, rule, values),
        };
        wrong.extend(outcome.err().map(|message| (*line, message)));
    }
    wrong
}

fn statuses(interim: &[u16], status: u16) -> String {
    let all: Vec<String> = interim.iter().chain([&status]).map(u16::to_string).collect();
    all.join(" then ")
}

/// What holds for every reply, stated or not.
fn always(request: &Request, reply: &Reply, stated: &Stated) -> Vec<String> {
    let mut wrong = Vec::new();
    for location in reply.values("location") {
        if !location.starts_with('/') || location.starts_with("//") {
            wrong.push(format!("Location must begin with one `/`, came `{location}`"));
        }
    }
    if !reply.values("content-encoding").is_empty() {
        wrong.push("Content-Encoding: content is never encoded".to_owned());
    }
    let says_body = |check: &(usize, Check)| matches!(check.1, Check::Body(_));
    if reply.status >= 400 && request.method != "HEAD" && !stated.checks.iter().any(says_body) {
        wrong.extend(check_error(reply, None).err());
    }
    let may_close = reply.status >= 400 && !request.body.is_empty();
    match stated.open {
        Open::Closed if !reply.closed => wrong.push("expected the connection to be closed".to_owned()),
        Open::Default if reply.closed && !may_close && !request.closes => {
            wrong.push("expected the connection to stay open, it was closed".to_owned());
        }
        Open::Closed | Open::Default | Open::Either => {}
    }
    wrong
}

fn check_header(reply: &Reply, name: &str, rule: &HeaderRule, values: &mut Values) -> Result<(), String> {
    let came = reply.values(name);
    match rule {
        HeaderRule::Is(templates) => {
            let expected =
                templates.iter().map(|text| values.fill_text(text)).collect::<Result<Vec<_>, _>>()?;
            same(name, &expected, &came)
        }
        HeaderRule::Maybe(_) if came.is_empty() => Ok(()),
        HeaderRule::Maybe(template) => same(name, &[values.fill_text(template)?], &came),
        HeaderRule::Like(template) => {
            let pattern = values.fill_text(template)?;
            match came.as_slice() {
                [value] if fits(&pattern, value) => Ok(()),
                _ => Err(format!("{name}: expected one that fits `{pattern}`, came {}", listed(&came))),
            }
        }
        HeaderRule::Has(template) => {
            let element = values.fill_text(template)?;
            let mut elements = came.iter().flat_map(|value| value.split(','));
            if elements.any(|came| came.trim() == element) {
                return Ok(());
            }
            Err(format!("{name}: expected the element `{element}`, came {}", listed(&came)))
        }
        HeaderRule::Absent if came.is_empty() => Ok(()),
        HeaderRule::Absent => Err(format!("{name}: expected none, came {}", listed(&came))),
        HeaderRule::Capture(variable) => match came.as_slice() {
            [value] => {
                values.set(variable, value.as_bytes().to_vec());
                Ok(())
            }
            _ => Err(format!("{name}: expected exactly one to keep as `{variable}`, came {}", listed(&came))),
        },
    }
}

fn same(name: &str, expected: &[String], came: &[&str]) -> Result<(), String> {
    if expected == came {
        return Ok(());
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    Err(format!("{name}: expected {}, came {}", listed(&expected), listed(came)))
}

fn listed(values: &[&str]) -> String {
    match values {
        [] => "none".to_owned(),
        values => format!("`{}`", values.join("` and `")),
    }
}

/// Whether a text fits a pattern in which `*` stands for any run of characters.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| fits(tail, &rest[at..]))
        }),
    }
}

fn check_body(request: &Request, reply: &Reply, rule: &BodyRule, values: &mut Values) -> Result<(), String> {
    let body = reply.body.as_slice();
    match rule {
        BodyRule::Nothing if body.is_empty() => Ok(()),
        BodyRule::Nothing => Err(format!("body: expected nothing, came {} bytes", body.len())),
        BodyRule::Any => Ok(()),
        BodyRule::Bytes(template) => {
            let expected = values.fill(template)?;
            same_bytes("body", &expected, body)
        }
        BodyRule::Digest(template) => {
            let expected = values.fill_text(template)?;
            let came = if expected.starts_with("sha512:") {
                format!("sha512:{}", hex(&Sha512::digest(body)))
            } else {
                format!("sha256:{}", hex(&Sha256::digest(body)))
            };
            if came == expected {
                return Ok(());
            }
            Err(format!("body: expected {expected}, came {came} ({} bytes)", body.len()))
        }
        BodyRule::Json(template) => {
            let (expected, came) = (json(&values.fill(template)?)?, json(body)?);
            if came == expected {
                return Ok(());
            }
            Err(format!("body: expected {expected}, came {came}"))
        }
        BodyRule::Has(template) => has(&json(&values.fill(template)?)?, &json(body)?, "body"),
        BodyRule::Error(_) if request.method == "HEAD" => {
            Err("a reply to HEAD has no body to check".to_owned())
        }
        BodyRule::Error(code) => check_error(reply, code.as_deref()),
        BodyRule::Parts(expected) => check_parts(reply, expected, values),
        BodyRule::PartCount(expected) => {
            let came = parts(reply)?.len();
            if came == *expected {
                return Ok(());
            }
            Err(format!("body: expected {expected} parts, came {came}"))
        }
        BodyRule::Keep(name) => {
            values.set(name, body.to_vec());
            Ok(())
        }
    }
}

fn same_bytes(what: &str, expected: &[u8], came: &[u8]) -> Result<(), String> {
    if expected == came {
        return Ok(());
    }
    let first = expected.iter().zip(came).position(|(expected, came)| expected != came);
    let at = first.unwrap_or(expected.len().min(came.len()));
    Err(format!(
        "{what}: expected {} bytes, came {}, different from byte {at} on: expected `{}`, came `{}`",
        expected.len(),
        came.len(),
        shown(&expected[at..]),
        shown(&came[at..])
    ))
}

fn parts(reply: &Reply) -> Result<Vec<multipart::Part>, String> {
    match reply.values("content-type").as_slice() {
        [content_type] => multipart::parts(content_type, &reply.body),
        other => Err(format!("Content-Type: expected one multipart/byteranges, came {}", listed(other))),
    }
}

fn check_parts(reply: &Reply, expected: &[StatedPart], values: &Values) -> Result<(), String> {
    let came = parts(reply)?;
    let ranges: Vec<&str> = came.iter().map(|part| part.range.as_str()).collect();
    let stated = expected.iter().map(|part| values.fill_text(&part.range)).collect::<Result<Vec<_>, _>>()?;
    if ranges != stated {
        return Err(format!("parts: expected `{}`, came {}", stated.join("` and `"), listed(&ranges)));
    }
    for (part, stated) in came.iter().zip(expected) {
        same_bytes(&format!("part {}", part.range), &values.fill(&stated.bytes)?, &part.bytes)?;
    }
    Ok(())
}

/// The form of every error: JSON, at least one entry, each with a code and a message that a person can read.
fn check_error(reply: &Reply, code: Option<&str>) -> Result<(), String> {
    if reply.values("content-type") != ["application/json"] {
        let came = reply.values("content-type");
        return Err(format!("an error has Content-Type `application/json`, came {}", listed(&came)));
    }
    let body = json(&reply.body)?;
    let errors = body["errors"].as_array().filter(|errors| !errors.is_empty());
    let errors =
        errors.ok_or_else(|| format!("an error has a list `errors` that is not empty, came {body}"))?;
    for error in errors {
        let code = error["code"].as_str().unwrap_or_default();
        if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
            return Err(format!("the code of an error is of A-Z and _, came {error}"));
        }
        if error["message"].as_str().is_none_or(str::is_empty) {
            return Err(format!("an error has a message for a person, came {error}"));
        }
    }
    match code {
        Some(code) if errors.iter().all(|error| error["code"] != code) => {
            Err(format!("expected the error code {code}, came {body}"))
        }
        Some(_) | None => Ok(()),
    }
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("not JSON ({error}): `{}`", shown(bytes)))
}

/// Every key of `expected` is in `came`; arrays have the same length, in any order; all else is equal.
fn has(expected: &Value, came: &Value, place: &str) -> Result<(), String> {
    match (expected, came) {
        (Value::Object(expected), Value::Object(came)) => {
            expected.iter().try_for_each(|(key, expected)| match came.get(key) {
                Some(came) => has(expected, came, &format!("{place}.{key}")),
                None => Err(format!("{place}.{key}: expected {expected}, came nothing")),
            })
        }
        (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
            let mut left: Vec<&Value> = came.iter().collect();
            expected.iter().try_for_each(|expected| {
                let at = left.iter().position(|came| has(expected, came, place).is_ok());
                let at = at.ok_or_else(|| match left.as_slice() {
                    [came] => has(expected, came, &format!("{place}[]")).err().unwrap_or_default(),
                    _ => format!("{place}: expected an element {expected}, came {left:?}"),
                })?;
                left.remove(at);
                Ok(())
            })
        }
        (expected, came) if expected == came => Ok(()),
        (expected, came) => Err(format!("{place}: expected {expected}, came {came}")),
    }
}
