//! Carries a tree over into settings, by the table, and says all that is wrong with it.

use std::ops::RangeInclusive;
use std::time::Duration;

use wharfinger_core::settings::{SWIFT_COLLECTED_BYTES_MIN, SWIFT_SEGMENT_BYTES};
use wharfinger_core::swift::{Endpoint, origin};

use super::Settings;
use super::choice::Driver;
use super::error::{Place, Problem};
use super::heed::unheeded;
use super::list::List;
use super::locks;
use super::nearest::nearest;
use super::table::{Kind, SETTINGS, UNSUPPORTED, Unsupported};
use super::yaml::{Entry, Node, Value};
use crate::secret::Secret;

/// Longest excerpt of a value in a message, characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// Sets what `tree` says in `settings`; what stands at `hidden` places is not shown. If problems are returned, `settings` is
/// of no use.
pub fn apply(tree: &Node, hidden: &[Place], settings: &mut Settings) -> Vec<Problem> {
    let mut walk = Walk { settings, hidden, problems: Vec::new(), places: Vec::new() };
    walk.section("", tree);
    let top_missing = matches!(&tree.value, Value::Mapping(entries) if entries.is_empty());
    if top_missing {
        walk.refuse(tree.place, "", "found an empty mapping; expected the key `registry`".to_owned());
    }
    walk.compare();
    walk.compare_redirect();
    walk.pair_tls();
    walk.fit_driver(tree.place);
    let misunderstood = locks::understand(tree, walk.settings);
    walk.problems.extend(misunderstood);
    walk.problems
}

struct Walk<'a> {
    settings: &'a mut Settings,
    /// Where values stand that came from elsewhere.
    hidden: &'a [Place],
    problems: Vec<Problem>,
    /// Where each setting was read.
    places: Vec<(&'static str, Place)>,
}

impl Walk<'_> {
    /// Reads the keys of the mapping at `path`.
    fn section(&mut self, path: &str, node: &Node) {
        match &node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    self.entry(path, entry);
                }
            }
            // `limits:` with every line below it commented out.
            Value::Scalar { text, plain: true } if scalar(text) == Scalar::Null && !path.is_empty() => {}
            Value::Scalar { .. } | Value::List(_) => {
                let keys: Vec<&str> = keys_of(path).collect();
                let found = found(&node.value, self.hidden.contains(&node.place));
                let message = format!("found {found}; expected a mapping with {}", listed(&keys));
                self.refuse(node.place, path, message);
            }
        }
    }

    fn entry(&mut self, section: &str, Entry { place, key, node }: &Entry) {
        if key.contains('.') {
            self.refuse(
                *place,
                key,
                "unknown key; expected one key per line, sections indented below their name".into(),
            );
            return;
        }
        let path = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        if let Some(Unsupported { reason, .. }) = UNSUPPORTED.iter().find(|entry| names(entry, &path, node)) {
            self.refuse(*place, &path, (*reason).to_owned());
        } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.path == path) {
            let hidden = self.hidden.contains(&node.place);
            match read(&setting.kind, node, hidden, self.settings) {
                Ok(()) => self.places.push((setting.path, node.place)),
                Err((place, message)) => self.refuse(place, &path, message),
            }
        } else if keys_of(&path).next().is_some() {
            self.section(&path, node);
        } else {
            self.refuse(*place, &path, unknown(section, key));
        }
    }

    /// Checks what two settings say together.
    fn compare(&mut self) {
        let (manifest, collected) = ("registry.limits.manifest-bytes", "registry.limits.collected-bytes");
        let limits = &self.settings.limits;
        let (manifest_bytes, collected_bytes) = (limits.manifest_bytes, limits.collected_bytes);
        if manifest_bytes <= collected_bytes {
            return;
        }
        let place = |path| self.places.iter().find(|(read, _)| *read == path).map(|(_, place)| *place);
        // One of the two was set, since the defaults fit each other.
        if let Some(place) = place(manifest) {
            let message = format!(
                "found {manifest_bytes}; expected at most collected-bytes, which is {collected_bytes}: lower this or raise that"
            );
            self.refuse(place, manifest, message);
        } else if let Some(place) = place(collected) {
            let message = format!(
                "found {collected_bytes}; expected at least manifest-bytes, which is {manifest_bytes}: raise this or lower that"
            );
            self.refuse(place, collected, message);
        }
    }

    /// Checks that no URL outlives the key that it was signed with.
    fn compare_redirect(&mut self) {
        let storage = &self.settings.storage;
        if !storage.redirect || storage.driver != Driver::Swift {
            return;
        }
        let (life, period) = (storage.redirect_time, storage.redirect_key_time);
        let paths = ["registry.storage.redirect-seconds", "registry.storage.redirect-key-seconds"];
        let read = self.places.iter().find(|(read, _)| life > period && paths.contains(read)).copied();
        if let Some((path, place)) = read {
            let (life, period) = (life.as_secs_f64(), period.as_secs_f64());
            let message = format!(
                "redirect-seconds is {life} and redirect-key-seconds {period}; expected at most as much: lower the first or raise the second"
            );
            self.refuse(place, path, message);
        }
    }

    /// Checks that a certificate has its key, and that no certificates of clients are wanted without TLS.
    fn pair_tls(&mut self) {
        let (certificate, key) = ("registry.tls-cert", "registry.tls-key");
        let authorities = "registry.tls-client-ca";
        let place = |path| self.places.iter().find(|(read, _)| *read == path).map(|(_, place)| *place);
        let message =
            |missing: &str| format!("missing; `{missing}` makes a pair with this: name both or none");
        let mut wrong = Vec::new();
        match (place(certificate), place(key)) {
            (Some(place), None) => wrong.push((place, key, message("tls-cert"))),
            (None, Some(place)) => wrong.push((place, certificate, message("tls-key"))),
            (Some(_), Some(_)) => {}
            (None, None) => {
                let message = "TLS is not served without tls-cert and tls-key; name these, or remove this";
                wrong.extend(place(authorities).map(|place| (place, authorities, message.to_owned())));
            }
        }
        for (place, path, message) in wrong {
            if !self.problems.iter().any(|problem| problem.path == path) {
                self.refuse(place, path, message);
            }
        }
    }

    /// Checks that what a driver needs is there, and nothing that it would not heed.
    fn fit_driver(&mut self, top: Place) {
        let places = std::mem::take(&mut self.places);
        let place = |path: &str| places.iter().find(|(read, _)| *read == path).map(|(_, place)| *place);
        for (path, place) in &places {
            if let Some(message) = unheeded(path, &self.settings.storage) {
                self.refuse(*place, path, message.to_owned());
            }
        }
        match self.settings.storage.driver {
            Driver::Filesystem => {
                let redirect = "registry.storage.redirect";
                if let Some(place) = place(redirect).filter(|_| self.settings.storage.redirect) {
                    let message = "found true, which is for `driver: swift`: no client can read a directory; remove it, or choose that driver";
                    self.refuse(place, redirect, message.to_owned());
                }
            }
            Driver::Swift => {
                let at = place("registry.storage.driver").unwrap_or(top);
                let no_container = self.settings.storage.container.is_none();
                let no_secret = self.settings.secret.is_none();
                for (path, missing, what) in [
                    ("registry.storage.container", no_container, "the name of a container"),
                    ("registry.secret", no_secret, "the secret that all servers on that container share"),
                ] {
                    let told = self.problems.iter().any(|problem| problem.path == path);
                    if missing && !told {
                        self.refuse(at, path, format!("missing; `driver: swift` needs {what}"));
                    }
                }
                let collected = "registry.limits.collected-bytes";
                let bytes = self.settings.limits.collected_bytes;
                if let Some(place) = place(collected).filter(|_| bytes < SWIFT_COLLECTED_BYTES_MIN) {
                    let message = format!(
                        "found {bytes}; expected at least {SWIFT_COLLECTED_BYTES_MIN} with `driver: swift`, which merges small segments in memory: raise it"
                    );
                    self.refuse(place, collected, message);
                }
                if place("registry.limits.segment-bytes").is_none() {
                    self.settings.limits.segment_bytes = SWIFT_SEGMENT_BYTES;
                }
            }
        }
    }

    fn refuse(&mut self, place: Place, path: &str, message: String) {
        self.problems.push(Problem { place, path: path.to_owned(), message });
    }
}

/// Whether `entry` speaks of this key with this value.
fn names(entry: &Unsupported, path: &str, node: &Node) -> bool {
    entry.path == path
        && match (entry.value, &node.value) {
            (None, _) => true,
            (Some(value), Value::Scalar { text, .. }) => text == value,
            (Some(_), Value::List(_) | Value::Mapping(_)) => false,
        }
}

/// The keys that may stand in the section at `path`; none if there is no such section.
fn keys_of(path: &str) -> impl Iterator<Item = &'static str> {
    let mut last = "";
    SETTINGS.iter().filter_map(move |setting| {
        let rest = match path {
            "" => setting.path,
            path => setting.path.strip_prefix(path)?.strip_prefix('.')?,
        };
        let key = rest.split('.').next().unwrap_or(rest);
        (std::mem::replace(&mut last, key) != key).then_some(key)
    })
}

/// What to say about a key that nothing knows.
fn unknown(section: &str, key: &str) -> String {
    if let Some(near) = nearest(key, keys_of(section)) {
        return format!("unknown key; did you mean `{near}`?");
    }
    let elsewhere = SETTINGS.iter().filter_map(|setting| setting.path.rsplit('.').next());
    if let Some(near) = nearest(key, elsewhere)
        && let Some(setting) = SETTINGS.iter().find(|setting| setting.path.rsplit('.').next() == Some(near))
    {
        return format!("unknown key; did you mean `{}`?", setting.path);
    }
    let keys: Vec<&str> = keys_of(section).collect();
    format!("unknown key; expected {}", listed(&keys))
}

/// Sets the field of `kind` to what `node` says, or tells what was found and what was expected.
fn read(kind: &Kind, node: &Node, hidden: bool, settings: &mut Settings) -> Result<(), (Place, String)> {
    if let Kind::List { field, .. } = kind {
        *field(settings) = Some(List::read(&node.value));
        return Ok(());
    }
    if let Kind::Secrets { min, max, field } = kind {
        *field(settings) = read_secrets(node, *min..=*max)?;
        return Ok(());
    }
    let hidden = hidden || matches!(kind, Kind::Secret { .. });
    set(kind, &node.value, settings).ok_or_else(|| {
        let message = format!("found {}; expected {}", found(&node.value, hidden), expected(kind, settings));
        (node.place, message)
    })
}

fn read_secrets(node: &Node, length: RangeInclusive<usize>) -> Result<Vec<Secret>, (Place, String)> {
    let expected = format!(
        "a text of {} to {} bytes, in quotes if it looks like a number",
        length.start(),
        length.end()
    );
    let Value::List(items) = &node.value else {
        return Err((node.place, format!("found {}; expected a list of secrets", found(&node.value, true))));
    };
    let read = |item: &Node| {
        if let Value::Scalar { text, plain } = &item.value
            && (!*plain || scalar(text) == Scalar::Text)
            && length.contains(&text.len())
        {
            return Ok(Secret::from_phrase(text));
        }
        Err((item.place, format!("found {}; expected {expected}", found(&item.value, true))))
    };
    items.iter().map(read).collect()
}

/// Sets the field of `kind`, unless `value` does not fit it.
fn set(kind: &Kind, value: &Value, settings: &mut Settings) -> Option<()> {
    let Value::Scalar { text, plain } = value else { return None };
    let as_text = || (!*plain || scalar(text) == Scalar::Text).then_some(text.as_str());
    match kind {
        Kind::Address { field, .. } => *field(settings) = as_text()?.parse().ok()?,
        Kind::Port { field, .. } => *field(settings) = whole(text, *plain)?.try_into().ok()?,
        Kind::Number { min, max, field, .. } => {
            *field(settings) = whole(text, *plain).filter(|number| (*min..=*max).contains(number))?;
        }
        Kind::Seconds { min, max, field, .. } => {
            let seconds = decimal(text, *plain).filter(|seconds| (*min..=*max).contains(seconds))?;
            *field(settings) = Duration::try_from_secs_f64(seconds).ok()?;
        }
        Kind::Switch { field, .. } => {
            *field(settings) = match scalar(text) {
                Scalar::Truth(truth) if *plain => truth,
                Scalar::Truth(_) | Scalar::Null | Scalar::Number | Scalar::Text => return None,
            };
        }
        Kind::Name { field, .. } => return field(settings).choose(as_text()?).then_some(()),
        Kind::Path { field, .. } => {
            *field(settings) = as_text().filter(|text| !text.is_empty() && !text.contains('\0'))?.into();
        }
        Kind::File { field } => {
            let text = as_text().filter(|text| !text.is_empty() && !text.contains('\0'))?;
            *field(settings) = Some(text.into());
        }
        Kind::Text { field } => {
            let text = as_text().filter(|text| !text.is_empty() && !text.contains('\0'))?;
            *field(settings) = Some(text.to_owned());
        }
        Kind::Container { field } => {
            *field(settings) = Some(as_text().filter(|text| Endpoint::takes_container(text))?.to_owned());
        }
        Kind::Url { field } => *field(settings) = Some(origin(as_text()?)?),
        Kind::Secret { min, max, field } => {
            let phrase = as_text().filter(|phrase| (*min..=*max).contains(&phrase.len()))?;
            *field(settings) = Some(Secret::from_phrase(phrase));
        }
        // They are no scalars.
        Kind::Secrets { .. } | Kind::List { .. } => return None,
    }
    Some(())
}

/// What `kind` takes, in words.
pub fn expected(kind: &Kind, settings: &mut Settings) -> String {
    match kind {
        Kind::Address { .. } => "an IP address such as 127.0.0.1 or \"::1\"".to_owned(),
        Kind::Port { .. } => "a whole number from 0 to 65535".to_owned(),
        Kind::Number { min, max, unit, .. } => format!("a whole number from {min} to {max} ({unit})"),
        Kind::Seconds { min, max, .. } => format!("a number from {min} to {max} (seconds)"),
        Kind::Switch { .. } => "true or false".to_owned(),
        Kind::Name { field, .. } => listed(field(settings).names()),
        Kind::Path { .. } => "a path".to_owned(),
        Kind::File { .. } => "the path of a file".to_owned(),
        Kind::Text { .. } => "a text that is not empty, in quotes if it looks like a number".to_owned(),
        Kind::Container { .. } => {
            "the name of a container: 1 to 256 bytes without a slash, in quotes if it looks like a number"
                .to_owned()
        }
        Kind::Url { .. } => "a URL of http or https without user, path and query".to_owned(),
        Kind::Secret { min, max, .. } => {
            format!("a text of {min} to {max} bytes, in quotes if it looks like a number")
        }
        Kind::Secrets { .. } => "a list of secrets".to_owned(),
        Kind::List { items, .. } => format!("a list of {items}"),
    }
}

/// `a`, `b` or `c`.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "nothing".to_owned(),
    }
}

/// `value` in words; of what is hidden, only its length.
fn found(value: &Value, hidden: bool) -> String {
    match value {
        Value::List(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Scalar { text, plain } => match if *plain { scalar(text) } else { Scalar::Text } {
            Scalar::Null => "nothing".to_owned(),
            Scalar::Text if hidden => format!("a text of {} bytes", text.len()),
            Scalar::Number if hidden => "a number".to_owned(),
            Scalar::Truth(_) | Scalar::Number => excerpt(text),
            Scalar::Text => format!("the text {:?}", excerpt(text)),
        },
    }
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a scalar without quotes is, by the core schema of YAML 1.2 (section 10.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Truth(bool),
    Number,
    Text,
}

pub(super) fn scalar(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Truth(true),
        "false" | "False" | "FALSE" => Scalar::Truth(false),
        text if is_number(text) => Scalar::Number,
        _ => Scalar::Text,
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let radix = |prefix, radix| {
        text.strip_prefix(prefix).is_some_and(|digits: &str| {
            !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
        })
    };
    let special = matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN");
    // Rust reads `inf` and `nan` as numbers, YAML does not.
    let digits = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    special || radix("0x", 16) || radix("0o", 8) || (digits && unsigned.parse::<f64>().is_ok())
}

/// A whole number in decimal. A leading zero is refused: it makes an octal number of YAML 1.1, a decimal one
/// of 1.2.
fn whole(text: &str, plain: bool) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (plain && digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

/// A number such as `30` or `0.3`.
fn decimal(text: &str, plain: bool) -> Option<f64> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let units = whole(units, plain).map(|_| ());
    let fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    (units.is_some() && fraction).then(|| text.parse().ok())?
}
